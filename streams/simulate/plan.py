"""What to simulate: everything that decides a run. The same plan gives the same events and truth, byte for byte.

A run that starts at another time tells the same story, shifted, about other customers (ids differ): no run ever
disturbs the state that an earlier one left behind.
"""

from hashlib import blake2b
from typing import Final, Literal

import msgspec

Industry = Literal["retail", "airline", "automotive", "telecom"]
Scenario = Literal["quiet", "outage", "late-courier", "slow-hotline", "all"]

Habit = Literal["rush", "sinking", "uneven", "coached"]

US_PER_SECOND: Final = 1_000_000
US_PER_HOUR: Final = 3_600 * US_PER_SECOND
MESSAGES_PER_VISIT: Final = 2.0  # at least, in any company
_SHORTEST_HOURS: Final = 0.5


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`late`, `duplicates` and `malformed` are shares of the events; `events` ends the run after so many messages."""

    start_us: int
    seed: int = 1
    company: Industry = "retail"
    scenario: Scenario = "all"
    customers: int = 200
    hours: float = 2.0
    visits_per_hour: float = 1.0  # of one customer: a company in fast motion
    events: int | None = None
    habits: tuple[Habit, ...] = ()  # what comes to pass beside incidents: docs/simulator.md
    trouble: float = 1.0  # how often things go wrong, times the usual
    outspoken: float = 1.0  # how often somebody complains or answers, times the usual; 0: everybody is silent
    late: float = 0.01
    duplicates: float = 0.005
    malformed: float = 0.001

    @property
    def end_us(self) -> int:
        """No event of the company is later."""
        return self.start_us + int(self.hours * US_PER_HOUR)

    @property
    def run(self) -> str:
        """Six characters that are part of every id of this run."""
        told = f"{self.seed}/{self.company}/{self.start_us}/{self.scenario}/{self.customers}"
        return blake2b(told.encode(), digest_size=3).hexdigest()

    @property
    def visits_per_second(self) -> float:
        """Of all customers together."""
        return self.customers * self.visits_per_hour / 3600


def hours_for(events: int, customers: int, visits_per_hour: float) -> float:
    """Simulated hours in which at least so many messages come to pass."""
    visits = events / MESSAGES_PER_VISIT
    return max(_SHORTEST_HOURS, visits / (customers * visits_per_hour))
