"""State of a task in memory: one dict of bytes. In: key and state. Out: what changed since the last transaction, as changelog values.

A changelog value is a header (format version, when the key wants to be woken) followed by the job's state bytes.
"""

import struct
from collections.abc import Callable, Container, Iterable, Iterator

from streams.errors import UserError

TASK_KEY = b"\x00task"  # the task record's key in the changelog; no key of a job may be this

_HEADER = struct.Struct(">Bq")
_VERSION = 1
_NEVER = -(2**63)
_UNTIMED = _HEADER.pack(_VERSION, _NEVER)


def pack(state: bytes, due_at: int | None) -> bytes:
    """Changelog value of a state."""
    return (_UNTIMED if due_at is None else _HEADER.pack(_VERSION, due_at)) + state


def unpack(value: bytes) -> tuple[bytes, int | None]:
    """State and wake-up of a changelog value. Raises UserError when another version of the program wrote it."""
    if len(value) < _HEADER.size or value[0] != _VERSION:
        raise UserError(
            "a changelog value has a format that this version does not know",
            "run the version that wrote it, or rebuild the state: docs/failures.md, 'state cannot be used'",
        )
    _, due_at = _HEADER.unpack_from(value)
    return value[_HEADER.size :], None if due_at == _NEVER else due_at


class Store:
    """Keys and states in memory; `size_bytes` counts both.

    `position`: what the changelog has before this offset is in the store; None: nothing is. `record`: the task record as of
    there. A store that outlives its task (disk.py, standby.py) is read on from its position, not from the beginning.
    """

    def __init__(self) -> None:
        self._states: dict[bytes, bytes] = {}
        self._changed: set[bytes] = set()
        self._size_bytes = 0
        self.position: int | None = None
        self.record: bytes | None = None

    def __len__(self) -> int:
        return len(self._states)

    @property
    def size_bytes(self) -> int:
        """Of keys and states."""
        return self._size_bytes

    @property
    def held(self) -> Container[bytes]:
        """Of the keys that have state those that are in memory, then and later."""
        return self._states

    def get(self, key: bytes) -> bytes | None:
        """The key's state."""
        return self._states.get(key)

    def parts(self, size: int) -> Iterator[list[bytes]]:
        """All keys that have state now, in lists of `size`."""
        keys = list(self._states)
        for start in range(0, len(keys), size):
            yield keys[start : start + size]

    def wake_ups(self) -> Iterable[tuple[bytes, int]]:
        """(key, due) of what is in the store when it is opened."""
        return ()

    def put(self, key: bytes, state: bytes | None) -> None:
        """Set the key's state, or delete it, to be written with the next transaction."""
        if key == TASK_KEY:
            raise ValueError(f"a job may not use the key {TASK_KEY!r}: the task record has it")
        old = self._states.get(key)
        if state is not None:
            self._states[key] = state
            self._size_bytes += len(key) + len(state) if old is None else len(state) - len(old)
            self._changed.add(key)
        elif old is not None:
            self.load(key, None, None)
            self._changed.add(key)

    def load(self, key: bytes, state: bytes | None, due_at: int | None) -> None:
        """Set the key's state as the changelog has it."""
        old = self._states.get(key)
        if old is not None:
            self._size_bytes -= len(key) + len(old)
        if state is None:
            self._states.pop(key, None)
        else:
            self._states[key] = state
            self._size_bytes += len(key) + len(state)

    def loaded(self, position: int, record: bytes | None) -> None:
        """What was loaded is all that the changelog has before `position`."""
        self.position, self.record = position, record

    @property
    def changed(self) -> int:
        """How many keys the next transaction will write."""
        return len(self._changed)

    @property
    def changed_bytes(self) -> int:
        """About how much that is: as if they were of middling size."""
        return len(self._changed) * self._size_bytes // max(1, len(self._states))

    def take_changes(self, due_of: Callable[[bytes], int | None]) -> list[tuple[bytes, bytes | None]]:
        """Changelog records (value None deletes) of all that changed; from now on they count as unchanged."""
        states = self._states
        changed, self._changed = self._changed, set()
        records: list[tuple[bytes, bytes | None]] = []
        for key in changed:
            state = states.get(key)
            records.append((key, None if state is None else pack(state, due_of(key))))
        return records

    async def committed(self, position: int | None, record: bytes) -> None:
        """What was taken is in the changelog before `position` (None: nobody knows where), with this task record."""
        self.position, self.record = position, record

    def close(self) -> None:
        """Let go of what it holds open."""
