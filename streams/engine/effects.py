"""What a task has done since its last transaction, gathered at the end of an inner batch so that it is whole steps only."""

import msgspec

from streams.engine.job import Output


class Effects(msgspec.Struct, frozen=True):
    """One transaction: outputs, changelog records (value None deletes), the task record, offsets by topic.

    Topics are without prefix. `inputs` counts messages by topic, `dead_letters` by topic and reason; both for metrics.
    """

    outputs: list[Output]
    changes: list[tuple[bytes, bytes | None]]
    record: bytes
    offsets: dict[str, int]
    inputs: dict[str, int]
    dead_letters: dict[tuple[str, str], int]
