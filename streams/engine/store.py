"""State of a task: one dict of bytes. In: key and state. Out: what changed since the last transaction, as changelog values.

A changelog value is a header (format version, when the key wants to be woken) followed by the job's state bytes.
"""

import struct
from collections.abc import Callable, ItemsView, KeysView

from streams.errors import UserError

TASK_KEY = b"\x00task"  # the task record's key in the changelog; no key of a job may be this

_HEADER = struct.Struct(">Bq")
_VERSION = 1
_NEVER = -(2**63)


def pack(state: bytes, due_at: int | None) -> bytes:
    """Changelog value of a state."""
    return _HEADER.pack(_VERSION, _NEVER if due_at is None else due_at) + state


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
    """Keys and states; `size_bytes` counts both."""

    __slots__ = ("_changed", "_states", "size_bytes")

    def __init__(self) -> None:
        self._states: dict[bytes, bytes] = {}
        self._changed: set[bytes] = set()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._states)

    def __contains__(self, key: bytes) -> bool:
        return key in self._states

    def get(self, key: bytes) -> bytes | None:
        """The key's state."""
        return self._states.get(key)

    def keys(self) -> KeysView[bytes]:
        """All keys that have state."""
        return self._states.keys()

    def items(self) -> ItemsView[bytes, bytes]:
        """All keys with their states."""
        return self._states.items()

    def put(self, key: bytes, state: bytes | None) -> None:
        """Set the key's state, or delete it, to be written with the next transaction."""
        if key == TASK_KEY:
            raise ValueError(f"a job may not use the key {TASK_KEY!r}: the task record has it")
        if state is not None or key in self._states:
            self._changed.add(key)
        self.load(key, state)

    def load(self, key: bytes, state: bytes | None) -> None:
        """Set the key's state as the changelog has it."""
        old = self._states.get(key)
        if old is not None:
            self.size_bytes -= len(key) + len(old)
        if state is None:
            self._states.pop(key, None)
        else:
            self._states[key] = state
            self.size_bytes += len(key) + len(state)

    @property
    def changed(self) -> int:
        """How many keys the next transaction will write."""
        return len(self._changed)

    def take_changes(self, due_of: Callable[[bytes], int | None]) -> list[tuple[bytes, bytes | None]]:
        """Changelog records (value None deletes) of all that changed; from now on they count as unchanged."""
        states = self._states
        changed, self._changed = self._changed, set()
        records: list[tuple[bytes, bytes | None]] = []
        for key in changed:
            state = states.get(key)
            records.append((key, None if state is None else pack(state, due_of(key))))
        return records
