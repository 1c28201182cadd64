"""Events for AsOf with what must come of them."""

import random
import time
from typing import Any

SECOND = 1_000_000
Event = dict[str, Any]


def events(count: int, seed: int, *, keys: int = 20) -> tuple[list[Event], list[Event]]:
    """`a` and `b` over 100 minutes that began three hours ago, each shuffled within half a minute of event time."""
    draw = random.Random(seed)
    start = int((time.time() - 3 * 3600) * SECOND)
    a = [
        {"key": f"k{draw.randrange(keys)}", "id": f"a{n}", "at": start + n * 6000 * SECOND // count}
        for n in range(count)
    ]
    b = [
        {"key": f"k{draw.randrange(keys)}", "id": f"b{n}", "at": start + n * 60_000 * SECOND // count}
        for n in range(count // 10)
    ]
    for each in (a, b):
        each.sort(key=lambda event: event["at"] + draw.randrange(30 * SECOND))
    return a, b


def expected(a: list[Event], b: list[Event]) -> dict[str, int]:
    """What AsOf must have in force at the end: b's id → count."""
    return {
        each["id"]: sum(1 for other in a if other["key"] == each["key"] and other["at"] <= each["at"]) for each in b
    }
