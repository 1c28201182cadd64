"""The floor of fair treatment: tiers may be served better, nobody worse than this. Checked when a pack is loaded."""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from streams.experience.conditions import Condition
from streams.experience.naming import Problem
from streams.experience.pack import ActionRule, ByTier, PackFile

_HELP: Final = ("listen", "respond", "escalate")
_RANK: Final = ("customer.tier", "customer.value")


class Rule(Protocol):
    """As much of a rule as this looks at."""

    @property
    def name(self) -> str: ...

    @property
    def spec(self) -> ActionRule: ...

    @property
    def when(self) -> Condition | None: ...


def unfair(pack: PackFile, rules: Iterable[Rule]) -> Iterator[Problem]:
    """What falls short of the floor: the times of steps, stated amounts, and help that goes by tier."""
    floor = pack.fairness
    if floor is None:
        return
    for step, most in floor.step_within_seconds.items():
        for tier, seconds in pack.treatment.step_within_seconds.get(step, {}).items():
            if seconds > most:
                yield (
                    ("treatment", "step_within_seconds", step, tier),
                    f"{seconds:g} s: nobody waits longer than {most:g} s for this step (fairness); be quicker, or say why not in `fairness`",
                )
    for rule in rules:
        path = ("actions", rule.name)
        for tier, amount in stated_amounts(rule.spec.amount):
            if amount < floor.amount_at_least:
                yield (
                    (*path, "amount", *([tier] if tier else [])),
                    f"{amount:g} is less than anybody is offered ({floor.amount_at_least:g}, fairness)",
                )
        reads = rule.when.reads if rule.when is not None else frozenset[str]()
        if floor.same_help and rule.spec.step in _HELP and reads.intersection(_RANK):
            yield (
                (*path, "when"),
                "who is helped depends on the tier or value of the customer, and help is the same for all (fairness: same_help); "
                "let times, channels and amounts differ by tier instead",
            )
        if floor.same_help and rule.spec.step in _HELP and isinstance(rule.spec.priority, dict):
            yield (
                (*path, "priority"),
                "who is helped first, where not all can be, depends on the tier, and help is the same for all (fairness: same_help); "
                "write one number",
            )


def stated_amounts(amount: float | str | ByTier | None) -> list[tuple[str, float]]:
    """Those that are stated; a computed one is known only with its customer."""
    if isinstance(amount, dict):
        return list(amount.items())
    return [] if amount is None or isinstance(amount, str) else [("", amount)]
