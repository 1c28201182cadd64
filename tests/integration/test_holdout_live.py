"""Live on the real Kafka, in one installation: what the draw of a pack holds out goes to a topic of its own, and a budget over all
customers is kept, whatever partitions they are in.
"""

import time
from collections.abc import Callable
from pathlib import Path

from schemas.controls import Control
from schemas.decisions import Action, Holdout
from streams.experience.holdout import drawn
from streams.packs_folder import find
from streams.packs_in_force import activate
from tests.builders import SECOND, START, message, records
from tests.limit_world import Failure, as_told, decided, limited, limited_text
from tests.main_service import DEADLINE_SECONDS, Product

PACK = (
    "pack: held\ninherits: retail\ndescription: Half of the customers get nothing.\nholdout: {salt: live, share: 0.5}\n"
)
PEOPLE = [f"customer-{number}" for number in range(12)]
BUDGET = "{goodwill: {counts: money, most: 50, per: day}}"
SETTLING = 1200  # the word is waited for, not raced
FAILURES = [Failure(number * 10, f"client-{number}", f"m{number}") for number in range(12)]
LATER = [Failure(7200, f"client-{number}", f"n{number}") for number in range(12)]


def test_what_is_held_out_live_is_what_the_draw_says_and_a_budget_is_kept(
    product: Callable[..., Product], tmp_path: Path
) -> None:
    (tmp_path / "held.yaml").write_text(PACK, encoding="utf-8")
    (tmp_path / "limited.yaml").write_text(limited_text(BUDGET, SETTLING), encoding="utf-8")
    one = product(core_packs=tmp_path)
    activate(find("held", one.settings), one.settings, at="beginning", brand="b")
    activate(find("limited", one.settings), one.settings, at="beginning", brand="thrifty")
    one.start("worker")
    said = {"brand": "b", "kind": "nps", "score": 0.0, "touchpoint": "payment"}
    one.produce(message("feedback", f"{who}-0", 0, number, who, **said) for number, who in enumerate(PEOPLE))
    one.until_decided()
    kept = {who for who in PEOPLE if drawn("live", "*", who) < 0.5}
    found = records(one.outputs("cx-holdouts"), "cx-holdouts", Holdout)
    assert {held.subject_id for held in found if held.rule == "call_back"} == kept
    assert {held.decided_at for held in found} == {START}
    assert {action.subject_id for action in one.actions() if action.rule == "call_back"} == set(PEOPLE) - kept
    budget_is_kept(one)


def budget_is_kept(one: Product) -> None:
    """Two partitions know nothing of each other; five vouchers are given, as at a prompt."""
    events = [each._replace(brand="thrifty") for each in (*FAILURES, *LATER)]
    one.produce(each.message(number) for number, each in enumerate(events[: len(FAILURES)]))
    deadline = time.monotonic() + DEADLINE_SECONDS
    while used_up_since(one) != START + FAILURES[4].at * SECOND:  # the fifth is granted, and then nothing is left
        assert time.monotonic() < deadline, "job 2 does not say that the budget is used up"
        time.sleep(0.1)
    one.until_decided()
    one.produce(each.message(100 + number) for number, each in enumerate(events[len(FAILURES) :]))  # what waits settles
    one.until_decided()
    emitted = [each for each in records(one.outputs("cx-actions"), "cx-actions", Action) if each.brand == "thrifty"]
    vouchers = [each for each in emitted if each.kind == "voucher"]
    assert sorted(each.subject_id for each in vouchers) == sorted(each.subject for each in FAILURES[:5])
    live = {each.action_id: each for each in one.actions() if each.brand == "thrifty"}
    numbers = [*range(len(FAILURES)), *range(100, 100 + len(LATER))]
    assert as_told(live) == as_told(decided(limited(BUDGET, SETTLING), events, numbers))


def used_up_since(one: Product) -> int | None:
    """As the latest word has it."""
    said = [each.used for each in records(one.outputs("cx-controls"), "cx-controls", Control) if each.used is not None]
    latest = max(said, key=lambda each: each.revision, default=None)
    return latest.spans[0].from_at if latest is not None and latest.spans else None
