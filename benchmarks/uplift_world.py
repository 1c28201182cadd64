"""Customers on whom an action has a known effect: unhappy once, then back again or not, asked how it is or not. Seeded.

    python -m benchmarks.uplift_world > examples/uplift.jsonl    # the events of the example

Who is treated is decided by the product itself; what follows from that is drawn here.
"""

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from schemas.decisions import Action, Holdout
from schemas.events import ActionUpdate, Feedback, Touchpoint
from schemas.json_form import instant
from streams.experience.compiled import CompiledPack
from streams.experience.controls import first_pack
from streams.experience.surroundings import Limits
from streams.packs_folder import read_pack
from streams.replay.decide import Decider

EXAMPLE: Final = Path(__file__).parent.parent / "examples" / "uplift.yaml"
START: Final = instant("2026-03-01T09:00:00Z")
SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND
Event = Touchpoint | Feedback | ActionUpdate


class Truth(NamedTuple):
    """What becomes of customers, without the action and with it: share who buy again, who ask for help; mean answer; share who answer."""

    back: tuple[float, float] = (0.25, 0.55)
    asks: tuple[float, float] = (0.20, 0.20)
    level: tuple[float, float] = (5.0, 6.5)
    answers: float = 0.5


def world(pack: CompiledPack, rule: str, truth: Truth, *, customers: int, days: int, seed: int) -> list[Event]:
    """Events in order of event time: an unhappy answer of each customer on some day, and what follows within four weeks."""
    rng = random.Random(seed)
    unhappy = sorted(
        (
            Feedback(
                event_id=f"poll-{number}",
                subject_type="customer",
                subject_id=f"c-{number:05}",
                occurred_at=START + int(rng.random() * days * DAY),
                kind="nps",
                score=float(rng.randint(0, 1)),
                touchpoint="payment",
            )
            for number in range(customers)
        ),
        key=lambda one: one.occurred_at,
    )
    decider = Decider(pack, Limits(3600 * SECOND, 200))
    decider.control(first_pack(pack))
    for one in unhappy:
        decider.take(one)
    events: list[Event] = list(unhappy)
    for decided in decider.decided:
        if isinstance(decided, Action | Holdout) and decided.rule == rule:
            events += _after(rng, decided, truth)
    return sorted(events, key=lambda one: (one.occurred_at, one.event_id))


def _after(rng: random.Random, decided: Action | Holdout, truth: Truth) -> Iterator[Event]:
    treated = isinstance(decided, Action)
    who, at = decided.subject_id, decided.decided_at

    def visit(name: str, touchpoint: str, within_days: float) -> Touchpoint:
        moment = at + int((0.1 + rng.random() * (within_days - 0.2)) * DAY)
        return Touchpoint(
            event_id=f"{name}-{who}",
            subject_type="customer",
            subject_id=who,
            occurred_at=moment,
            touchpoint=touchpoint,
            outcome="success",
        )

    if rng.random() < truth.back[treated]:
        yield visit("buy", "payment", 28)
    if rng.random() < truth.asks[treated]:
        yield visit("ask", "hotline", 14)
    if rng.random() < truth.answers:
        level = min(10.0, max(0.0, round(rng.gauss(truth.level[treated], 2.5))))
        moment = at + int((1 + rng.random() * 12) * DAY)
        poll = Feedback(
            event_id=f"again-{who}",
            subject_type="customer",
            subject_id=who,
            occurred_at=moment,
            kind="nps",
            score=level,
        )
        yield poll
    if treated and rng.random() < 0.6:
        yield ActionUpdate(
            event_id=f"receipt-{who}",
            subject_type="customer",
            subject_id=who,
            occurred_at=at + DAY // 2,
            action_id=decided.action_id,
            status="compensated",
            cost=decided.amount,
            currency=decided.currency,
        )


def main() -> None:
    """The example's events as JSON lines."""
    from schemas.json_form import to_json
    from streams.terminal import write_json

    for event in world(read_pack(EXAMPLE), "offer_compensation", Truth(), customers=400, days=40, seed=3):
        write_json(to_json(event))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
