from collections.abc import Callable
from decimal import Decimal
from typing import Any

from schemas.plan import Plan

def decoder(
    plan: Plan, reference: Callable[[bytes, int], tuple[Any, int]], amount: Callable[[int, Decimal], Decimal], /
) -> Callable[[bytes, int], tuple[Any, int]]:
    """`plan`: of a record. `reference` is called for what is not in order, `amount` with digits and the value of the last.

    Raises ValueError for a plan that is too wide or too deep.
    """

def encoder(
    plan: Plan, reference: Callable[[Any, bytes], bytes], amount: Callable[[Decimal, Decimal], bytes], /
) -> Callable[[Any, bytes], bytes]:
    """The way back; `amount` gives the bytes with their length before them."""
