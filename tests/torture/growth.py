"""Does memory grow only with what is remembered? In: memory by minute and what the changelog held then. Out: a finding. Pure.

How much is remembered is read from the changelog, not asked of the program: keys, and bytes of their last states.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from tests.torture.invariants import Finding, verdict
from tests.torture.reading import Remembered

WARM_SHARE: Final = 0.25  # of the run, until caches, pools and the allocator have their size
SLACK_BYTES: Final = 15_000_000
BYTES_A_KEY: Final = 400  # of a dict, of a heap of wake-ups, of the key itself
BYTES_A_STATE_BYTE: Final = 1.5  # an allocator rounds up, and keeps some of what was freed


class Instant(NamedTuple):
    """At `seconds` of a run: resident bytes by kind of process, and what was remembered."""

    seconds: float
    resident: dict[str, int]
    remembered: Remembered


def explained_bytes(before: Remembered, after: Remembered) -> float:
    """Memory that may have come meanwhile."""
    keys, states = after.keys - before.keys, after.state_bytes - before.state_bytes
    return BYTES_A_KEY * max(0, keys) + BYTES_A_STATE_BYTE * max(0, states)


def warm(run: Sequence[Instant]) -> Instant:
    """From here on growth counts."""
    return next(each for each in run if each.seconds >= WARM_SHARE * run[-1].seconds)


def unexplained(run: Sequence[Instant]) -> Finding:
    """After it is warm, a worker may take what is remembered explains, a sink nothing, and a slack is allowed to both."""
    first = warm(run)
    problems = []
    for kind, began in first.resident.items():
        for each in run:
            allowed = SLACK_BYTES + (explained_bytes(first.remembered, each.remembered) if kind == "worker" else 0)
            grown = each.resident[kind] - began
            if each.seconds > first.seconds and grown > allowed:
                problems.append(
                    f"{kind} grew by {grown / 1e6:.1f} MB until {each.seconds:.0f} s, {allowed / 1e6:.1f} MB are allowed"
                )
    return verdict(problems, _told(first, run[-1]))


def _told(first: Instant, last: Instant) -> str:
    grown = {kind: (last.resident[kind] - size) / 1e6 for kind, size in first.resident.items()}
    of_processes = ", ".join(f"{kind} {size:+.1f} MB" for kind, size in sorted(grown.items()))
    states = (last.remembered.state_bytes - first.remembered.state_bytes) / 1e6
    return (
        f"from {first.seconds:.0f} s to {last.seconds:.0f} s: {of_processes}; "
        f"{first.remembered.keys} to {last.remembered.keys} customers, {states:+.1f} MB of state"
    )


def told(run: Sequence[Instant]) -> str:
    """The whole run, for the report."""
    kinds = sorted(run[0].resident)
    rows = {f"{kind}, MB": [f"{each.resident[kind] / 1e6:.0f}" for each in run] for kind in kinds}
    rows["customers"] = [str(each.remembered.keys) for each in run]
    rows["state, MB"] = [f"{each.remembered.state_bytes / 1e6:.1f}" for each in run]
    return f"each {run[-1].seconds / len(run):.0f} s: " + "; ".join(
        f"{name}: {' '.join(values)}" for name, values in rows.items()
    )
