"""What must hold whatever the pack says: bounds on what is kept, ids, packs that change, values that cannot be used."""

import ast
import random
from pathlib import Path

import pytest

from schemas.decisions import Episode, Experience
from schemas.json_form import instant
from streams import metrics
from streams.experience.compiled import CompiledPack
from streams.experience.pack_compile import PackErrors, compile_pack
from streams.experience.state import Subject, load_fold, load_subject
from streams.experience.window import Window
from tests.builders import (
    PACKS,
    SECOND,
    START,
    actions,
    control_message,
    driver,
    episodes,
    message,
    pack,
    pack_control,
    pack_with,
    records,
    whole_pack,
)
from tests.one_life import DAY, HOUR, MINUTE, Life, gave_up, receipt

RETAIL = whole_pack("retail")


def retail_with(*changes: tuple[str, str]) -> CompiledPack:
    text = RETAIL
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return compile_pack(text, "retail.yaml")


def subject(life: Life) -> Subject:
    return load_subject(life.driver.states[life.subject.encode()])


# --- time --------------------------------------------------------------------------------------------------------


def test_what_comes_at_the_very_instant_at_which_it_is_due_keeps_the_promise() -> None:
    life = Life()
    life.touch(0, "payment", matter="o1", promised_at=START + HOUR * SECOND)
    life.touch(HOUR, "delivery", matter="o1")
    life.until(2 * HOUR)
    assert episodes(life.outputs) == {}


def test_a_promise_is_kept_as_the_pack_says_that_was_in_force_when_it_was_made() -> None:
    renamed = retail_with(("  delivered_in_time:", "  arrives_in_time:"))
    one = driver(pack(), renamed)
    one.control(control_message(pack_control(renamed, START + 10 * MINUTE * SECOND)))
    life = Life(one)
    life.touch(0, "payment", matter="o1", promised_at=START + HOUR * SECOND)
    life.touch(30 * MINUTE, "delivery", matter="o1")
    life.until(2 * HOUR)
    assert episodes(life.outputs) == {}


@pytest.mark.parametrize("zone", ["Europe", "x" * 300, "no/where", ".", "../etc/passwd"])
def test_a_time_zone_that_is_none_counts_as_unknown(zone: str) -> None:
    night = (instant("2026-03-02T22:00:00Z") - START) // SECOND
    life = Life()
    life.take("customer", night - 9, time_zone=zone)
    life.unhappy(night)
    [sorry] = [action for action in actions(life.until(night + 181)) if action.rule == "say_sorry"]
    assert sorry.deliver_not_before_at == instant("2026-03-03T07:00:00Z")  # 08:00 in the pack's own zone


# --- late ---------------------------------------------------------------------------------------------------------


def test_an_action_without_an_episode_names_what_it_is_about() -> None:
    life = Life()
    life.say(0, "nps", score=10, touchpoint="payment", matter="order-7", unit="store-1")
    [follow_up] = [one for one in actions(life.until(HOUR)) if one.rule == "sales_follow_up"]
    assert (follow_up.matter, follow_up.parameters["matter"]) == ("order-7", "order-7")
    assert (follow_up.unit, follow_up.parameters["unit"]) == ("store-1", "store-1")


def test_what_comes_late_revises_an_action_that_is_out() -> None:
    life = Life()
    first = life.unhappy(10 * MINUTE)
    [revised] = [
        one for one in actions(life.take("customer", MINUTE, tier="gold", name="Anna")) if one.rule == "call_back"
    ]
    assert (revised.action_id, revised.revision, revised.retracted) == (first.action_id, 2, False)
    assert (first.due_at, revised.due_at) == (
        first.decided_at + HOUR * SECOND,
        first.decided_at + 15 * MINUTE * SECOND,
    )
    assert revised.parameters["name"] == "Anna"


def test_many_late_inputs_of_one_step_fold_the_window_once() -> None:
    life = Life()
    life.touch(HOUR, "search")
    job, controls = life.driver.job, life.driver.controls
    before = metrics.refolds_total._value.get()
    late = [job.decode(message("touchpoint", f"l{n}", n, 10 + n, touchpoint="search")).value for n in range(20)]
    step = job.step(b"anna", life.driver.states[b"anna"], late, controls)
    assert metrics.refolds_total._value.get() == before + 1
    assert len(Window(load_subject(step.state)).pieces()) == 21


def test_late_inputs_alone_do_not_grow_the_window_without_end() -> None:
    one = driver(window=10)
    life = Life(one)
    life.touch(3000, "search")
    for at in range(1000):
        life.touch(at, "search")
    assert subject(life).window_count <= 20
    assert one.rejected == []


def test_a_flood_of_one_instant_is_refused_and_not_kept() -> None:
    one = driver(window=10)
    life = Life(one)
    for number in range(100):
        life.touch(7, "search", event_id=f"e{number:03}")
    assert subject(life).window_count == 40
    assert {rejected.reason for rejected in one.rejected} == {"too_late"}


def test_an_id_that_comes_again_with_another_time_is_a_duplicate_even_when_the_first_is_in_the_base() -> None:
    life = Life(driver(lateness_seconds=60))
    life.touch(0, "payment", "failure", event_id="same")
    life.touch(61, "search")
    assert subject(life).base_at == START
    assert life.touch(59, "payment", "failure", event_id="same") == []
    assert subject(life).window_count == 1


def test_a_message_that_is_out_keeps_its_id_when_its_episode_begins_elsewhere_and_the_base_has_passed() -> None:
    life = Life(driver(lateness_seconds=600))
    life.touch(60, "payment", "failure")
    life.touch(100, "search")
    life.touch(120, "payment", "failure")  # opens the episode
    [sorry] = [action for action in actions(life.until(400)) if action.rule == "say_sorry"]
    life.touch(90, "payment", "failure")  # it has opened with this one already
    life.touch(710, "search")
    life.touch(650, "search")  # late: the base now stands between the two
    assert START + 90 * SECOND < subject(life).base_at < START + 120 * SECOND
    life.touch(660, "search")
    told = [one for one in actions(life.outputs) if one.rule == "say_sorry"]
    assert [(one.action_id, one.revision) for one in told] == [(sorry.action_id, 1)]
    assert sorry.action_id in life.episode().actions


def test_a_withdrawn_message_goes_out_after_all_when_its_reason_vanishes() -> None:
    mild = retail_with(("failures_anywhere(1800) >= 2 ? 0.45 : 0.2", "failures_anywhere(1800) >= 2 ? 0.45 : 0.36"))
    life = Life(driver(mild, lateness_seconds=200))
    life.say(300, "nps", score=10, touchpoint="delivery")  # a sale, unless an episode opens within 300 s
    life.touch(506, "search")
    assert subject(life).base_at == START + 300 * SECOND
    life.touch(510, "payment", "failure")
    life.touch(520, "checkout", "abandoned")
    assert life.episode().state == "open"
    life.touch(515, "payment")  # late: no episode after all
    assert life.rules() == []
    life.until(700)
    assert [(one.rule, one.revision) for one in actions(life.outputs) if not one.retracted][-1] == (
        "sales_follow_up",
        1,
    )
    assert life.rules() == ["sales_follow_up"]


def test_work_under_an_id_that_was_superseded_is_not_forgotten_either() -> None:
    mild = pack_with({"signals": {"repeated_failure": {"weight": 0.01}, "gave_up": {"weight": 0.4}}})
    life = Life(driver(mild))
    first = gave_up(life)
    life.touch(5, "payment", "failure")  # the silence begins anew: the action moves
    life.until(25 * MINUTE)
    moved = [one for one in actions(life.outputs) if one.rule == "call_back" and not one.retracted][-1]
    assert moved.supersedes == first.action_id
    receipt(life, 26 * MINUTE, first, "contacted")
    late = life.touch(10 * MINUTE, "payment")
    assert [one.state for one in records(late, "cx-episodes", Episode) if not one.retracted] == [
        "superseded_after_work"
    ]


# --- ids and what is kept ------------------------------------------------------------------------------------------


def test_one_event_that_opens_two_episodes_gives_actions_of_two_ids() -> None:
    life = Life()
    life.say(0, "complaint", touchpoint="payment", event_id="both")
    first = life.episode("purchase")
    life.driver.states.clear()
    life.say(0, "complaint", touchpoint="payment", journey="aftersales", event_id="both")
    second = life.episode("aftersales")
    assert set(first.actions).isdisjoint(second.actions)


def test_years_of_trouble_do_not_grow_what_is_kept() -> None:
    rng = random.Random(1)
    life = Life(driver(window=20))
    sizes = []
    at = 0
    for number in range(1500):
        at += rng.choice((60, 3600, DAY))
        late = at - rng.choice((0, 0, 1800))
        kind = rng.random()
        if kind < 0.6:
            life.touch(
                late, rng.choice(("payment", "hotline", "delivery")), rng.choice(("failure", "success")), matter="o1"
            )
        elif kind < 0.8:
            life.say(late, "nps", score=rng.choice((0, 5, 10)), touchpoint="delivery")
        elif kind < 0.9:
            life.take("customer", late, attributes={f"a{number}": "x" * 50})
        elif life.outputs:
            told = [one for one in actions(life.outputs[-50:]) if not one.retracted]
            if told:
                receipt(life, late, told[-1], rng.choice(("resolved", "declined", "contacted")))
        sizes.append(len(life.driver.states[b"anna"]))
    assert max(sizes[1000:]) < 1.2 * max(sizes[300:1000])
    assert max(sizes) < 160_000  # three journeys, each with seven episodes of 64 actions at most, three times


def test_hundreds_of_declined_receipts_do_not_grow_an_episode() -> None:
    life = Life()
    action = life.unhappy()
    for number in range(300):
        receipt(life, 5 * MINUTE + number, action, "declined")
    [episode] = load_fold(subject(life).now).episodes
    assert len(episode.actions) == len(episode.done) == 64


def test_a_cap_of_many_holds() -> None:
    capped = retail_with(("    cap: {most: 1, per_seconds: 2592000}", "    cap: {most: 20, per_seconds: 2592000}"))
    name = "offer_compensation"
    life = Life(driver(capped))
    for number in range(25):
        life.say(number * 60, "nps", score=0, journey="purchase")
        life.say(number * 60 + 1, "complaint", journey="purchase")
        for one in actions(life.outputs[-60:]):
            if one.rule == "call_back" and not one.retracted:
                receipt(life, number * 60 + 2, one, "resolved")
        life.say(number * 60 + 3, "nps", score=10, journey="purchase")
    fired = load_fold(subject(life).now).fired.get(name, [])
    assert len(fired) <= 20


# --- conditions and values ------------------------------------------------------------------------------------------


def failing(what: str) -> float:
    return metrics.condition_errors_total.labels("retail", what)._value.get()


def test_a_condition_that_fails_does_not_fire_and_is_counted_by_its_rule() -> None:
    broken = retail_with(
        (
            '    when: event.kind == "complaint"\n    weight: 0.7',
            '    when: event.attributes.none == "x"\n    weight: 0.7',
        )
    )
    before = failing("complaint")
    life = Life(driver(broken))
    life.say(0, "complaint")
    assert actions(life.outputs) == []
    assert failing("complaint") == before + 1


@pytest.mark.parametrize(
    "amount",
    ["1.0 / (episode.score - episode.score)", "0.0 / (episode.score - episode.score)", "1e300 * episode.score"],
)
def test_an_amount_that_is_no_amount_is_left_out_and_counted(amount: str) -> None:
    broken = retail_with(("    amount: {other: 10, gold: 30, silver: 15}", f'    amount: "{amount}"'))
    before = failing("offer_compensation")
    life = Life(driver(broken))
    life.say(0, "complaint")
    [offer] = [one for one in actions(life.outputs) if one.rule == "offer_compensation"]
    assert (offer.amount, offer.currency) == (None, None)
    assert failing("offer_compensation") == before + 1


def test_a_weight_that_cannot_be_computed_gives_no_signal() -> None:
    broken = retail_with(("    weight: 0.7\n", '    weight: "1.0 / double(joined.complaints)"\n'))
    life = Life(driver(broken))
    life.say(0, "complaint")
    assert load_fold(subject(life).now).signs == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("  worsens_by: 0.15", "  worsens_by: .nan", "write a finite number"),
        ("  fades_after_seconds: 2592000", "  fades_after_seconds: .inf", "write a finite number"),
        ("  fades_after_seconds: 2592000", "  fades_after_seconds: 1e12", "at most 3.1536e+09"),
        ("    amount: {other: 10, gold: 30, silver: 15}", "    amount: {gold: 1e300, other: 10}", "at most 1e+12"),
        ('kept: event.touchpoint == "refund"', 'kept: event.touchpoint == "refnd"', "did you mean `refund`?"),
        ("touchpoint.asks_for_help && event.matter != null && contacts", 'touchpoint.journey == "sales" && contacts', "journey"),
        ('event.touchpoint == "payment" && event.outcome == "success"\n    relief', 'event.touchpoint in ["payment", "pament"]\n    relief', "did you mean `payment`?"),
        ("    when: episode.score >= 0.6", '    when: episode.cause == "complant"', "did you mean `complaint`?"),
    ],
)  # fmt: skip
def test_what_a_pack_must_not_say(old: str, new: str, says: str) -> None:
    with pytest.raises(PackErrors) as refused:
        compile_pack(RETAIL.replace(old, new, 1), "mine.yaml")
    [error] = refused.value.errors
    line = RETAIL[: RETAIL.index(old)].count("\n") + 1
    assert error.startswith(f"mine.yaml:{line}:")
    assert says in error


def test_a_touchpoint_that_the_pack_does_not_know_counts_as_other_in_conditions() -> None:
    watched = retail_with(('    when: event.touchpoint == "return_request"', '    when: touchpoint.name == "other"'))
    life = Life(driver(watched))
    life.touch(0, "moon_shop")
    assert [one.signal for one in load_fold(subject(life).now).signs] == ["returned"]


def test_touchpoints_and_journeys_that_no_pack_knows_do_not_fill_its_tables() -> None:
    life = Life()
    for number in range(50):
        life.touch(number, f"page-{number}", "failure", journey=f"way-{number}")
    assert ("other", "failure", (True, True)) in pack()._contacts
    assert not any("page-" in str(key) for key in pack()._contacts)
    assert {one.journey for one in load_fold(subject(life).now).signs} == {"other"}


# --- what lost -----------------------------------------------------------------------------------------------------


def test_what_loses_is_told_where_nothing_won() -> None:
    life = Life()
    life.unhappy()
    before = metrics.losers_total.labels("open_episode")._value.get()
    [seen] = records(life.say(5 * MINUTE, "praise", touchpoint="store_visit"), "cx-experiences", Experience)
    assert seen.losers == []  # the open episode tells it
    assert [(one.rule, one.reason) for one in life.episode().losers] == [("thank_for_praise", "open_episode")]
    assert metrics.losers_total.labels("open_episode")._value.get() == before + 1


def test_what_loses_without_an_episode_is_told_on_the_feedback() -> None:
    life = Life()
    life.say(0, "praise", touchpoint="store_visit")
    life.until(HOUR)
    [seen] = records(life.say(2 * HOUR, "praise", touchpoint="store_visit"), "cx-experiences", Experience)
    assert [(one.rule, one.reason, one.detail) for one in seen.losers] == [
        ("thank_for_praise", "cap", "1 in 1209600 s, at most 1; wins from 2026-03-16T10:00:00Z")
    ]


def test_a_message_that_an_episode_withdraws_is_told_on_the_episode() -> None:
    life = Life()
    life.say(0, "nps", score=10, touchpoint="delivery")
    life.unhappy(60)
    lost = [(one.rule, one.detail) for one in life.episode().losers]
    assert ("sales_follow_up", "withdrawn before it went out") in lost


# --- somebody anonymous ------------------------------------------------------------------------------------------------


def test_the_unit_treats_what_somebody_anonymous_said() -> None:
    from schemas.controls import Staff
    from tests.one_life import unit

    life = Life(subject="qr-4711")
    life.driver.control(control_message(unit("berlin-1", staff=[Staff(staff_id="mia", role="manager")])))
    kind = {"subject_type": "anonymous"}
    told = actions(life.say(0, "complaint", touchpoint="store_visit", unit="berlin-1", text="rude", **kind))
    assert {(one.subject_type, one.unit) for one in told} == {("anonymous", "berlin-1")}
    [task] = [one for one in told if one.audience == "care"]
    assert task.rule == "look_into_it", "nobody can be called, nothing can be sent"
    assert [one.reason for one in task.losers if one.rule == "say_sorry"] == ["no_customer"]
    missed = [one for one in actions(life.until(2 * HOUR)) if one.rule == "escalate"]
    assert {(one.assignee, one.unit) for one in missed} == {("mia", "berlin-1")}
    life.take("action_update", 2 * HOUR, action_id=task.action_id, status="resolved", unit="berlin-1", **kind)
    assert life.episode("purchase").state == "treated"
    life.say(DAY, "praise", touchpoint="store_visit", unit="berlin-1", **kind)
    assert life.episode("purchase").state == "closed"


# --- purity ---------------------------------------------------------------------------------------------------------

IMPURE = {
    "aiokafka", "asyncio", "clickhouse_driver", "faust", "kafka", "locale", "multiprocessing", "os", "random", "requests",
    "secrets", "socket", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid",
}  # fmt: skip


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def test_the_core_imports_no_clock_no_chance_and_nothing_that_reaches_out() -> None:
    folder = PACKS.parent / "experience"
    files = sorted(folder.rglob("*.py"))
    assert len(files) > 20
    assert {path.name: imports(path) & IMPURE for path in files if imports(path) & IMPURE} == {}


def test_the_core_reads_no_clock() -> None:
    for path in sorted((PACKS.parent / "experience").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for word in (".now(", ".today(", "utcnow(", "hash(record", "id(self"):
            assert word not in text, f"{path}: {word}"
