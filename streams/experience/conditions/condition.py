"""A condition's text, its environment and its place in; a function of the frame out."""

from collections.abc import Callable
from typing import Generic, TypeVar, cast

from streams.experience.conditions.check import check, infer
from streams.experience.conditions.errors import ConditionError, Refused
from streams.experience.conditions.facts import Conjunct, conjuncts_of, reads_of
from streams.experience.conditions.syntax import parse
from streams.experience.conditions.transpile import build
from streams.experience.conditions.typed import Typed
from streams.experience.conditions.types import BOOL, Environment, Type
from streams.experience.place import Place

T = TypeVar("T")


class Expression(Generic[T]):
    """A compiled expression. `run(frame)` and calling it are the same; `run` saves a Python call.

    The frame has an attribute for each variable and each function of the environment. Raises EvaluationError where CEL says error.
    """

    __slots__ = ("place", "reads", "run", "text")

    def __init__(self, text: str, place: Place, run: Callable[[object], T], reads: frozenset[str]) -> None:
        self.text = text
        self.place = place
        self.run = run
        self.reads = reads

    def __call__(self, frame: object) -> T:
        return self.run(frame)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.place}: {self.text}>"


class Condition(Expression[bool]):
    """An expression that holds or not. Where one of `conjuncts` is false, it is false: not true and not an error."""

    __slots__ = ("conjuncts",)

    def __init__(
        self,
        text: str,
        place: Place,
        run: Callable[[object], bool],
        reads: frozenset[str],
        conjuncts: tuple[Conjunct, ...],
    ) -> None:
        super().__init__(text, place, run, reads)
        self.conjuncts = conjuncts


def compile_condition(text: str, environment: Environment, place: Place) -> Condition:
    """Parse, check and compile once. `place` is where the text stands; errors name the place within it. Raises ConditionError."""
    checked = _checked(text, environment, place, BOOL)
    run = cast(Callable[[object], bool], build(checked, place))  # the checker has seen to the result's type
    return Condition(text, place, run, reads_of(checked), conjuncts_of(checked, environment))


def compile_value(text: str, environment: Environment, place: Place, *, returns: Type[T]) -> Expression[T]:
    """The same for an expression that gives a number, a text or a bool: DOUBLE, NULLABLE(STRING) …"""
    checked = _checked(text, environment, place, returns)
    return Expression(text, place, cast(Callable[[object], T], build(checked, place)), reads_of(checked))


def compile_with_tree(
    text: str, environment: Environment, place: Place, returns: Type[object] | None
) -> tuple[Expression[object], Typed]:
    """The same, and the tree that says what it is made of. `returns` None: it may give anything but null."""
    checked = _checked(text, environment, place, returns)
    return Expression(text, place, build(checked, place), reads_of(checked)), checked


def _checked(text: str, environment: Environment, place: Place, returns: Type[object] | None) -> Typed:
    try:
        node = parse(text)
        return infer(node, environment) if returns is None else check(node, environment, returns)
    except Refused as refused:
        raise ConditionError(place.within(text, refused.offset), refused.what, refused.fix) from None
