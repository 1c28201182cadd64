"""The arbiter: caps across rules in sliding windows, channels that customers answer in, and what would have won."""

import pytest

from schemas.decisions import Action, Experience, Loser, Suppression
from schemas.json_form import instant
from streams.experience.caps import room
from streams.experience.channels import answered_share, options
from streams.experience.compiled import CompiledPack
from streams.experience.pack import ActionRule
from streams.experience.pack_compile import PackErrors
from streams.experience.spent import Spent, dump_spent, load_spent
from streams.experience.state import Profile
from tests.builders import SECOND, actions, child_pack, driver, in_force, records
from tests.one_life import DAY, HOUR, MINUTE, Life

THANKS = """
signals:
  likes_search: {on: touchpoint, mood: happy, when: 'event.touchpoint == "search"', relief: 0.1}
  likes_page: {on: touchpoint, mood: happy, when: 'event.touchpoint == "product_page"', relief: 0.1}
actions:
  tip: {on: signal, signal: likes_search, audience: customers, kind: tip, step: recognise, text: thank_you, emit: settled, priority: 10}
  offer: {on: signal, signal: likes_page, audience: customers, kind: offer, step: recognise, text: thank_you, emit: settled, priority: 20}
"""


def thankful(more: str) -> Life:
    return Life(driver(child_pack(THANKS + more)))


def told(life: Life, at: int, touchpoint: str, **fields: object) -> list[str]:
    """The rules that reach the customer after a visit."""
    life.touch(at, touchpoint, **fields)
    return [one.rule for one in actions(life.until(at + 3 * MINUTE)) if one.audience == "customers"]


def lost(life: Life, at: int, **fields: object) -> list[Loser]:
    [seen] = records(life.say(at, "praise", **fields), "cx-experiences", Experience)
    return seen.losers


# --- caps ----------------------------------------------------------------------------------------------------------


def test_a_cap_counts_across_rules_in_a_sliding_time() -> None:
    life = thankful("caps: {messages_a_day: null, a_day: {reaches: customer, most: 1, per_seconds: 86400}}")
    assert told(life, 0, "search") == ["tip"]
    assert told(life, DAY - 1, "product_page") == []
    assert told(life, DAY, "product_page") == ["offer"]


@pytest.mark.parametrize(
    ("cap", "second", "free"),
    [
        ("kinds: [tip]", "search", False),
        ("kinds: [tip]", "product_page", True),
        ("kinds: [tip, offer], same: [kind]", "product_page", True),
        ("kinds: [tip, offer], same: [kind]", "search", False),
        ("reaches: customer, same: [touchpoint]", "product_page", True),
        ("reaches: customer, same: [journey]", "product_page", False),
        ("reaches: customer, below_priority: 20", "product_page", True),
        ("reaches: customer, below_priority: 21", "product_page", False),
        ("audiences: [care]", "search", True),
        ("steps: [recognise]", "search", False),
        ("reaches: customer, customers: {tier: [gold]}", "search", True),
        ("reaches: customer, customers: {tier: [silver, gold], segment: [student]}", "search", True),
        ("reaches: customer, customers: {tier: [silver]}", "search", False),
    ],
)
def test_a_cap_counts_what_it_says(cap: str, second: str, free: bool) -> None:
    life = thankful(f"caps: {{one: {{{cap}, most: 1, per_seconds: 86400}}}}")
    life.take("customer", 0, tier="silver")
    assert told(life, 1, "search") == ["tip"]
    assert bool(told(life, HOUR, second)) is free


def test_a_moment_that_loses_leaves_its_reason() -> None:
    life = thankful("caps: {messages_a_day: null, a_day: {reaches: customer, most: 1, per_seconds: 86400}}")
    told(life, 0, "search")
    told(life, HOUR, "product_page", event_id="second")
    [one] = records(life.outputs, "cx-suppressions", Suppression)
    assert (one.subject_id, one.rule, one.kind, one.reason, one.occasion) == ("anna", "offer", "offer", "cap", "second")
    assert one.detail == "a_day: 1 in 86400 s, at most 1; wins from 2026-03-03T10:00:00Z"
    life.touch(-MINUTE, "product_page")  # late: it took the place of both
    kept = [row["rule"] for key, row in in_force(life.outputs).items() if key.startswith("cx-suppressions")]
    assert kept == ["offer"]


def test_what_is_told_elsewhere_is_not_told_again() -> None:
    both = THANKS.replace("product_page", "search") + "caps: {messages_a_day: null}"
    life = Life(driver(child_pack(both)))
    life.touch(0, "search")
    [won] = actions(life.until(5 * MINUTE))
    assert [(one.rule, one.reason) for one in won.losers] == [("tip", "outranked")]
    life.unhappy(HOUR)
    life.say(2 * HOUR, "praise", touchpoint="payment")
    assert not records(life.outputs, "cx-suppressions", Suppression)


def test_what_was_held_does_not_count() -> None:
    life = thankful("caps: {messages_a_day: null, a_day: {reaches: customer, most: 1, per_seconds: 86400}}")
    assert told(life, 0, "search") == ["tip"]
    assert told(life, DAY - 1, "product_page") == []
    assert told(life, DAY + 1, "search") == ["tip"]


def test_a_message_that_was_withdrawn_does_not_count() -> None:
    life = Life(
        driver(
            child_pack("""
caps: {messages_a_week: null, messages_a_day: {most: 1, below_priority: 100}}
actions: {say_sorry: {cap: null, settling_seconds: 1}}
""")
        )
    )
    life.say(0, "praise", touchpoint="store_visit")  # thanked in five minutes, unless an episode opens before
    life.unhappy(MINUTE)
    assert "say_sorry" in {one.rule for one in actions(life.until(HOUR))}


@pytest.mark.parametrize("thanked", [True, False])
def test_a_message_that_is_out_counts_also_when_its_reason_has_gone(thanked: bool) -> None:
    life = Life(
        driver(
            child_pack("""
caps: {messages_a_day: {most: 1, below_priority: 100}}
actions: {say_sorry: {when: 'episode.cause == "repeated_failure"'}}
""")
        )
    )
    if thanked:
        life.say(0, "praise", touchpoint="store_visit")
        assert [one.rule for one in actions(life.until(10 * MINUTE))] == ["thank_for_praise"]
    life.say(-MINUTE, "complaint", touchpoint="store_visit")  # late: nobody would have thanked then
    gone = [one.retracted for one in actions(life.outputs) if one.rule == "thank_for_praise"]
    assert gone == ([False, True] if thanked else [])
    life.touch(HOUR, "chat", "failure")
    life.touch(HOUR + MINUTE, "chat", "failure")
    assert ("say_sorry" in {one.rule for one in actions(life.until(2 * HOUR))}) is not thanked


def test_room_comes_when_the_oldest_that_counts_has_gone() -> None:
    times = [0, 10 * SECOND, 50 * SECOND]
    assert room(times, 60 * SECOND, 3, 100) == (100 * SECOND, 3)
    assert room(times, 60 * SECOND, 2, 100) == (110 * SECOND, 3)
    assert room(times, 100 * SECOND, 3, 100) == (None, 2)
    assert room([], 0, 1, 1) == (None, 0)


def test_what_is_remembered_is_bounded_and_older_rows_load() -> None:
    rows = [Spent("rule", at) for at in range(500)]
    assert [row.at for row in load_spent(dump_spent(rows))] == list(range(436, 500))
    assert load_spent(b"\x91\x92\xa4rule\x07") == [Spent("rule", 7)]  # as written before there were kinds


# --- what would have won -------------------------------------------------------------------------------------------


def test_a_full_cap_says_when_it_is_free() -> None:
    life = Life()
    life.say(0, "praise", touchpoint="store_visit")
    life.until(HOUR)
    [one] = lost(life, 2 * HOUR, touchpoint="store_visit")
    assert (one.rule, one.reason) == ("thank_for_praise", "cap")
    assert one.detail == "1 in 1209600 s, at most 1; wins from 2026-03-16T10:00:00Z"
    assert lost(life, 14 * DAY - 1, touchpoint="store_visit")
    assert lost(life, 14 * DAY, touchpoint="store_visit") == []


def test_of_two_full_caps_the_later_one_is_told() -> None:
    life = thankful(
        "caps: {a: {reaches: customer, most: 1, per_seconds: 7200}, b: {reaches: customer, most: 1, per_seconds: 3600}}"
    )
    told(life, 0, "search")
    [one] = [
        row for row in lost(life, HOUR - 1, touchpoint="store_visit") if row.reason == "cap"
    ]  # thanks for the praise
    assert one.detail == "a: 1 in 7200 s, at most 1; wins from 2026-03-02T12:00:00Z"


@pytest.mark.parametrize(
    ("tier", "wins"), [("gold", "sing"), ("silver", "thank_for_praise"), (None, "thank_for_praise")]
)
def test_what_matters_more_may_go_by_the_tier(tier: str | None, wins: str) -> None:
    sing = "{on: signal, signal: praise, audience: customers, kind: song, step: recognise, text: thank_you, emit: settled, "
    life = Life(driver(child_pack(f"actions: {{sing: {sing}priority: {{gold: 21, other: 9}}}}}}")))
    life.take("customer", 0, tier=tier)
    life.say(1, "praise", touchpoint="store_visit")
    assert [one.rule for one in actions(life.until(DAY)) if one.audience == "customers"] == [wins]


def test_what_is_outranked_says_by_whom() -> None:
    life = Life(
        driver(
            child_pack("""
actions:
  sing: {on: signal, signal: praise, audience: customers, kind: song, step: recognise, text: thank_you, emit: settled, priority: 21}
""")
        )
    )
    assert [(one.rule, one.reason, one.detail) for one in lost(life, 0, touchpoint="store_visit")] == [
        ("thank_for_praise", "outranked", "by sing of priority 21; wins with more than 21")
    ]


def sung(at: int, **fields: object) -> Action:
    """What a message became that was caused at an instant; nothing waits longer than a day."""
    life = Life(driver(child_pack(SONG.format(more="".join(f", {name}: {value}" for name, value in fields.items())))))
    life.say(at, "praise", touchpoint="store_visit")
    [song] = [one for one in actions(life.until(at + DAY)) if one.rule == "sing"]
    return song


SONG = """
actions:
  sing: {{on: signal, signal: praise, audience: customers, kind: song, step: recognise, text: thank_you, priority: 21, emit: settled{more}}}
"""
NIGHT = 10 * HOUR  # 21:00 in Berlin: quiet hours begin; they end at 08:00


@pytest.mark.parametrize(
    ("decided", "settling", "quiet"),
    [(NIGHT - 2, 1, False), (NIGHT - 1, 1, True), (NIGHT - 60, 120, True), (NIGHT, 1, True)],
)
def test_a_message_is_delivered_when_it_goes_out_not_when_it_was_decided(
    decided: int, settling: int, quiet: bool
) -> None:
    song = sung(decided, settling_seconds=settling)
    assert (song.deliver_not_before_at is not None) is quiet
    if quiet:
        assert song.deliver_not_before_at == instant("2026-03-03T07:00:00Z")


def test_a_message_that_would_expire_in_quiet_hours_loses() -> None:
    assert sung(NIGHT, expires_in_seconds=11 * 3600 + 1).deliver_not_before_at == instant("2026-03-03T07:00:00Z")
    life = Life(driver(child_pack(SONG.format(more=", expires_in_seconds: 39600"))))
    [one] = [row for row in lost(life, NIGHT, touchpoint="store_visit") if row.rule == "sing"]
    assert (one.reason, one.detail) == (
        "quiet_hours",
        "until 2026-03-03T07:00:00Z, it would expire at 2026-03-03T07:00:00Z; wins outside of them",
    )


def test_missing_consent_says_for_what_and_where() -> None:
    life = Life(driver(child_pack("actions: {thank_for_praise: {consent: thanks, channel: mail}}")))
    [one] = lost(life, 0, touchpoint="store_visit")
    assert (one.reason, one.detail) == ("consent", "no consent to thanks; wins with it, for mail")


# --- channels ------------------------------------------------------------------------------------------------------


def letters(more: str = "") -> CompiledPack:
    return child_pack(
        THANKS.replace("priority: 10}", "priority: 10, channels: [mail, sms, app]}")
        + "caps: {messages_a_day: null, messages_a_week: null"
        + more
        + "}"
    )


def test_the_stated_channel_goes_first_and_a_full_one_leaves_room_for_the_next() -> None:
    life = Life(driver(letters(", sms: {channels: [sms], most: 1, per_seconds: 86400}")))
    life.take("customer", 0, preferred_channel="sms")
    for at in (1, HOUR):
        life.touch(at, "search")
        life.until(at + MINUTE * 3)
    sent = [one.channel for one in actions(life.outputs)]
    assert sent == ["sms", "mail"]


def test_consent_is_asked_for_each_channel() -> None:
    life = Life(
        driver(
            child_pack(THANKS.replace("priority: 10}", "priority: 10, channels: [mail, sms, app], consent: marketing}"))
        )
    )
    life.take("customer", 0, consents=[{"purpose": "marketing", "channel": "app", "granted": True}])
    life.touch(1, "search")
    assert [one.channel for one in actions(life.until(HOUR))] == ["app"]


def test_the_channel_is_learnt_from_what_the_customer_answers() -> None:
    life = Life(driver(letters()))
    sent = []
    for week in range(6):
        at = week * 7 * DAY
        life.touch(at, "search")
        [tip] = [one for one in actions(life.until(at + HOUR)) if one.rule == "tip"]
        sent.append(tip.channel)
        if tip.channel == "app":
            life.touch(at + 2 * HOUR, "product_page", action_id=tip.action_id)
    assert sent == ["mail", "sms", "app", "app", "app", "app"]


def test_an_answer_by_invitation_counts_and_one_to_something_else_does_not() -> None:
    rows = [Spent("r", 0, "a1", reaches="customer", channel="mail"), Spent("r", 1, "a2", reaches="customer")]
    later = 30 * DAY * SECOND
    assert answered_share(rows, "mail", later) == pytest.approx(1 / 6)
    assert answered_share(rows, "mail", DAY * SECOND) == pytest.approx(1 / 5)  # it may still be answered
    rows[0].answered_at = 5
    assert answered_share(rows, "mail", DAY * SECOND) == pytest.approx(2 / 6)
    spec = ActionRule(on="signal", audience="a", kind="k", step="recognise", text="t")
    assert options(spec, Profile(), rows, later, True) == ["mail"]
    assert options(spec, Profile(preferred_channel="sms"), rows, later, True) == ["sms"]
    assert options(spec, Profile(preferred_channel="sms"), rows, later, False) == [None]


def test_a_message_keeps_its_first_id_and_the_answer_finds_it() -> None:
    life = Life(driver(child_pack("actions: {say_sorry: {channel: mail, settling_seconds: 60}}")))
    life.unhappy(10 * MINUTE)
    [sorry] = [one for one in actions(life.until(20 * MINUTE)) if one.rule == "say_sorry"]
    life.touch(9 * MINUTE, "payment", "failure", matter="o1")  # late: the episode opens earlier, the message is out
    life.touch(30 * MINUTE, "search", invitation_id=sorry.action_id)
    assert [row.answered_at is not None for row in spent(life) if row.rule == "say_sorry"] == [True]


def spent(life: Life) -> list[Spent]:
    from streams.experience.state import load_fold
    from tests.unit.test_core_rules import subject

    return load_spent(load_fold(subject(life).now).spent)


# --- what a pack may not say ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("caps: {c: {most: 0, per_seconds: 1}}", "0 is outside 1 to 64"),
        ("caps: {c: {most: 65, per_seconds: 1}}", "65 is outside 1 to 64"),
        ("caps: {c: {most: 1, per_seconds: 0}}", "must be positive"),
        ("caps: {c: {most: 1, per_seconds: 1, kinds: [voucer]}}", "did you mean 'voucher'?"),
        ("caps: {c: {most: 1, per_seconds: 1, audiences: [car]}}", "did you mean 'care'?"),
        ("caps: {c: {most: 1, per_seconds: 1, customers: {tier: []}}}", "it would hold for nobody"),
        ("caps: {C: {most: 1, per_seconds: 1}}", "'C' is no name"),
        ("actions: {call_back: {channels: [mail]}}", "say either channel or channels"),
        ("actions: {say_sorry: {channels: [mail, mail]}}", "the same channel twice"),
    ],
)
def test_what_cannot_be_is_refused(text: str, what: str) -> None:
    with pytest.raises(PackErrors, match=what.replace("?", r"\?").replace("it would", ".*would")):
        child_pack(text)
