"""Random well-typed expressions of the subset, each as two texts: ours, and its twin in CEL without our two conveniences.

The twins differ in two things: an int literal where a double is wanted is written as a double, and has(x) of a struct's field is
written x != null (cel-python knows no messages, so records are maps to it, in which a null is there).
"""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from streams.experience.conditions import BOOL, DOUBLE, INT, STRING, Scalar
from tests.property.cel_environment import INTS, KEYS, PATTERNS, TEXTS

Draw = Callable[[st.SearchStrategy[object]], object]


@dataclass(frozen=True)
class Twin:
    """One expression: as conditions take it, and as cel-python is to read it."""

    ours: str
    theirs: str

    def __add__(self, other: "Twin | str") -> "Twin":
        other = other if isinstance(other, Twin) else Twin(other, other)
        return Twin(self.ours + other.ours, self.theirs + other.theirs)


def same(text: str) -> Twin:
    return Twin(text, text)


def join(*parts: Twin | str) -> Twin:
    return sum((part if isinstance(part, Twin) else same(part) for part in parts), same(""))


def quoted(text: str, raw: bool = False) -> str:
    """A literal with both kinds of quote in reach."""
    if raw and "'" not in text and "\n" not in text:
        return f"r'{text}'"
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


class Expressions:
    """Draws expressions. `known`: nullable paths that what stands before has shown to be there."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw

    def pick(self, options: tuple[object, ...] | list[object]) -> object:
        return self.draw(st.sampled_from(options))

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == 1

    def grouped(self, twin: Twin) -> Twin:
        """Mostly in parentheses; sometimes bare, so that precedence is tested too."""
        return twin if self.chance(4) else join("(", twin, ")")

    def of(self, type_: Scalar[object], depth: int, known: frozenset[str]) -> Twin:
        makers = {"string": self.string, "int": self.int, "double": self.double, "bool": self.bool}
        if depth > 0 and self.chance(8):
            return self.choice(type_, depth - 1, known)
        return makers[type_.name](depth, known)

    def nullable(self, type_: Scalar[object], known: frozenset[str]) -> Twin:
        """A value known to be there; now and then one that may be null (which the checker then refuses)."""
        paths = {
            "string": ("event.ns", 'maybe("b")'),
            "int": ("event.ni",),
            "double": ("event.nd", "event.money"),
            "bool": ("event.nb",),
        }
        fit = [path for path in paths[type_.name] if path in known]
        if fit:
            return same(str(self.pick(fit)))
        return same(paths[type_.name][0]) if self.chance(15) else self.leaf(type_)

    def leaf(self, type_: Scalar[object]) -> Twin:
        match type_.name:
            case "string":
                return same(str(self.pick(["event.s", "event.kind", quoted(str(self.pick(TEXTS)), self.chance(3))])))
            case "int":
                return same("event.i") if self.chance(2) else same(f"({self.pick(INTS)})")
            case "double":
                return self.double_leaf()
        return same(str(self.pick(["event.b", "true", "false", "fails()"])))

    def double_leaf(self) -> Twin:
        number = self.pick((0, 1, 2, 60, -7))
        options = [
            same("event.d"),
            same("score"),
            same("(1.5)"),
            Twin(f"({number})", f"({number}.0)"),
            Twin("10 * 6", "(10.0 * 6.0)"),
        ]
        return self.pick(options)  # type: ignore[return-value]

    def choice(self, type_: Scalar[object], depth: int, known: frozenset[str]) -> Twin:
        condition, if_true, if_false = self.guard(depth, known)
        then, otherwise = self.of(type_, depth, known | if_true), self.of(type_, depth, known | if_false)
        return join("((", condition, ") ? (", then, ") : (", otherwise, "))")

    def guard(self, depth: int, known: frozenset[str]) -> tuple[Twin, frozenset[str], frozenset[str]]:
        """A condition, and what is known where it holds and where it does not."""
        nothing: frozenset[str] = frozenset()
        path = str(self.pick(("event.ns", "event.ni", "event.nd", "event.nb", "event.money", 'maybe("b")')))
        there = frozenset((path,))
        match self.pick(("!=", "==", "has", "!", "equal", "any")):
            case "!=":
                return same(f"{path} != null"), there, nothing
            case "==":
                return same(f"null == {path}"), nothing, there
            case "has" if path.startswith("event"):
                return Twin(f"has({path})", f"({path} != null)"), there, nothing
            case "!":
                return same(f"!({path} != null)"), nothing, there
            case "equal" if path == "event.ns":
                return join(path, " == ", self.grouped(self.string(0, known))), there, nothing
        return self.bool(depth, known), nothing, nothing

    def string(self, depth: int, known: frozenset[str]) -> Twin:
        if depth == 0:
            return self.leaf(STRING)
        match self.pick(("leaf", "null", "+", "entry")):
            case "null":
                return self.nullable(STRING, known)
            case "+":
                return self.grouped(join(self.string(depth - 1, known), " + ", self.string(depth - 1, known)))
            case "entry":
                return self.entry("event.m", depth, known)
        return self.leaf(STRING)

    def entry(self, map_: str, depth: int, known: frozenset[str]) -> Twin:
        key = str(self.pick(KEYS))
        if key.isascii() and key.isalpha() and self.chance(2):
            return same(f"{map_}.{key}")
        if self.chance(3):
            return join(map_, "[", self.string(depth - 1, known), "]")
        return same(f"{map_}[{quoted(key)}]")

    def int(self, depth: int, known: frozenset[str]) -> Twin:
        if depth == 0:
            return self.leaf(INT)
        match self.pick(("leaf", "null", "op", "op", "neg", "size", "entry", "count", "convert")):
            case "null":
                return self.nullable(INT, known)
            case "op":
                operator = str(self.pick(("+", "-", "*", "/", "%")))
                return self.grouped(join(self.int(depth - 1, known), f" {operator} ", self.int(depth - 1, known)))
            case "neg":
                return join("-(", self.int(depth - 1, known), ")")
            case "size":
                of = (
                    self.string(depth - 1, known)
                    if self.chance(2)
                    else same(str(self.pick(("event.m", "event.ls", "event.ld"))))
                )
                return join("size(", of, ")")
            case "entry":
                return self.entry("event.mi", depth, known)
            case "count":
                return join("count(", self.string(depth - 1, known), ")")
            case "convert":
                type_ = STRING if self.chance(2) else DOUBLE
                return join("int(", self.converted(type_, depth, known), ")")
        return self.leaf(INT)

    def converted(self, type_: Scalar[object], depth: int, known: frozenset[str]) -> Twin:
        """An argument of int() or double(). A bare int literal keeps its type there, so the double is one for certain."""
        return (
            self.of(type_, depth - 1, known) if type_ != DOUBLE else join("0.5 + (", self.double(depth - 1, known), ")")
        )

    def double(self, depth: int, known: frozenset[str]) -> Twin:
        if depth == 0:
            return self.leaf(DOUBLE)
        match self.pick(("leaf", "null", "op", "op", "neg", "twice", "convert")):
            case "null":
                return self.nullable(DOUBLE, known)
            case "op":
                operator = str(self.pick(("+", "-", "*", "/")))
                # One side is a double for certain: two int literals would be int arithmetic.
                left, right = (
                    join("(", self.double(depth - 1, known), ")"),
                    same(str(self.pick(("event.d", "score", "(0.0)", "(-2.5)")))),
                )
                pair = (left, right) if self.chance(2) else (right, left)
                return join("(", pair[0], f" {operator} ", pair[1], ")")
            case "neg":
                return join("-(0.0 + (", self.double(depth - 1, known), "))")
            case "twice":
                return join("twice(", self.double(depth - 1, known), ")")
            case "convert":
                type_ = STRING if self.chance(2) else INT
                return join("double(", self.converted(type_, depth, known), ")")
        return self.leaf(DOUBLE)

    def bool(self, depth: int, known: frozenset[str]) -> Twin:
        if depth == 0:
            return self.leaf(BOOL)
        match self.pick(
            ("leaf", "null", "logic", "logic", "logic", "not", "compare", "compare", "compare", "in", "text", "has")
        ):
            case "null":
                return self.nullable(BOOL, known)
            case "logic":
                return self.logic(depth, known)
            case "not":
                return join("!(", self.bool(depth - 1, known), ")")
            case "compare":
                return self.compare(depth, known)
            case "in":
                return self.contained(depth, known)
            case "text":
                return self.text(depth, known)
            case "has":
                key = str(self.pick(("a", "gate", "none")))
                return same(f"has(event.{self.pick(('m', 'mi'))}.{key})")
        return self.leaf(BOOL)

    def logic(self, depth: int, known: frozenset[str]) -> Twin:
        operator = str(self.pick(("&&", "||")))
        left, if_true, if_false = self.guard(depth - 1, known)
        more = known | (if_true if operator == "&&" else if_false)
        right = self.bool(depth - 1, more)
        twin = join("(", left, f") {operator} ", self.grouped(right))
        if self.chance(3):
            twin = join(twin, f" {operator} (", self.bool(depth - 1, more), ")")
        return join("(", twin, ")")

    def compare(self, depth: int, known: frozenset[str]) -> Twin:
        type_ = self.pick((STRING, INT, DOUBLE, BOOL))
        assert isinstance(type_, Scalar)
        operators = ("==", "!=") if type_ == BOOL else ("==", "!=", "<", "<=", ">", ">=")
        left, right = self.of(type_, depth - 1, known), self.of(type_, depth - 1, known)
        if type_ == DOUBLE:
            left = join("0.0 + (", left, ")")
        if self.chance(5):
            left = same(
                {
                    "string": "event.ns",
                    "int": "event.ni",
                    "double": str(self.pick(("event.nd", "event.money"))),
                    "bool": "event.nb",
                }[type_.name]
            )
            operators = ("==", "!=")
        return join("(", left, f") {self.pick(operators)} (", right, ")")

    def contained(self, depth: int, known: frozenset[str]) -> Twin:
        match self.pick(("list", "list", "keys", "strings", "doubles")):
            case "keys":
                return join("(", self.string(depth - 1, known), f") in event.{self.pick(('m', 'mi'))}")
            case "strings":
                return join("(", self.string(depth - 1, known), ") in event.ls")
            case "doubles":
                return join("(", self.double(depth - 1, known), ") in event.ld")
        type_ = self.pick((STRING, INT, DOUBLE))
        assert isinstance(type_, Scalar)
        item = self.of(type_, depth - 1, known)
        if type_ == DOUBLE:
            item = join("0.0 + (", item, ")")
        if self.chance(5):
            item = same(
                {"string": "event.ns", "int": "event.ni", "double": str(self.pick(("event.nd", "event.money")))}[
                    type_.name
                ]
            )
        items = [self.of(type_, depth - 1, known) for _ in range(int(str(self.pick((1, 2, 3)))))]
        return join("(", item, ") in [", *[part for one in items for part in (one, ", ")][:-1], "]")

    def text(self, depth: int, known: frozenset[str]) -> Twin:
        method = str(self.pick(("startsWith", "endsWith", "contains", "matches")))
        of = join("(", self.string(depth - 1, known), ")")
        if method == "matches":
            return join(of, ".matches(", quoted(str(self.pick(PATTERNS))), ")")
        return join(of, f".{method}(", self.string(depth - 1, known), ")")


@st.composite
def expressions(draw: Draw, type_: Scalar[object], depth: int = 4) -> Twin:
    return Expressions(draw).of(type_, depth, frozenset())
