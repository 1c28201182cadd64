"""feedback_open_ends: which feedback has not ended, and how far it came."""

from clickhouse_driver import Client

from sinks.tables import BY_NAME
from sinks.writer import Writer
from tests import sink_records as make
from tests.sink_records import EVIDENCE


def test_only_feedback_without_an_end_is_listed(clickhouse: Client, clickhouse_writer: Writer) -> None:
    def about(event: str) -> dict[str, object]:
        evidence = [type(EVIDENCE)(**{name: getattr(EVIDENCE, name) for name in EVIDENCE.__struct_fields__})]
        evidence[0].event_id = event
        return {"evidence": evidence, "occasion": event}

    actions = [
        make.action(2, **about("f-2")),  # a task that nobody has settled
        make.action(3, **about("f-3")),  # settled
        make.action(4, **about("f-4"), emit="settled"),  # a message that is out
        make.action(5, **about("f-5"), episode_id="ep-5"),  # in an episode that is closed
        make.action(6, **about("f-6"), episode_id="ep-6"),  # in one that is open
        make.action(8, **about("f-8"), retracted=True),
    ]
    episodes = [make.episode(5, state="closed"), make.episode(6, evidence=about("f-6")["evidence"])]
    rows = {
        "feedback": [make.feedback(number) for number in range(1, 9)],
        "actions": actions,
        "episodes": episodes,
        "action_updates": [make.receipt(2, status="accepted"), make.receipt(3, status="resolved")],
        "holdouts": [make.holdout(7, occasion="f-7")],
    }
    for table, records in rows.items():
        clickhouse_writer.insert(BY_NAME[table], [make.row(table, one, place) for place, one in enumerate(records)])
    found = clickhouse.execute("SELECT event_id, state, actions, last_status FROM feedback_open_ends ORDER BY event_id")
    assert [(event, state, int(count), status) for event, state, count, status in found] == [
        ("f-1", "nothing followed", 0, ""),
        ("f-2", "not finished", 1, "accepted"),
        ("f-6", "episode open", 1, ""),
        ("f-8", "nothing followed", 0, ""),
    ]


def test_what_was_answered_and_redeemed_by_the_invitation_s_id(clickhouse: Client, clickhouse_writer: Writer) -> None:
    sent = [make.action(number, emit="settled", kind="gift", channel="receipt") for number in (1, 2, 3)]
    sent.append(make.action(4, emit="now", kind="gift", channel="receipt"))  # a task, no message
    events = [
        make.touchpoint(1, action_id="a-1", outcome="success"),
        make.touchpoint(2, invitation_id="a-2", outcome="failure"),  # tried, in vain
    ]
    rows = {"actions": sent, "touchpoints": events, "feedback": [make.feedback(3, invitation_id="a-1")]}
    for table, records in rows.items():
        clickhouse_writer.insert(BY_NAME[table], [make.row(table, one, place) for place, one in enumerate(records)])
    found = clickhouse.execute("SELECT rule, kind, channel, sent, answered, redeemed FROM moments")
    assert found == [("r", "gift", "receipt", 3, 1, 1)]
