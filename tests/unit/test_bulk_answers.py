"""Coached or bulk answers: bursts of full marks are found over many customers, weigh less, and any order of arrival agrees."""

import random
from typing import Any

import pytest

from schemas.decisions import Action, Experience
from schemas.events import Feedback, Touchpoint
from schemas.json_form import from_json
from streams.experience.bulk import Word, Words
from streams.experience.compiled import CompiledPack
from streams.experience.controls import first_pack
from streams.experience.pack_compile import PackErrors
from streams.experience.surroundings import Limits
from streams.replay.answers import collect
from streams.replay.decide import Decider
from tests.builders import CODEC, SECOND, START, child_pack

HOUR = 3600
PACK = """
bulk_answers:
  device: {answers: 4, within_seconds: 600}
  unit: {answers: 5, within_seconds: 300}
  touchpoint: {answers: 8, within_seconds: 60}
  ends_after_seconds: 900
"""


@pytest.fixture(scope="module")
def bulk_pack() -> CompiledPack:
    return child_pack(PACK)


def answer(subject: str, at: int, score: float = 10.0, **fields: Any) -> Feedback:
    document = {
        "record": "feedback",
        "event_id": f"{subject}-{at}",
        "subject_type": "customer",
        "subject_id": subject,
        "occurred_at": START + at * SECOND,
        "kind": "nps",
        "score": score,
        "touchpoint": "store_visit",
        **fields,
    }
    record = from_json(document)
    assert isinstance(record, Feedback)
    return record


def decided(pack: CompiledPack, answers: list[Feedback | Touchpoint], until: int = 4 * HOUR) -> Decider:
    one = Decider(pack, Limits(HOUR * SECOND, 500), CODEC)
    one.control(first_pack(pack))
    for each in answers:
        one.take(each)
    one.advance(START + until * SECOND)
    assert not one.rejected
    return one


def trust(one: Decider) -> dict[str, tuple[float, str | None]]:
    """What each answer weighs in the end, and why."""
    last: dict[str, Experience] = {}
    for record in one.decided:
        if isinstance(record, Experience) and record.revision > getattr(last.get(record.event_id), "revision", 0):
            last[record.event_id] = record
    return {name: (record.trust, record.doubt) for name, record in last.items()}


def in_force(one: Decider) -> dict[str, Action]:
    held: dict[str, Action] = {}
    for record in one.decided:
        if isinstance(record, Action):
            held[record.action_id] = record
    return {name: record for name, record in held.items() if not record.retracted}


def doubted(one: Decider) -> set[str]:
    return {name for name, (weight, _) in trust(one).items() if weight < 1.0}


def burst(count: int, gap: int = 30, since: int = 0, **fields: Any) -> list[Feedback | Touchpoint]:
    return [answer(f"c{number}", since + number * gap, **fields) for number in range(count)]


def test_a_burst_from_one_device_weighs_less_from_its_first_answer_on(bulk_pack: CompiledPack) -> None:
    one = decided(bulk_pack, burst(4, device="kiosk-3"))
    assert trust(one) == {f"c{n}-{n * 30}": (0.2, "bulk_answers/device/kiosk-3") for n in range(4)}
    [told] = [action for action in in_force(one).values() if action.kind == "bulk_answers"]
    assert told.audience == "managers"
    assert told.cause == "bulk_answers/device/kiosk-3"
    assert [row.event_id for row in told.evidence] == [f"c{n}-{n * 30}" for n in range(4)]


def test_too_few_or_from_several_devices_or_over_a_long_time_is_nobodys_fault(bulk_pack: CompiledPack) -> None:
    assert not doubted(decided(bulk_pack, burst(3, device="kiosk-3")))
    assert not doubted(decided(bulk_pack, burst(4, gap=300, device="kiosk-3")))
    assert not doubted(decided(bulk_pack, [answer(f"c{n}", n * 30, device=f"d{n}") for n in range(6)]))


def test_one_customer_who_answers_six_questions_is_no_burst(bulk_pack: CompiledPack) -> None:
    assert not doubted(decided(bulk_pack, [answer("anna", n, device="d") for n in range(6)]))


def test_behind_one_anonymous_name_stand_many_but_not_within_a_minute(bulk_pack: CompiledPack) -> None:
    kiosk = {"subject_type": "anonymous", "device": "kiosk-3"}
    assert not doubted(decided(bulk_pack, [answer("qr-1", n, **kiosk) for n in range(6)]))
    assert len(doubted(decided(bulk_pack, [answer("qr-1", n * 70, **kiosk) for n in range(6)]))) == 6


def test_where_answers_differ_full_marks_are_believed(bulk_pack: CompiledPack) -> None:
    mixed = [answer(f"c{n}", n * 30, 10.0 if n % 2 else 7.0, device="kiosk-3") for n in range(12)]
    assert not doubted(decided(bulk_pack, mixed))


@pytest.mark.parametrize(
    ("fields", "count", "gap", "doubt"),
    [({"unit": "shop-1"}, 5, 40, "bulk_answers/unit/shop-1"), ({}, 8, 5, "bulk_answers/touchpoint")],
)
def test_bursts_about_a_unit_and_within_a_minute(
    bulk_pack: CompiledPack, fields: dict[str, str], count: int, gap: int, doubt: str
) -> None:
    found = trust(decided(bulk_pack, burst(count, gap, **fields)))
    assert set(found.values()) == {(0.2, doubt)}
    assert not doubted(decided(bulk_pack, burst(count - 1, gap, **fields)))


def test_a_bad_answer_in_a_burst_and_a_good_one_after_it_weigh_fully(bulk_pack: CompiledPack) -> None:
    answers = [*burst(25, device="k"), answer("bo", 760, 2.0, device="k"), answer("di", 1600, device="k")]
    one = decided(bulk_pack, answers)
    assert doubted(one) == {f"c{n}-{n * 30}" for n in range(25)}
    assert trust(one)["di-1600"] == (1.0, None)  # doubted while nobody knew that the burst was over
    assert [r.trust for r in one.decided if isinstance(r, Experience) and r.event_id == "di-1600"] == [0.2, 1.0]


def test_what_is_doubted_verifies_nothing_and_asks_nobody_to_sell(bulk_pack: CompiledPack) -> None:
    complaint = answer("c3", -HOUR, None, kind="complaint")  # type: ignore[arg-type]
    alone = decided(bulk_pack, [complaint, *burst(4, device="k")[3:]])
    in_burst = decided(bulk_pack, [complaint, *burst(4, device="k")])
    left = [
        [record.score for record in one.decided if isinstance(record, Experience) and record.event_id == "c3-90"][-1]
        for one in (alone, in_burst)
    ]
    assert (
        left[0] < 0.3 < 0.6 < left[1]
    )  # of the complaint, after good news that counts and after good news that does not
    assert not [one for one in in_force(in_burst).values() if one.rule == "sales_follow_up"]
    sales = in_force(decided(bulk_pack, burst(3, device="k")))
    assert len([one for one in sales.values() if one.rule == "sales_follow_up"]) == 3


def test_any_order_of_arrival_ends_in_the_same_weights_and_actions(bulk_pack: CompiledPack) -> None:
    answers = [
        *burst(6, device="k", unit="shop-1"),
        *[answer(f"x{n}", n * 47, random.Random(n).choice((4.0, 10.0)), device="k", unit="shop-1") for n in range(5)],
        answer("late", 700, device="k"),
        *burst(5, since=2000, device="k"),
    ]
    in_order = decided(bulk_pack, sorted(answers, key=lambda one: one.occurred_at))
    wanted = {name: (one.score, one.text, one.evidence[0].event_id) for name, one in in_force(in_order).items()}
    assert doubted(in_order)
    for seed in range(6):
        shuffled = list(answers)
        random.Random(seed).shuffle(shuffled)
        twice = [*shuffled, *shuffled[:4]]
        other = decided(bulk_pack, twice)
        assert trust(other) == trust(in_order)
        found = {name: (one.score, one.text, one.evidence[0].event_id) for name, one in in_force(other).items()}
        assert {name: one for name, one in found.items() if not name_is_settled(other, name)} == {
            name: one for name, one in wanted.items() if not name_is_settled(in_order, name)
        }


def name_is_settled(one: Decider, action_id: str) -> bool:
    """Messages that went out before the word came cannot be called back."""
    return (
        next(record for record in one.decided if isinstance(record, Action) and record.action_id == action_id).emit
        == "settled"
    )


def test_calibration_leaves_out_what_was_given_in_bulk(bulk_pack: CompiledPack) -> None:
    answers = [*burst(4, device="k"), answer("anna", 200, 9.0)]
    found = collect(answers, bulk_pack, Limits(HOUR * SECOND, 500), 4.0)
    assert [one.customer for one in (*found.asked, *found.without)] == ["anna"]


def test_words_of_a_burst_count_by_revision_in_any_order() -> None:
    words = Words()
    groups = ("", "t", "bulk_answers/touchpoint")
    from schemas.controls import Incident

    def incident(revision: int, ended_at: int | None, *, retracted: bool = False) -> Incident:
        return Incident(
            incident_id="i",
            revision=revision,
            retracted=retracted,
            touchpoint="t",
            cause=groups[2],
            started_at=100,
            ended_at=ended_at,
            subjects=8,
        )

    assert words.apply("", incident(2, 500)) == 100
    assert words.apply("", incident(1, None)) is None  # older than what is known
    assert [words.cover(*groups, at) for at in (99, 100, 500, 501)] == [False, True, True, False]
    assert words.apply("", incident(3, 700)) == 500  # judged otherwise from there on
    assert words.apply("", incident(4, 700, retracted=True)) == 100
    assert not words.cover(*groups, 300)
    assert Word(1, False, 5, None).covers(1 << 60)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("bulk_answers: {audience: nobody}", "no audience 'nobody'"),
        ("bulk_answers: {text: nothing}", "no text 'nothing'"),
        ("bulk_answers: {share: 2}", "outside 0 to 1"),
        ("bulk_answers: {weight: -1}", "outside 0 to 1"),
        ("bulk_answers: {full_marks_from: 11}", "no level above 0 up to 10"),
        ("bulk_answers: {ends_after_seconds: 0}", "must be positive"),
        ("bulk_answers: {device: {answers: 1, within_seconds: 5}}", "2 or more"),
        ("bulk_answers: {device: null, unit: null, touchpoint: null}", "device, unit or touchpoint"),
    ],
)
def test_what_a_pack_may_not_say(text: str, said: str) -> None:
    with pytest.raises(PackErrors, match=said):
        child_pack(text)
