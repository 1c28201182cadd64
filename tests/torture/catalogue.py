"""All scenarios, in the order in which they are played."""

from tests.torture.play import Scenario
from tests.torture.scenarios import broker, database, duration, input, kills, membership, topics

SCENARIOS: list[Scenario] = [
    *kills.SCENARIOS,
    *membership.SCENARIOS,
    *broker.SCENARIOS,
    *database.SCENARIOS,
    *input.SCENARIOS,
    *topics.SCENARIOS,
    *duration.SCENARIOS,
]


def chosen(names: str) -> list[Scenario]:
    """By names, separated by commas, also by their beginnings; empty: all. Raises ValueError."""
    wanted = [name.strip().replace("_", " ") for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if not any(each.name.startswith(name) for each in SCENARIOS)]
    if unknown:
        raise ValueError(f"no scenario begins with {unknown}; there are: {', '.join(each.name for each in SCENARIOS)}")
    return [each for each in SCENARIOS if not wanted or any(each.name.startswith(name) for name in wanted)]
