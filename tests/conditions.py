"""A world for conditions: an environment of every type, and a frame of values in it."""

import math
from decimal import Decimal
from types import SimpleNamespace

from schemas.events import Customer, Touchpoint
from streams.experience.conditions import (
    BOOL,
    DOUBLE,
    INT,
    LIST,
    MAP,
    NULLABLE,
    STRING,
    SYMBOL,
    Environment,
    EvaluationError,
    Place,
    Signature,
    compile_condition,
    struct_type,
)

PLACE = Place("retail.yaml", 41, 12)


ENVIRONMENT = Environment(
    {
        "event": struct_type(
            Touchpoint, {"tags": LIST(STRING), "marks": LIST(DOUBLE), "vip": BOOL, "promised_at": None}
        ),
        "customer": NULLABLE(struct_type(Customer)),
        "score": DOUBLE,
        "visits": INT,
        "limits": MAP(INT),
    },
    {
        "failures": Signature((DOUBLE,), INT),
        "last": Signature((), NULLABLE(DOUBLE)),
        "fades": Signature((SYMBOL("contact", "failure"), NULLABLE(DOUBLE)), BOOL),
        "broken": Signature((), BOOL),
        "refuses": Signature((), BOOL),
    },
)


def broken() -> bool:
    raise KeyError("a defect of ours")


def refuses() -> bool:
    raise EvaluationError("no history yet")


class Event(Touchpoint, kw_only=True):
    tags: list[str]
    marks: list[float]
    vip: bool = False


def frame(**changes: object) -> SimpleNamespace:
    event = Event(
        event_id="e-1",
        subject_type="customer",
        subject_id="s-1",
        occurred_at=1_000_000,
        touchpoint="checkout",
        outcome="failure",
        waiting_seconds=90.0,
        amount=Decimal("19.90"),
        staff="O'Hara",
        attributes={"gate": "A3", "delay": "35", "late": "yes", "two words": "x", "张": "三"},
        tags=["web", "late"],
        marks=[1.0, math.nan],
    )
    names: dict[str, object] = {
        "event": event,
        "customer": None,
        "score": 2.5,
        "visits": 7,
        "limits": {"a": 3},
        "failures": lambda seconds: 2 if seconds >= 600.0 else 0,
        "last": lambda: None,
        "fades": lambda signal, seconds: seconds is None,
        "broken": broken,
        "refuses": refuses,
    }
    return SimpleNamespace(**{**names, **changes})


def holds(text: str, **changes: object) -> bool:
    return compile_condition(text, ENVIRONMENT, PLACE)(frame(**changes))
