"""What comes back of messages: answered and redeemed by moment, found by the message's id; from decide to the table."""

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from schemas.json_form import from_json, instant, to_json
from streams.cli import app
from streams.uplift.moments import Message, Reply, grouping, messages, moments, replies
from tests import sink_records as make

HOUR = 3_600_000_000
NINE = instant("2026-03-02T09:30:00Z")  # a Monday
MAIL, APP = (Message(name, NINE, "thanks", "thank_you", name) for name in ("mail", "app"))


def by_rule(message: Message) -> str:
    return message.rule


def test_a_reply_counts_once_after_the_message_and_in_time() -> None:
    sent = [Message(f"m{number}", 10 * HOUR, "r", "k") for number in range(6)]
    came = [
        Reply("m0", 12 * HOUR, said=True),
        Reply("m0", 11 * HOUR, said=True),
        Reply("m0", 13 * HOUR, said=False),
        Reply("m1", 10 * HOUR, said=True),  # not after it
        Reply("m2", 35 * HOUR, said=True),  # too late
        Reply("m3", 34 * HOUR, said=False),
        Reply("another", 12 * HOUR, said=True),
    ]
    (one,) = moments(sent, came, by_rule, 24 * HOUR, 34 * HOUR)
    assert (one.moment, one.sent, one.over, one.answered, one.redeemed) == ("r", 6, 6, 1, 2)
    assert one.answered_share == pytest.approx(1 / 6)
    assert one.answered_interval is not None
    assert one.answered_interval[0] < 1 / 6 < one.answered_interval[1]
    assert one.hours == pytest.approx((1 + 24) / 2)


def test_what_may_still_be_answered_is_no_refusal() -> None:
    (one,) = moments([MAIL], [Reply("mail", NINE + 1, said=True)], by_rule, HOUR, NINE + HOUR - 1)
    assert (one.sent, one.over, one.answered, one.answered_share, one.hours) == (1, 0, 0, None, None)


def test_moments_are_what_one_asks_for() -> None:
    def names(*by: str, zone: str = "UTC") -> list[str]:
        return [one.moment for one in moments([MAIL, APP], [], grouping(by, ZoneInfo(zone)), HOUR, NINE)]

    assert names("channel") == ["app", "mail"]
    assert names("kind", "hour", zone="Asia/Shanghai") == ["thank_you, 17:00"]
    assert names("weekday", "touchpoint") == ["Monday, no touchpoint"]


def test_messages_are_those_in_force_that_reach_customers_from_when_they_could_be_read() -> None:
    later = make.action(1, audience="customers", deliver_not_before_at=make.AT + HOUR)
    records = [
        later,
        make.action(2, audience="care"),
        make.action(3, audience="customers"),
        make.action(3, audience="customers", revision=2, retracted=True),
        make.touchpoint(1, invitation_id="a-1", action_id="a-1", outcome="success"),
        make.touchpoint(2, invitation_id="a-2", outcome="failure"),
        make.feedback(2, invitation_id="a-9", action_id="a-1"),
    ]
    assert [(one.action_id, one.at) for one in messages(records, {"customers"})] == [("a-1", make.AT + HOUR)]
    assert sorted((one.action_id, one.said) for one in replies(records)) == [
        ("a-1", False),
        ("a-1", True),
        ("a-9", True),
    ]


def test_from_decide_to_the_table(tmp_path: Path) -> None:
    who = {"subject_type": "customer", "subject_id": "anna"}
    praise = {
        "record": "feedback",
        "event_id": "p",
        **who,
        "occurred_at": "2026-03-02T09:00:00Z",
        "kind": "praise",
        "text": "lovely",
    }
    events, replied = tmp_path / "events.jsonl", tmp_path / "replied.jsonl"
    events.write_text(json.dumps(praise), encoding="utf-8")
    done = CliRunner().invoke(app, ["decide", str(events), "--until", "+1h", "--json", "--actions-only"])
    (thanks,) = [one for one in map(json.loads, done.stdout.splitlines()) if one["audience"] == "customers"]
    reply: dict[str, Any] = {
        "record": "touchpoint", "event_id": "t", **who, "occurred_at": "2026-03-03T09:00:00Z", "touchpoint": "payment",
        "outcome": "success", "invitation_id": thanks["action_id"],
    }  # fmt: skip
    last = reply | {"event_id": "u", "occurred_at": "2026-04-03T09:00:00Z", "invitation_id": None}
    lines = [done.stdout, *(json.dumps(to_json(from_json(one))) for one in (reply, last))]
    replied.write_text("\n".join(lines), encoding="utf-8")
    shown = CliRunner().invoke(app, ["moments", str(replied), "--by", "rule"])
    assert shown.exit_code == 0, shown.output
    assert "thank_for_praise" in shown.stdout
    assert "1: 100.0%" in shown.stdout
    assert "24.0 h" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--by", "moon"), "use some of rule"),
        (("--within", "soon"), "write 14d"),
        (("--time-zone", "Mars"), "IANA name"),
        ((), "no message to customers"),
    ],
)
def test_what_cannot_be_asked(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(json.dumps(to_json(make.touchpoint(1))), encoding="utf-8")
    done = CliRunner().invoke(app, ["moments", str(path), *arguments])
    assert done.exit_code != 0
    assert says in str(done.exception)
