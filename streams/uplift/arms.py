"""Who is compared with whom: each experiment's customers in two arms, each from the first instant at which a rule of it was to act.

Intention to treat: a customer belongs to the arm of that first instant, whatever became of the action, and counts once.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from streams.experience.compiled import CompiledPack
from streams.experience.holdout import EVERYTHING, experiment_of, protected
from streams.uplift.rows import Deed


class Entered(NamedTuple):
    """A customer has come into an experiment."""

    subject: str
    at: int  # µs
    held: bool


class Experiment(msgspec.Struct):
    """One comparison. `passed_over`: customers who came in before it began, or before its draw was this one."""

    name: str
    rules: list[str]
    share: float
    entered: list[Entered]
    passed_over: int = 0
    crossed: int = 0  # customers who have been in both arms
    versions: int = 0  # of its rules: more than one, and the effect is that of several


def experiments(deeds: Iterable[Deed], pack: CompiledPack, since: int | None = None) -> list[Experiment]:
    """Those of the pack in which somebody was held out; the pack's own holdout first, then by name. Who came in before `since`
    (µs) is left out, not taken at a later instant: what happened in between depends on the arm.
    """
    rules = {name: spec for name, spec in pack.file.actions.items() if not spec.never_hold_out}
    members: dict[str, list[str]] = {}
    for name, spec in sorted(rules.items()):
        if spec.hold_out is not None:
            members.setdefault(experiment_of(name, spec), []).append(name)
    counted = [deed for deed in deeds if deed.rule in rules and not _is_protected(deed, pack)]
    counted.sort(key=lambda deed: (deed.at, deed.action_id))
    begin = 0 if since is None else since
    found = [
        _experiment(name, own, [deed for deed in counted if deed.rule in own], begin) for name, own in members.items()
    ]
    everything = _experiment(EVERYTHING, sorted(rules), counted, begin)
    return [one for one in (everything, *found) if one is not None]


def _is_protected(deed: Deed, pack: CompiledPack) -> bool:
    """Went out because it is never held out: it has no other arm."""
    return deed.held_for is None and not protected(pack, gives=deed.gives).isdisjoint(deed.signals)


def _experiment(name: str, rules: list[str], deeds: list[Deed], begin: int) -> Experiment | None:
    """None: nobody was held out for it. Who is held out of everything takes no part in the other experiments."""
    draws = {(deed.salt, deed.share): deed.at for deed in reversed(deeds) if deed.held_for == name}  # first of each
    if not draws:
        return None
    (_, share), drawn_since = max(draws.items(), key=lambda one: one[1])
    begin = max(begin, drawn_since) if len(draws) > 1 else begin
    made = Experiment(name, rules, share, [])
    apart = set() if name == EVERYTHING else {deed.subject for deed in deeds if deed.held_for == EVERYTHING}
    first: dict[str, Entered] = {}
    arms: dict[str, set[bool]] = {}
    versions: dict[str, set[str]] = {}
    for deed in deeds:
        if deed.subject in apart:
            continue
        held = deed.held_for == name
        if deed.held_for is None or held or name == EVERYTHING:
            first.setdefault(deed.subject, Entered(deed.subject, deed.at, held))
            arms.setdefault(deed.subject, set()).add(held)
            versions.setdefault(deed.rule, set()).add(deed.version)
    for one in first.values():
        if one.at < begin:
            made.passed_over += 1
        else:
            made.entered.append(one)
    made.crossed = sum(len(both) > 1 for both in arms.values())
    made.versions = max((len(some) for some in versions.values()), default=0)
    return made
