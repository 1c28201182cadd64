"""Operators on checked operands: which types they take, and what comes out. A number without a point fits where a double is wanted."""

from streams.experience.conditions.errors import Refused, nearest
from streams.experience.conditions.typed import (
    Arithmetic,
    Choice,
    Compare,
    Constant,
    HasKey,
    InList,
    IsNull,
    Negation,
    OneOf,
    Typed,
    path,
)
from streams.experience.conditions.types import BOOL, DOUBLE, INT, STRING, List, Map, Nullable, Scalar, Type

NULL: Scalar[None] = Scalar("null")


def base(type_: Type[object]) -> Type[object]:
    """The type without `or null`, without its symbols."""
    plain = type_.of if isinstance(type_, Nullable) else type_
    return Scalar(plain.name) if isinstance(plain, Scalar) else plain


def named(piece: Typed) -> str:
    """The piece for a message."""
    if isinstance(piece, Constant):
        return (
            "null" if piece.value is None else f'"{piece.value}"' if isinstance(piece.value, str) else str(piece.value)
        )
    return f"`{path(piece)}`" if path(piece) else "this"


def there(piece: Typed, for_what: str) -> Typed:
    """The piece, which must not be null here."""
    if isinstance(piece.type, Nullable):
        name = path(piece) or "…"
        what = f"{named(piece)} may be null, {for_what} needs a value"
        raise Refused(piece.offset, what, f"put `{name} != null && ` before it, or `{name} != null ? … : …` around it")
    if piece.type == NULL:
        raise Refused(piece.offset, f"null in {for_what}", "null can only be compared, with == and !=")
    return piece


def fit(piece: Typed, wanted: Type[object]) -> Typed:
    """The piece as `wanted` if it is an int constant (or a choice of such) and a double is wanted; otherwise unchanged."""
    if base(wanted) != DOUBLE or piece.type != INT:
        return piece
    if isinstance(piece, Constant) and isinstance(piece.value, int):
        if int(float(piece.value)) != piece.value:
            raise Refused(piece.offset, f"{piece.value} is not exact as a double", f"write {float(piece.value)!r}")
        return Constant(DOUBLE, piece.offset, float(piece.value))
    if isinstance(piece, Choice):
        then, otherwise = fit(piece.then, wanted), fit(piece.otherwise, wanted)
        if then.type == otherwise.type == DOUBLE:
            return Choice(DOUBLE, piece.offset, piece.condition, then, otherwise)
    return piece


def alike(left: Typed, right: Typed, for_what: str) -> tuple[Typed, Typed]:
    """Both with the same type, apart from null."""
    left, right = fit(left, right.type), fit(right, left.type)
    if NULL not in (left.type, right.type) and base(left.type) != base(right.type):
        what = f"{for_what} of {base(left.type)} and {base(right.type)}"
        raise Refused(right.offset, what, _conversion(base(left.type), base(right.type)))
    return left, right


def _conversion(left: Type[object], right: Type[object]) -> str:
    types = {left, right}
    if types == {INT, DOUBLE}:
        return "turn the int into a double: double(…)"
    if types <= {INT, DOUBLE, STRING} and STRING in types:
        other = "double" if DOUBLE in types else "int"
        return f"turn the text into a number: {other}(…), or put the number in quotes"
    return "both sides need the same type"


def compare(operator: str, left: Typed, right: Typed, offset: int) -> Typed:
    """== != on scalars and null, < <= > >= on numbers and strings."""
    if operator not in ("==", "!="):
        left, right = there(left, operator), there(right, operator)
    left, right = alike(left, right, operator)
    if operator in ("==", "!="):
        for one, other in ((left, right), (right, left)):
            if other.type == NULL:
                return IsNull(BOOL, offset, one, operator == "!=")
    if not isinstance(base(left.type), Scalar):
        raise Refused(
            left.offset, f"{operator} of a {base(left.type)}", "compare a field or an entry of it, or its size()"
        )
    if operator not in ("==", "!=") and base(left.type) == BOOL:
        raise Refused(left.offset, f"{operator} of bools", "use ==, !=, && or ||")
    symbols_hold(left, right)
    return Compare(BOOL, offset, operator, left, right)


def symbols_hold(one: Typed, other: Typed) -> None:
    """A text compared with a closed set must be in it: otherwise the comparison could never hold."""
    in_set(one.type, named(one), other)
    in_set(other.type, named(other), one)


def in_set(type_: Type[object], name: str, piece: Typed) -> None:
    """A constant text where `type_` has a closed set."""
    plain = type_.of if isinstance(type_, Nullable) else type_
    if isinstance(plain, Scalar) and plain.symbols and isinstance(piece, Constant) and piece.value not in plain.symbols:
        close = nearest(str(piece.value), plain.symbols)
        what = f"{name} is never {named(piece)}; it is one of {', '.join(plain.symbols)}"
        raise Refused(piece.offset, what, close if close.startswith("did") else "take one of them")


def one_of(item: Typed, items: tuple[Typed, ...], offset: int) -> Typed:
    """`item in [items]`: constants or values, all of the item's type, none of them null."""
    if not items:
        raise Refused(offset, "`in` an empty list never holds", "put values in the list")
    fitted = []
    for one in items:
        item, right = alike(item, there(one, "a list"), "`in` a list")
        if not isinstance(base(right.type), Scalar):
            raise Refused(right.offset, f"a {right.type} in a list", "lists hold strings, numbers and bools")
        symbols_hold(item, right)
        fitted.append(right)
    # The item may have become a double on the way, at a later element; then the earlier ones must follow.
    return OneOf(BOOL, offset, item, tuple(alike(item, one, "`in` a list")[1] for one in fitted))


def contained(item: Typed, of: Typed, offset: int) -> Typed:
    """`item in` a map (its keys) or a list."""
    there(of, "`in`")
    if isinstance(of.type, Map):
        if base(item.type) != STRING:
            raise Refused(item.offset, f"{named(item)} as a key; keys are strings", "write a string")
        return HasKey(BOOL, offset, of, item)
    if not isinstance(of.type, List):
        what = f"`in` a {of.type}"
        raise Refused(of.offset, what, "write a list [...], a map or a list; for a part of a text: text.contains(part)")
    item = fit(item, of.type.item)
    if base(item.type) != base(of.type.item) or not isinstance(base(item.type), Scalar):
        raise Refused(item.offset, f"{named(item)}, a {item.type}, in a {of.type}", f"look for a {of.type.item}")
    in_set(of.type.item, f"an item of {named(of)}", item)
    return InList(BOOL, offset, item, of)


_TAKES = {"+": (INT, DOUBLE, STRING), "-": (INT, DOUBLE), "*": (INT, DOUBLE), "/": (INT, DOUBLE), "%": (INT,)}


def arithmetic(operator: str, left: Typed, right: Typed, offset: int) -> Typed:
    """Two operands of one type; ints stay ints, and two int constants become one (except / and %, which would round silently)."""
    left, right = alike(there(left, operator), there(right, operator), operator)
    type_ = base(left.type)
    if type_ not in _TAKES[operator]:
        fix = f"it takes {' or '.join(map(str, _TAKES[operator]))}"
        raise Refused(left.offset, f"{operator} of {type_}s", fix)
    if isinstance(left, Constant) and isinstance(right, Constant) and operator in "+-*" and type_ == INT:
        return folded(operator, left, right, offset)
    return Arithmetic(type_, offset, operator, left, right)


def folded(operator: str, left: Constant, right: Constant, offset: int) -> Constant:
    """The int that two int constants make."""
    assert isinstance(left.value, int)
    assert isinstance(right.value, int)
    value = {"+": left.value + right.value, "-": left.value - right.value, "*": left.value * right.value}[operator]
    if not -(2**63) <= value < 2**63:
        raise Refused(offset, f"the result {value} does not fit 64 bits", "write doubles: 1.0")
    return Constant(INT, offset, value)


def negation(of: Typed, offset: int) -> Typed:
    """-x of a number."""
    there(of, "-")
    if isinstance(of, Constant) and type(of.value) is int:
        return folded("-", Constant(INT, offset, 0), of, offset)
    if base(of.type) not in (INT, DOUBLE):
        raise Refused(of.offset, f"- of a {of.type}", "it takes int or double")
    return Negation(base(of.type), offset, of)


def choice(condition: Typed, then: Typed, otherwise: Typed, offset: int) -> Typed:
    """condition ? then : otherwise, both of one type."""
    then, otherwise = alike(then, otherwise, "the two results of ? :")
    nullable = any(isinstance(one.type, Nullable) or one.type == NULL for one in (then, otherwise))
    type_ = base(otherwise.type if then.type == NULL else then.type)
    if not isinstance(type_, Scalar) or type_ == NULL:
        raise Refused(then.offset, f"? : between values of type {type_}", "it gives strings, numbers and bools")
    return Choice(Nullable(type_) if nullable else type_, offset, condition, then, otherwise)
