"""The world of the random expressions: fields, functions, and the values that are drawn most."""

from collections.abc import Callable

from streams.experience.conditions import (
    BOOL,
    DECIMAL,
    DOUBLE,
    INT,
    LIST,
    MAP,
    NULLABLE,
    STRING,
    SYMBOL,
    Environment,
    EvaluationError,
    Signature,
    StructType,
)

SYMBOLS = ("success", "failure", "abandoned")
TEXTS = (
    "",
    "a",
    "ab",
    "b",
    "gate",
    "12",
    "-3",
    "2.5",
    "1e3",
    "99999999999999999999",
    "张三",
    "\U0001f600x",
    "a'b",
    'a"b',
    "a\\n",
    "é",
    "\n",
)
KEYS = ("a", "gate", "张", "a'b")
INTS = (0, 1, -1, 2, 3, 7, -7, 60, 2**53, 2**53 + 1, 2**62, 2**63 - 1, -(2**63))
DOUBLES = (0.0, -0.0, 1.0, -1.5, 2.5, 60.0, 1e-9, 1e308, -1e308, float("inf"), float("-inf"), float("nan"))
PATTERNS = ("^a", "b$", "a.b", "^$", "[0-9]+", "张", "(a|b)+", "\\d")

FIELDS = {
    "s": STRING,
    "kind": SYMBOL(*SYMBOLS),
    "i": INT,
    "d": DOUBLE,
    "b": BOOL,
    "ns": NULLABLE(STRING),
    "ni": NULLABLE(INT),
    "nd": NULLABLE(DOUBLE),
    "nb": NULLABLE(BOOL),
    "money": NULLABLE(DECIMAL),
    "m": MAP(STRING),
    "mi": MAP(INT),
    "ls": LIST(STRING),
    "ld": LIST(DOUBLE),
}
ENVIRONMENT = Environment(
    {"event": StructType("event", FIELDS), "score": DOUBLE},
    {
        "twice": Signature((DOUBLE,), DOUBLE),
        "count": Signature((STRING,), INT),
        "maybe": Signature((STRING,), NULLABLE(STRING)),
        "fails": Signature((), BOOL),
    },
)


def fails() -> bool:
    raise EvaluationError("always")


FUNCTIONS: dict[str, Callable[..., object]] = {
    "twice": lambda value: float(value) * 2.0,
    "count": lambda text: len(text),
    "maybe": lambda text: None if text in ("", "a") else str(text) + "!",
    "fails": fails,
}
