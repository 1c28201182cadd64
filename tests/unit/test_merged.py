"""An id that is given up for another: nothing waits under it any more, whatever was open, and in whatever order that is known."""

import re
from itertools import permutations
from pathlib import Path
from typing import Any

from schemas.decisions import Action
from schemas.events import Customer
from streams.connect.files import read_records
from streams.experience.fold import MERGED_INTO
from tests.builders import SECOND, START, actions, driver, episodes, in_force, message
from tests.one_life import DAY, HOUR, MINUTE, Life, receipt

ROOT = Path(__file__).parents[2]


def unhappy_visit(life: Life) -> Action:
    """Three failed payments of somebody not known; a task is there."""
    for at in range(3):
        life.touch(at * MINUTE, "payment", "failure", matter="basket", subject_type="anonymous")
    return next(one for one in actions(life.outputs) if one.kind == "look_into_it")


def merge(life: Life, at: int, into: str = "c-17") -> None:
    life.take("customer", at, event_id="moved", subject_type="anonymous", attributes={"merged_into": into})


def test_without_a_word_a_visit_that_was_resolved_comes_back() -> None:
    life = Life()
    receipt(life, 5 * MINUTE, unhappy_visit(life), "resolved", subject_type="anonymous")
    life.until(30 * DAY)
    assert life.rules().count("escalate") == 3


def test_an_id_that_is_given_up_is_not_waited_for() -> None:
    life = Life()
    receipt(life, 5 * MINUTE, unhappy_visit(life), "resolved", subject_type="anonymous")
    merge(life, 6 * MINUTE)
    before = len(life.outputs)
    life.until(60 * DAY)
    assert len(life.outputs) == before
    episode = life.episode()
    assert (episode.state, episode.closed_by) == ("closed", "moved")


def test_nobody_is_thanked_for_it() -> None:
    life = Life()
    life.say(0, "complaint", touchpoint="payment", text="Terrible.")
    merge(life, HOUR // 2)
    life.until(60 * DAY)
    assert {"thank_you", "escalate"}.isdisjoint(life.rules())


def test_what_is_owed_to_an_authority_stays_open() -> None:
    life = Life()
    life.say(0, "complaint", touchpoint="payment", channel="regulator")
    merge(life, MINUTE)
    assert life.episode().state == "open"
    assert not life.episode().closed_by


def test_an_empty_text_ends_nothing_and_what_comes_later_is_heard() -> None:
    life = Life()
    unhappy_visit(life)
    merge(life, 5 * MINUTE, into="")
    assert life.episode().state == "open"
    later = Life()
    merge(later, 0)
    unhappy_visit(later)
    assert later.episode().state == "open"


def test_known_late_or_early_it_ends_the_same() -> None:
    rows: list[tuple[str, int, dict[str, Any]]] = [
        ("touchpoint", 0, {"touchpoint": "payment", "outcome": "failure", "matter": "b", "event_id": "t1"}),
        ("touchpoint", MINUTE, {"touchpoint": "payment", "outcome": "failure", "matter": "b", "event_id": "t2"}),
        ("customer", 2 * MINUTE, {"attributes": {"merged_into": "c-17"}, "event_id": "k"}),
        ("touchpoint", 30 * MINUTE, {"touchpoint": "chat", "outcome": "failure", "matter": "b", "event_id": "t3"}),
    ]
    held: list[dict[str, dict[str, Any]]] = []
    for order in permutations(rows):
        one, outputs = driver(), []
        for offset, (record, at, fields) in enumerate(order):
            given = {"subject_type": "anonymous", **fields}
            outputs += one.take(message(record, given.pop("event_id"), at, offset, subject="visit", **given))
        outputs += one.advance(START + 3 * DAY * SECOND)
        held.append({key: row for key, row in in_force(outputs).items() if key.startswith("cx-actions")})
        assert [found.closed_by for found in episodes(outputs).values()][:1] == ["k"]
    assert held[0]
    assert all(one == held[0] for one in held)


def test_the_message_of_the_docs_gives_an_id_up(tmp_path: Path) -> None:
    [line] = re.findall(r"```json\n(.*)\n```", (ROOT / "docs/contracts.md").read_text(encoding="utf-8"))
    file = tmp_path / "merge.jsonl"
    file.write_text(line + "\n", encoding="utf-8")
    [row] = read_records(file)
    assert isinstance(row.record, Customer)
    assert row.record.attributes == {MERGED_INTO: "c-17"}
