"""feedback_open_ends: which feedback has not ended, and how far it came; lost_actions: what was not done, and why."""

from clickhouse_driver import Client

from schemas.decisions import Loser
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
        make.action(9, **about("f-9"), emit="settled", episode_id="ep-9"),  # an apology, and the episode is open
        make.action(10, **about("f-10"), episode_id="ep-10"),  # in an episode that has faded, and nobody did anything
        make.action(11, **about("f-11"), episode_id="ep-11"),  # somebody did
    ]
    episodes = [make.episode(5, state="closed", closed_by="e-1"), make.episode(6, evidence=about("f-6")["evidence"])]
    episodes += [make.episode(9), *(make.episode(number, state="closed", closed_by="quiet") for number in (10, 11))]
    rows = {
        "feedback": [make.feedback(number) for number in range(1, 12)],
        "actions": actions,
        "episodes": episodes,
        "action_updates": [
            make.receipt(2, status="accepted"),
            make.receipt(3, status="resolved"),
            make.receipt(11, status="contacted"),
        ],
        "holdouts": [make.holdout(7, occasion="f-7")],
    }
    for table, records in rows.items():
        clickhouse_writer.insert(BY_NAME[table], [make.row(table, one, place) for place, one in enumerate(records)])
    found = clickhouse.execute(
        "SELECT event_id, state, actions, last_status FROM feedback_open_ends ORDER BY length(event_id), event_id"
    )
    assert [(event, state, int(count), status) for event, state, count, status in found] == [
        ("f-1", "nothing followed", 0, ""),
        ("f-2", "not finished", 1, "accepted"),
        ("f-6", "episode open", 1, ""),
        ("f-8", "nothing followed", 0, ""),
        ("f-9", "episode open", 1, ""),
        ("f-10", "never answered", 1, ""),
    ]


def test_what_lost_is_told_once_wherever_it_stands(clickhouse: Client, clickhouse_writer: Writer) -> None:
    def lost(rule: str, reason: str = "cap") -> list[Loser]:
        return [Loser(rule=rule, kind="gift", reason=reason)]

    rows = {
        "suppressions": [make.suppression(1), make.suppression(2), make.suppression(2, revision=2, retracted=True)],
        "actions": [make.action(3, losers=lost("of-action"))],
        "experiences": [make.experience(4, losers=lost("of-answer"))],
        "episodes": [
            make.episode(5, losers=lost("of-episode")),
            make.episode(5, revision=2, losers=lost("of-episode"), changed_at=make.AT + 9),  # nothing new was decided
            make.episode(5, revision=3, losers=lost("of-episode", "consent"), changed_at=make.AT + 10),
        ],
    }
    for table, records in rows.items():
        clickhouse_writer.insert(BY_NAME[table], [make.row(table, one, place) for place, one in enumerate(records)])
    found = clickhouse.execute("SELECT about, rule, reason FROM lost_actions ORDER BY about, rule, at")
    assert found == [
        ("action", "of-action", "cap"),
        ("episode", "of-episode", "cap"),
        ("episode", "of-episode", "consent"),
        ("feedback", "of-answer", "cap"),
        ("suppression", "r", "consent"),
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
