"""Events through the core, out comes what calibration learns from: each answer with the score that was *inferred* before it.

What is said never enters that score: the pack is taken with its signals on feedback muted, so that no earlier answer and no complaint
predicts an answer. Nor does a calibration that the pack has already.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from schemas.decisions import Episode, Experience
from schemas.events import CustomerEvent, Touchpoint
from streams.experience.compiled import CompiledPack
from streams.experience.controls import first_pack
from streams.experience.pack import Calibration
from streams.experience.pack_compile import compile_pack
from streams.experience.surroundings import Limits
from streams.replay.calibration import Asked
from streams.replay.decide import Decider

SURVEYS: Final = ("nps", "csat", "ces", "stars", "dimension")  # who complains or praises was not asked
_ANY_EVIDENCE: Final = 0.011
# The core itself says which curve an answer takes: by these the score is none where only earlier contacts gave evidence.
_ONLY_THIS_CONTACT: Final = Calibration(inferred=[(0.0, 0.0), (1.0, 1.0)], earlier=[(0.0, 0.0), (1.0, 0.0)])


class Answers(NamedTuple):
    """`without`: answers of customers about whom nothing was inferred. `peaks`: subject → the highest score inferred."""

    asked: list[Asked]
    without: list[Asked]
    peaks: dict[str, float]
    customers: int
    contacts: int


class Coverage(msgspec.Struct, frozen=True):
    """Of the customers whose highest inferred score lies between `low` and `high`: how many answered at all."""

    low: float
    high: float
    customers: int
    answered: int


def collect(events: Iterable[CustomerEvent], pack: CompiledPack, limits: Limits, unhappy_at_most: float) -> Answers:
    """Events in the order of event time. An answer is unhappy up to a level of 10, whatever its scale."""
    scores = _decider(muted(pack), limits)
    episodes = _decider(muted(pack, opens_at=_ANY_EVIDENCE, calibration=_ONLY_THIS_CONTACT), limits)
    earlier: dict[str, bool] = {}
    found: dict[str, Asked] = {}
    peaks: dict[str, float] = {}
    customers: set[str] = set()
    contacts = 0
    for event in events:
        for decider in (scores, episodes):
            decider.take(event)
        if isinstance(event, Touchpoint):
            contacts += 1
            customers.add(event.subject_id)
        for record in scores.decided:
            if isinstance(record, Experience) and record.kind in SURVEYS and record.respondent == "customer":
                level = record.experience
                found.pop(record.event_id, None)  # as last revised; what was given in bulk says nothing
                if level is not None and record.trust == 1.0 and not record.retracted:
                    unhappy = level <= unhappy_at_most
                    score = record.context.score
                    found[record.event_id] = Asked(record.subject_id, record.about_at, score, unhappy)
        for record in episodes.decided:
            if isinstance(record, Episode):
                peaks[record.subject_id] = max(peaks.get(record.subject_id, 0.0), record.peak_score)
            elif isinstance(record, Experience):
                earlier[record.event_id] = record.context.score == 0.0
        scores.decided.clear()
        episodes.decided.clear()
    answers = [one._replace(earlier=earlier[event_id]) for event_id, one in found.items()]
    ordered = sorted(answers, key=lambda one: (one.at, one.customer))
    asked = [one for one in ordered if one.score > 0.0]
    return Answers(asked, [one for one in ordered if one.score <= 0.0], peaks, len(customers), contacts)


def muted(pack: CompiledPack, opens_at: float | None = None, calibration: Calibration | None = None) -> CompiledPack:
    """The pack with what is said muted, without actions and with another calibration, or none."""
    data: dict[str, Any] = msgspec.to_builtins(pack.file)
    for signal in data["signals"].values():
        if signal["on"] == "feedback":
            signal |= {"weight": "0.0"} if signal["mood"] == "unhappy" else {"relief": 0.0, "verifies": False}
    data |= {"actions": {}, "caps": {}, "incidents": None, "calibration": msgspec.to_builtins(calibration)}
    if opens_at is not None:
        data["treatment"] |= {"opens_at": opens_at, "closes_below": opens_at / 2}
    return compile_pack(msgspec.json.encode(data).decode(), pack.name)


def _decider(pack: CompiledPack, limits: Limits) -> Decider:
    decider = Decider(pack, limits)
    decider.control(first_pack(pack))
    return decider


def coverage(answers: Answers, bins: int = 5) -> list[Coverage]:
    """By the highest score that was inferred about a customer: how many of them have answered."""
    answered = {one.customer for one in (*answers.asked, *answers.without)}
    rows = []
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = [who for who, peak in answers.peaks.items() if low <= peak < high or (high == 1.0 and peak == 1.0)]
        rows.append(Coverage(low, high, len(inside), len(answered.intersection(inside))))
    return rows
