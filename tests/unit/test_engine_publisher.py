"""What a transaction holds where nothing but time has gone on."""

from unittest.mock import AsyncMock, patch

import pytest

from streams.engine.effects import Effects
from streams.engine.publisher import Publisher
from streams.settings import Settings


@pytest.mark.parametrize(("offsets", "times"), [({}, 0), ({"in-a": 5}, 1)])
async def test_at_least_once_commits_offsets_only_where_there_are_some(offsets: dict[str, int], times: int) -> None:
    to_group = AsyncMock()
    publisher = Publisher(Settings(worker_delivery="at_least_once"), "asof", 0, "asof-changelog", {}, to_group)
    with patch.object(Publisher, "_send", AsyncMock(return_value=7)):
        assert await publisher.commit(Effects([], [(b"k", b"v")], b"", offsets, {}, {}, [])) == 7
    assert to_group.await_count == times
