"""cel-python as the reference for conditions: the twin of an expression over the same record, and cel-python's own answer.

Where cel-python 0.5 departs from CEL's specification it is put right here, each departure with its reason.
"""

import math
import operator
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import celpy
from celpy import celtypes
from celpy.evaluation import CELEvalError

from streams.experience.conditions import EvaluationError

ERROR = "error"
Function = Callable[..., Any]


def value_of(value: object) -> Any:
    """A Python value as cel-python's own."""
    match value:
        case (
            None
            | CELEvalError()
            | celtypes.BoolType()
            | celtypes.IntType()
            | celtypes.DoubleType()
            | celtypes.StringType()
        ):
            return value
        case bool():
            return celtypes.BoolType(value)
        case int():
            return celtypes.IntType(value)
        case float() | Decimal():
            return celtypes.DoubleType(float(value))
        case str():
            return celtypes.StringType(value)
        case Mapping():
            return celtypes.MapType({celtypes.StringType(key): value_of(one) for key, one in value.items()})
        case list():
            return celtypes.ListType([value_of(one) for one in value])
    raise TypeError(type(value))


def _equal(left: Any, right: Any) -> bool:
    """The specification: null equals null and nothing else. cel-python says "no such overload" for null and a number."""
    return left is right if left is None or right is None else bool(left == right)


def _contained(item: Any, container: Iterable[Any]) -> bool:
    """`in`, by that equality."""
    return any(_equal(one, item) for one in container)


def _divided(left: Any, right: Any) -> Any:
    """The specification: doubles divide as IEEE 754 says. cel-python gives +inf for every x/0.0, also for -1.0/0.0 and 0.0/0.0."""
    if not isinstance(left, float) or not isinstance(right, float):
        return left / right
    if right != 0.0:
        return float(left) / float(right)
    sign = math.copysign(1.0, left) * math.copysign(1.0, right)
    return math.nan if left == 0.0 or math.isnan(left) else sign * math.inf


def _int(value: Any) -> Any:
    """An infinity: cel-python lets OverflowError out of the evaluator, past && and ||."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("range")
    _plain(value)
    return celtypes.IntType(value)


def _double(value: Any) -> Any:
    _plain(value)
    return celtypes.DoubleType(value)


def _plain(value: Any) -> None:
    """Ours reads plain decimal numbers only (docs/conditions.md); Python's also blanks, underscores, other digits, infinities, 0x."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9eE+.-]*", value):
        raise ValueError("no number")


def _through(apply: Function) -> Function:
    """Errors travel as values in cel-python; results become its own types again (its + - * on doubles and strings lose them)."""

    def call(*operands: Any) -> Any:
        for operand in operands:
            if isinstance(operand, CELEvalError):
                return operand
        return value_of(apply(*operands))

    return call


CORRECTIONS: dict[str, Function] = {
    "_==_": _through(_equal),
    "_!=_": _through(lambda left, right: not _equal(left, right)),
    "_in_": _through(_contained),
    "_/_": _through(_divided),
    "_+_": _through(operator.add),
    "_-_": _through(operator.sub),
    "_*_": _through(operator.mul),
    "-_": _through(operator.neg),
    "int": _int,
    "double": _double,
}


def _own(function: Function) -> Function:
    """A function of the environment; what it raises is an error as a value."""

    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except EvaluationError as error:
            return CELEvalError(error.detail)

    return _through(call)


@lru_cache(maxsize=200)
def _tree(text: str) -> celpy.Expression:
    return celpy.Environment().compile(text)


def evaluate(text: str, variables: Mapping[str, object], functions: Mapping[str, Function]) -> Any:
    """cel-python's value as plain Python, or ERROR."""
    limit = sys.getrecursionlimit()
    try:
        environment = celpy.Environment()
        own = {name: _own(function) for name, function in functions.items()}
        program = environment.program(_tree(text), functions={**CORRECTIONS, **own})
        result = program.evaluate({name: value_of(value) for name, value in variables.items()})
    except CELEvalError:
        return ERROR
    finally:
        sys.setrecursionlimit(limit)  # cel-python raises it for the whole process
    for own_type, plain in ((celtypes.BoolType, bool), (celtypes.IntType, int), (float, float), (str, str)):
        if isinstance(result, own_type):
            return plain(result)
    return result
