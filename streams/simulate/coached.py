"""Full marks that nobody gave of his own accord: a shop's tablet that is handed round, a unit that calls its customers, a robot.

Only with the habit `coached`. Beside them, so that not every crowd is suspicious: a terminal at the door at which people answer
honestly, one after the other. The truth tells of each burst, and of each such crowd with `honest`.
"""

from collections.abc import Callable
from random import Random
from typing import Final, Literal

from schemas.events import Feedback
from streams.simulate.customers import Person
from streams.simulate.matter import Matter
from streams.simulate.plan import US_PER_HOUR
from streams.simulate.truth import when
from streams.simulate.world import World

_Kind = Literal["device", "unit", "touchpoint", "honest"]
_A_HOUR: Final = {"device": 0.25, "unit": 0.12, "touchpoint": 0.1, "honest": 0.2}
# Answers, at least and at most, and seconds that they take together, at least and at most.
_SIZES: Final[dict[_Kind, tuple[int, int, float, float]]] = {
    "device": (8, 16, 600, 2400),
    "unit": (26, 45, 240, 540),
    "touchpoint": (35, 60, 20, 50),
    "honest": (8, 16, 900, 3000),
}
_NOT_FULL: Final = 0.02  # of coached answers: somebody will not be told
_HONEST_FULL: Final = 0.55


def begin(world: World) -> None:
    """Puts off all bursts of a run."""
    if "coached" not in world.plan.habits:
        return
    rng = Random(f"{world.plan.seed}/coached")  # noqa: S311 - a simulation, reproducible on purpose
    for kind in _SIZES:
        at_us = float(world.plan.start_us)
        while (at_us := at_us + rng.expovariate(_A_HOUR[kind]) * US_PER_HOUR) < world.plan.end_us:
            world.later((at_us - world.plan.start_us) / 1e6, _burst(kind, rng), world.nobody, Matter("store"))


def _burst(kind: _Kind, rng: Random) -> Callable[[World, Person, Matter], None]:
    def burst(world: World, _: Person, matter: Matter) -> None:
        least, most, shortest, longest = _SIZES[kind]
        count, seconds = rng.randint(least, most), shortest + (longest - shortest) * rng.random()
        district = rng.choice(world.company.districts)
        there = sorted(one.id for one in world.people.values() if one.district is district and not one.gone)
        touchpoint = world.company.help_lines[-1].touchpoint
        sent: list[str] = []
        offsets = sorted(seconds * rng.random() for _ in range(count))
        for number, offset in enumerate(offsets):
            who = rng.choice(there) if there and kind != "touchpoint" and rng.random() < 0.5 else None
            full = rng.random() < (_HONEST_FULL if kind == "honest" else 1 - _NOT_FULL)
            score = 5.0 if full else float(rng.randint(2, 4))
            device = f"tablet-{district.site}" if kind in ("device", "honest") else f"x-{rng.getrandbits(32):08x}"
            event_id = f"{world.plan.run}-b{world.now % 10**12}-{number}"
            unit = district.site if kind != "touchpoint" else None
            feedback = _answer(world, event_id, who, touchpoint, score, device, unit)
            world.later(offset, _emit(feedback), world.nobody, matter)
            sent.append(event_id)
        world.truth.tell(
            "coached",
            kind=kind,
            unit=district.site if kind != "touchpoint" else None,
            touchpoint=touchpoint,
            since=when(world.now + int(offsets[0] * 1e6)),
            until=when(world.now + int(offsets[-1] * 1e6)),
            honest=kind == "honest",
            answers=sent,
        )

    return burst


def _answer(
    world: World, event_id: str, who: str | None, touchpoint: str, score: float, device: str, unit: str | None
) -> Feedback:
    return Feedback(
        event_id=event_id,
        subject_type="anonymous" if who is None else "customer",
        subject_id=f"qr-{event_id}" if who is None else who,
        occurred_at=0,
        source="tablet",
        brand=world.company.brand,
        channel="store",
        touchpoint=touchpoint,
        kind="stars",
        score=score,
        scale_min=1.0,
        scale_max=5.0,
        unit=unit,
        device=device,
    )


def _emit(feedback: Feedback) -> Callable[[World, Person, Matter], None]:
    def emit(world: World, _: Person, __: Matter) -> None:
        feedback.occurred_at = world.now
        world.emitted.append(feedback)

    return emit
