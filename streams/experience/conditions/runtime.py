"""What generated code calls: CEL's arithmetic where Python's differs, and && and || that absorb errors."""

import math
import re
from collections.abc import Callable, Iterable

import re2

from streams.experience.conditions.errors import EvaluationError

CEL_ERRORS = (EvaluationError, TypeError, KeyError, AttributeError, ArithmeticError, ValueError)

_DOUBLE = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]{1,4})?\Z")
_INT = re.compile(r"[-+]?[0-9]{1,19}\Z")
_MOST = 2**63 - 1
_LEAST = -(2**63)


class Defect(Exception):
    """A function of the environment failed with something else than EvaluationError; carries it past the errors of CEL."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


def all_of(*operands: Callable[[], bool]) -> bool:
    """&&: false wins over an error, whichever comes first."""
    return _absorb(operands, False)


def any_of(*operands: Callable[[], bool]) -> bool:
    """||: true wins over an error, whichever comes first."""
    return _absorb(operands, True)


def _absorb(operands: Iterable[Callable[[], bool]], wins: bool) -> bool:
    failure: Exception | None = None
    for operand in operands:
        try:
            if bool(operand()) is wins:
                return wins
        except CEL_ERRORS as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return not wins


def invoke(frame: object, name: str, *arguments: object) -> object:
    """A function of the frame; what it raises besides EvaluationError is a defect, not an error of the condition."""
    try:
        return getattr(frame, name)(*arguments)
    except EvaluationError:
        raise
    except Exception as error:
        raise Defect(error) from error


def explain(error: Exception) -> str:
    """The error in words; never a value of the input."""
    match error:
        case EvaluationError(detail=detail):
            return detail
        case KeyError(args=(str() as key,)):
            return f"there is no key {key[:80]!r}"
        case ZeroDivisionError():
            return "division by zero"
        case OverflowError():
            return "a number beyond 64 bits"
        case TypeError() | AttributeError():
            return "null where a value is needed"
    return "no value"


def int64(value: int) -> int:
    """The value if it fits 64 bits."""
    if _LEAST <= value <= _MOST:
        return value
    raise OverflowError


def divide_int(left: int, right: int) -> int:
    """Towards zero."""
    quotient = abs(left) // abs(right)
    return int64(quotient if (left < 0) == (right < 0) else -quotient)


def modulo_int(left: int, right: int) -> int:
    """The remainder has the sign of the left side."""
    remainder = abs(left) % abs(right)
    return -remainder if left < 0 else remainder


def divide_double(left: float, right: float) -> float:
    """IEEE 754: x/0 is an infinity, 0/0 not a number; never an error."""
    try:
        return left / right
    except ZeroDivisionError:
        if left == 0 or math.isnan(left):
            return math.nan
        return math.copysign(math.inf, left) * math.copysign(1.0, right)


def within(item: object, items: Iterable[object]) -> bool:
    """By equality alone; Python's `in` would find a not-a-number by identity."""
    return any(item == one for one in items)


def number(value: float | None) -> float | None:
    """A Decimal or null as a double or null."""
    return None if value is None else float(value)


def double_of_text(text: str) -> float:
    """A decimal number, without blanks or underscores."""
    if not _DOUBLE.match(text):
        raise EvaluationError("double() of a text that is no number")
    return float(text)


def int_of_text(text: str) -> int:
    """A whole decimal number."""
    if not _INT.match(text):
        raise EvaluationError("int() of a text that is no whole number of 64 bits")
    return int64(int(text))


def int_of_double(value: float) -> int:
    """Towards zero."""
    if not math.isfinite(value):
        raise OverflowError
    return int64(math.trunc(value))


def compile_pattern(pattern: str) -> Callable[[str], object]:
    """The search function of an RE2 pattern: time linear in the text, whatever the pattern. Raises re2.error."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    search: Callable[[str], object] = re2.compile(pattern, options=options).search
    return search
