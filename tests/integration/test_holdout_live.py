"""Held out live: a pack that holds out is in force on the real Kafka, and what the draw keeps back goes to its own topic."""

from collections.abc import Callable
from pathlib import Path

from schemas.records import Holdout
from streams.experience.holdout import drawn
from streams.packs_folder import find
from streams.packs_in_force import activate
from tests.builders import START, message, records
from tests.main_service import Product

PACK = (
    "pack: held\ninherits: retail\ndescription: Half of the customers get nothing.\nholdout: {salt: live, share: 0.5}\n"
)
PEOPLE = [f"customer-{number}" for number in range(12)]


def test_what_is_held_out_live_is_what_the_draw_says(product: Callable[..., Product], tmp_path: Path) -> None:
    (tmp_path / "held.yaml").write_text(PACK, encoding="utf-8")
    one = product(core_packs=tmp_path)
    activate(find("held", one.settings), one.settings, at="beginning", brand="b")
    one.start("worker")
    said = {"brand": "b", "kind": "nps", "score": 0.0, "touchpoint": "payment"}
    one.produce(message("feedback", f"{who}-0", 0, number, who, **said) for number, who in enumerate(PEOPLE))
    one.until_decided()
    kept = {who for who in PEOPLE if drawn("live", "*", who) < 0.5}
    found = records(one.outputs("cx-holdouts"), "cx-holdouts", Holdout)
    assert {held.subject_id for held in found if held.rule == "call_back"} == kept
    assert {held.decided_at for held in found} == {START}
    assert {action.subject_id for action in one.actions() if action.rule == "call_back"} == set(PEOPLE) - kept
