"""State that says in which format it was written: from its bytes, or a word on what to do when another version wrote them."""

from typing import Final, Generic, Protocol, TypeVar

import msgspec

from streams.errors import UserError


class Versioned(Protocol):
    """A struct whose first field is its format."""

    format: int


StateT = TypeVar("StateT", bound=Versioned)


class StateFormat(Generic[StateT]):
    """Reads one kind of state. `what`: where it lies and what it is, "the changelog holds state"."""

    __slots__ = ("_decode", "_kind", "_known", "_what")

    def __init__(self, kind: type[StateT], known: int, what: str) -> None:
        self._kind: Final = kind
        self._decode: Final = msgspec.msgpack.Decoder(kind).decode
        self._known: Final = known
        self._what: Final = what

    def load(self, state: bytes | None) -> StateT:
        """A state from its bytes; a new one from None. Raises UserError for a format that this version does not know."""
        if state is None:
            return self._kind()
        try:
            row = self._decode(state)
        except msgspec.ValidationError as error:  # a later format may have other fields
            raise self._refused(state) from error
        if row.format != self._known:
            raise self._refused(state)
        return row

    def _refused(self, state: bytes) -> UserError:
        fields = msgspec.msgpack.decode(state)
        found = fields[0] if isinstance(fields, list) and fields else "?"
        told = (
            f", this version knows {self._known}"
            if found != self._known
            else " with other fields than this version knows"
        )
        return UserError(
            f"{self._what} of format {found}{told}",
            'run the version that wrote it, or build the state anew: docs/failures.md, "State cannot be used"',
        )
