"""What a condition's outcome tells about nulls: which values are certainly there where it holds, and where it does not."""

from streams.experience.conditions.typed import AllOf, AnyOf, Compare, InList, IsNull, Not, OneOf, Typed, path
from streams.experience.conditions.types import Nullable

Paths = frozenset[str]
NOTHING: Paths = frozenset()


def known_when(piece: Typed) -> tuple[Paths, Paths]:
    """Paths that are not null (if `piece` is true, if it is false)."""
    match piece:
        case IsNull(of=of, negated=negated):
            there = _paths(of)
            return (there, NOTHING) if negated else (NOTHING, there)
        case Not(of=of):
            true, false = known_when(of)
            return false, true
        case AllOf(operands=operands):
            outcomes = [known_when(one) for one in operands]
            return NOTHING.union(*(true for true, _ in outcomes)), _common([false for _, false in outcomes])
        case AnyOf(operands=operands):
            outcomes = [known_when(one) for one in operands]
            return _common([true for true, _ in outcomes]), NOTHING.union(*(false for _, false in outcomes))
        case Compare(operator="==", left=left, right=right):
            return _equal(left, right), NOTHING
        case Compare(operator="!=", left=left, right=right):
            return NOTHING, _equal(left, right)
        case OneOf(item=item) | InList(item=item):
            return _paths(item), NOTHING
    return NOTHING, NOTHING


def _paths(piece: Typed) -> Paths:
    found = path(piece)
    return NOTHING if found is None else frozenset((found,))


def _equal(left: Typed, right: Typed) -> Paths:
    """Equal to something that is not null: not null either."""
    there = NOTHING
    if not isinstance(right.type, Nullable):
        there |= _paths(left)
    if not isinstance(left.type, Nullable):
        there |= _paths(right)
    return there


def _common(sets: list[Paths]) -> Paths:
    return sets[0].intersection(*sets[1:])
