"""What another version wrote is refused with its format and a way out; what this one wrote is read."""

import msgspec
import pytest

from streams.errors import UserError
from streams.experience.state import Row
from streams.experience.state_format import StateFormat


class Shelf(Row):
    """Some state."""

    format: int = 3
    books: tuple[str, ...] = ()


SHELVES = StateFormat(Shelf, 3, "the changelog holds shelves")


def test_what_this_version_wrote_is_read_and_nothing_is_a_new_one() -> None:
    assert SHELVES.load(msgspec.msgpack.encode(Shelf(books=("a",)))) == Shelf(books=("a",))
    assert SHELVES.load(None) == Shelf()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ([4, ["a"]], "shelves of format 4, this version knows 3"),
        ([2, "other", 5], "shelves of format 2, this version knows 3"),
        ([3, "a"], "shelves of format 3 with other fields than this version knows"),
        ({"format": 3}, r"shelves of format \?, this version knows 3"),
    ],
)
def test_what_another_version_wrote_is_refused_with_a_way_out(fields: object, told: str) -> None:
    with pytest.raises(UserError, match=rf"(?s){told}.*docs/failures\.md"):
        SHELVES.load(msgspec.msgpack.encode(fields))
