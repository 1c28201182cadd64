"""The simulated staff: actions in, receipts out, and customers who calm down."""

from schemas.decisions import Action
from schemas.events import ActionUpdate, Touchpoint
from schemas.json_form import instant
from schemas.validate import check
from streams.simulate import Plan, Simulation, Staff

START = instant("2026-03-01T09:00:00Z")
MINUTE = 60_000_000


def action(number: int = 1, customer: str = "c-1", **values: object) -> Action:
    fields: dict[str, object] = {
        "action_id": f"a{number}",
        "revision": 1,
        "subject_type": "customer",
        "subject_id": customer,
        "decided_at": START,
        "kind": "call_back",
        "audience": "care",
        "template": "call_back",
        "step": "listen",
        "origin": "inferred",
        "score": 0.7,
        "emit": "now",
        "occasion": "e1",
        "rule": "call_back",
        "rule_version": "1",
        "pack": "retail",
        "pack_version": "1",
        "touchpoint": "payment",
    }
    return Action(**(fields | values))  # type: ignore[arg-type]


def of(staff: Staff, actions: int = 400) -> list[list[ActionUpdate]]:
    return [staff.receipts(action(number), START) for number in range(actions)]


def test_most_actions_are_seen_to_some_declined_some_forgotten() -> None:
    fates = [[receipt.status for receipt in receipts] for receipts in of(Staff(1))]
    assert 0.02 < sum(not fate for fate in fates) / 400 < 0.2
    assert 0.01 < fates.count(["declined"]) / 400 < 0.15
    worked = [fate for fate in fates if fate[:2] == ["accepted", "contacted"]]
    assert len(worked) > 300
    assert 0.5 < sum(fate[-1] == "resolved" for fate in worked) / len(worked) < 1


def test_receipts_are_valid_and_come_one_after_the_other() -> None:
    for receipts in of(Staff(1)):
        times = [receipt.occurred_at for receipt in receipts]
        assert times == sorted(times)
        assert all(START + MINUTE <= at <= START + 180 * MINUTE for at in times)
        for receipt in receipts:
            check(receipt, receipt.subject_id.encode())
            assert (receipt.cost is not None) == (receipt.status == "compensated")


def test_the_same_actions_give_the_same_receipts() -> None:
    assert of(Staff(1)) == of(Staff(1))
    assert of(Staff(1)) != of(Staff(2))


def test_an_action_is_done_once() -> None:
    staff = Staff(1)
    number = next(number for number in range(9) if staff.receipts(action(number), START))
    assert not staff.receipts(action(number, revision=2), START)
    assert not staff.receipts(action(99, supersedes=f"a{number}"), START)
    assert not staff.receipts(action(number, revision=3, retracted=True), START)
    assert staff.withdrawn(f"a{number}")


def test_messages_to_customers_are_no_work() -> None:
    assert not any(Staff(1).receipts(action(number, audience="customers"), START) for number in range(50))


def followed_up(*, audience: str | None) -> tuple[list[Touchpoint | ActionUpdate], list[dict[str, object]]]:
    """A run in which every failed payment of a customer leads to an action, the first time."""
    simulation = Simulation(Plan(start_us=START, scenario="outage", hours=4.0, malformed=0.0, duplicates=0.0, late=0.0))
    records: list[Touchpoint | ActionUpdate] = []
    for happening in simulation:
        record = happening.record
        if isinstance(record, Touchpoint | ActionUpdate):
            records.append(record)
        if audience and isinstance(record, Touchpoint) and record.outcome == "failure":
            fields = {"audience": audience, "matter": record.matter, "action_id": f"a-{record.subject_id}"}
            simulation.take(action(0, record.subject_id, **fields))
    return records, [line for line in simulation.truth() if line["truth"] == "unhappy"]


def test_follow_up_makes_customers_calm_and_says_so() -> None:
    records, unhappy = followed_up(audience="care")
    receipts = [record for record in records if isinstance(record, ActionUpdate)]
    assert {receipt.status for receipt in receipts} == {"accepted", "contacted", "compensated", "resolved", "declined"}
    recovered = [line for line in unhappy if line["ended_by"] == "recovered"]
    assert recovered
    assert all(line["actions"] for line in recovered)
    _, left_alone = followed_up(audience=None)
    still = sum(line["until"] is None for line in unhappy)
    assert still < 0.7 * sum(line["until"] is None for line in left_alone)


def test_a_message_helps_less_than_a_call() -> None:
    _, messages = followed_up(audience="customers")
    _, calls = followed_up(audience="care")
    assert any(line["actions"] for line in messages)
    assert sum(line["until"] is None for line in calls) < sum(line["until"] is None for line in messages)


def test_an_action_about_nobody_in_the_run_still_gets_receipts() -> None:
    simulation = Simulation(Plan(start_us=START, hours=4.0))
    for number in range(10):
        simulation.take(action(number, "payment", subject_type="touchpoint", audience="product"))
    receipts = [one.record for one in simulation if isinstance(one.record, ActionUpdate)]
    assert {receipt.subject_id for receipt in receipts} == {"payment"}
