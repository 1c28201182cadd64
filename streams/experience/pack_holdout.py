"""What a pack can have wrong about who is held out, and about what is looked for afterwards."""

from collections.abc import Iterator
from typing import Final

from streams.experience.naming import Problem, missing
from streams.experience.pack import PackFile

SALT_BYTES_MAX: Final = 64  # what blake2b takes as a key
SHARE_MAX: Final = 0.5  # more than half of the customers without treatment is no comparison any more


def holdout_problems(pack: PackFile) -> Iterator[Problem]:
    """Every problem: (path in the pack, what is wrong and what to do)."""
    holdout = pack.holdout
    if holdout is not None:
        if not 0 < len(holdout.salt.encode()) <= SALT_BYTES_MAX:
            yield ("holdout", "salt"), f"write 1 to {SALT_BYTES_MAX} bytes of text; another salt draws other customers"
        if not 0 <= holdout.share <= SHARE_MAX:
            yield ("holdout", "share"), f"{holdout.share:g} is outside 0 to {SHARE_MAX}"
    yield from _rules(pack)
    for name, outcome in pack.outcomes.items():
        path = ("outcomes", name)
        if outcome.within_seconds <= 0:
            yield (*path, "within_seconds"), "must be positive"
        if not outcome.touchpoints:
            yield (*path, "touchpoints"), "name one touchpoint at least"
        for index, touchpoint in enumerate(outcome.touchpoints):
            yield from missing((*path, "touchpoints", index), "touchpoint", touchpoint, pack.touchpoints)


def _rules(pack: PackFile) -> Iterator[Problem]:
    shares: dict[str, tuple[str, float]] = {}
    for name, rule in pack.actions.items():
        path = ("actions", name)
        if rule.experiment is not None and rule.hold_out is None:
            yield (*path, "experiment"), "belongs to hold_out: say which share"
        if rule.hold_out is None:
            continue
        if rule.never_hold_out:
            yield (*path, "hold_out"), "the rule says never_hold_out: take one of the two out"
        if not 0 < rule.hold_out <= SHARE_MAX:
            yield (*path, "hold_out"), f"{rule.hold_out:g} is not above 0 and up to {SHARE_MAX}"
        if pack.holdout is None:
            yield (*path, "hold_out"), 'needs a salt: holdout: {salt: "a text of your own"}'
        other, share = shares.setdefault(rule.experiment or name, (name, rule.hold_out))
        if share != rule.hold_out:
            yield (*path, "hold_out"), f"{rule.hold_out:g}, but {other} in the same experiment says {share:g}"
