"""docs/packs.md: its pack is checked and decides; every field that a pack can have is on the page; and a pack for another
trade, written from the page, works.
"""

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from schemas.decisions import Action
from schemas.json_form import from_json
from streams.experience import pack as shape
from streams.experience.compiled import CompiledPack
from streams.experience.conditions import StructType
from streams.experience.controls import first_pack
from streams.experience.environments import environments
from streams.experience.pack_checks import DETAILS, PARAMETERS
from streams.experience.pack_compile import compile_pack
from streams.experience.surroundings import Limits
from streams.replay.decide import Decider

HOUR = 3600
PAGE = (Path(__file__).parents[2] / "docs" / "packs.md").read_text(encoding="utf-8")
EXAMPLE = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0]
HOTEL = Path(__file__).parents[1] / "packs" / "hotel.yaml"


def decided(pack: CompiledPack, *events: dict[str, Any], hours: float = 0) -> list[Action]:
    """The actions that follow from events of one guest; `at` in seconds after the beginning."""
    decider = Decider(pack, Limits(HOUR * 1_000_000, 500))
    decider.control(first_pack(pack))
    start = 1_772_445_600_000_000
    for number, event in enumerate(sorted(events, key=lambda one: one["at"])):
        fields = {name: value for name, value in event.items() if name != "at"}
        occurred_at = start + event["at"] * 1_000_000
        if "promised_in" in fields:
            fields["promised_at"] = occurred_at + fields.pop("promised_in") * 1_000_000
        known = {"event_id": f"e{number}", "subject_type": "customer", "subject_id": "anna"}
        decider.take(from_json({"record": "touchpoint", **known, "occurred_at": occurred_at, **fields}))  # type: ignore[arg-type]
    assert not decider.rejected
    decider.advance((decider.newest_at or start) + int(hours * HOUR * 1_000_000))
    return [one for one in decider.decided if isinstance(one, Action)]


def test_the_pack_of_the_page_decides() -> None:
    bicycle = compile_pack(EXAMPLE, "docs/packs.md")
    told = decided(
        bicycle,
        {"at": 0, "record": "customer", "name": "Anna", "tier": "regular"},
        {"at": 60, "touchpoint": "drop_off", "matter": "job-7", "promised_in": 2 * HOUR},
        {"at": 3 * HOUR, "record": "feedback", "kind": "nps", "score": 2, "matter": "job-7"},
        hours=1,
    )
    assert [(one.rule, one.audience) for one in told] == [("ring", "workshop")]
    assert told[0].text == "Anna is unhappy with the repair (not_ready). Please ring."
    told = decided(bicycle, {"at": 0, "record": "feedback", "kind": "nps", "score": 1, "touchpoint": "fetch"}, hours=5)
    assert [(one.rule, one.amount and str(one.amount)) for one in told] == [
        ("ring", None),
        ("voucher", "10.0000"),
        ("ring_again", None),
    ]


def test_the_events_of_the_page_are_events() -> None:
    lines = re.findall(r"^\{\"record\".*\}$", PAGE, re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        from_json(msgspec.json.decode(line))


def parts() -> list[type[msgspec.Struct]]:
    return [one for one in vars(shape).values() if isinstance(one, type) and issubclass(one, shape.Part)]


@pytest.mark.parametrize("part", parts(), ids=lambda part: part.__name__)
def test_every_field_of_a_pack_is_on_the_page(part: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(part):
        assert f"`{field.name}`" in PAGE or f"{field.name}:" in PAGE, field.name


def test_every_choice_parameter_and_name_of_conditions_is_on_the_page() -> None:
    for choice in (*get_args(shape.ActionOn), *get_args(shape.SignalOn), *get_args(shape.Step)):
        assert f"`{choice}`" in PAGE, choice
    for name in (*PARAMETERS, *DETAILS):
        assert f"`{{{name}}}`" in PAGE, name
    for environment in environments(compile_pack(EXAMPLE, "docs/packs.md").file).values():
        for function in environment.functions:
            assert f"`{function}(" in PAGE, function
        for variable, kind in environment.variables.items():
            assert isinstance(kind, StructType)
            for name in () if variable == "event" else kind.fields:
                assert f"`{name}`" in PAGE, f"{variable}.{name}"


def defaults() -> list[tuple[str, object]]:
    return [
        (field.name, field.default)
        for part in parts()
        for field in msgspec.structs.fields(part)
        if isinstance(field.default, float | int) and not isinstance(field.default, bool)
    ]


@pytest.mark.parametrize(("name", "default"), defaults())
def test_defaults_of_numbers_are_those_of_the_page(name: str, default: float) -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and f"`{name}`" in line]
    assert any(re.search(rf"(default |\| ){default:g} \|?", f"{row} ") for row in rows), (name, default)


def hotel() -> CompiledPack:
    return compile_pack(HOTEL.read_text(encoding="utf-8"), str(HOTEL))


ARRIVAL = {"touchpoint": "reception", "outcome": "success", "matter": "stay-1"}
GUEST = {"at": 0, "record": "customer", "name": "Li", "tier": "platinum", "language": "zh", "unit": "sea"}


def rules(*events: dict[str, Any], hours: float = 0) -> list[str]:
    return [one.rule for one in decided(hotel(), *events, hours=hours) if not one.retracted]


def test_a_pack_of_our_own_finds_a_broken_promise_and_treats_it() -> None:
    late = {"at": 60, **ARRIVAL, "promised_in": HOUR}
    told = decided(hotel(), GUEST, late, {"at": 2 * HOUR, "touchpoint": "breakfast"}, hours=0.6)
    assert [(one.rule, str(one.amount), one.due_at and (one.due_at - one.decided_at) // 10**6) for one in told] == [
        ("see_the_guest", "None", 600),
        ("apologise", "None", None),
        ("upgrade", "200.0000", None),
        ("tell_the_manager", "None", None),
        ("tell_the_manager", "None", None),
    ]
    assert told[0].text == "Li（platinum）对房间不满：room_not_ready。请当面处理。"
    assert rules(late, {"at": HOUR, "touchpoint": "room", "outcome": "success", "matter": "stay-1"}, hours=5) == []


def test_a_pack_of_our_own_hears_what_guests_say_and_do() -> None:
    asked = {"outcome": "failure", "matter": "stay-1"}
    hopped = [
        {"at": 0, "touchpoint": "reception", "channel": "desk", "waiting_seconds": 500.0, **asked},
        {"at": 900, "touchpoint": "concierge_call", "channel": "phone", **asked},
        {"at": 950, "touchpoint": "room", "attributes": {"noise_db": "61"}},
    ]
    assert rules(*hopped) == ["see_the_guest"]
    assert rules(hopped[0], hopped[2]) == []
    assert rules({"at": 0, "record": "feedback", "kind": "nps", "score": 1, "touchpoint": "room"}) == ["see_the_guest"]
    assert rules({"at": 0, "touchpoint": "room", "outcome": "failure"}, hours=2.5)[:1] == ["see_the_guest"]


def test_a_pack_of_our_own_sells_only_to_the_happy_who_agreed() -> None:
    agreed = {"at": 0, "record": "customer", "consents": [{"purpose": "marketing", "channel": "*", "granted": True}]}
    happy = {"at": 60, "record": "feedback", "kind": "nps", "score": 10, "touchpoint": "breakfast"}
    assert rules(agreed, happy, hours=1) == ["offer_next_stay"]
    assert rules(happy, hours=1) == []
    assert rules(
        agreed, happy, {"at": 300, "record": "feedback", "kind": "nps", "score": 0, "touchpoint": "room"}, hours=0.2
    ) == ["see_the_guest", "apologise"]
