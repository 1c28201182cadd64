"""Rows with names of their own: what a mapping makes of them, in the files of examples/ and with every mistake told where it is."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.json_form import instant, to_json
from schemas.records import Touchpoint
from streams.cli import app
from streams.connect.files import read_records
from streams.connect.mapping import read_mapping
from streams.errors import UserError

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
MAPPING = """
time_zone: Asia/Shanghai
events:
  - when: has(row.who)
    set: {subject_type: customer, touchpoint: checkout}
    take: {event_id: row.id, subject_id: row.who, occurred_at: 'instant(row.when, "%d.%m.%Y %H:%M")', amount: number("price"), attributes.shop: text("shop")}
"""


def mapped(
    tmp_path: Path, rows: str, mapping: str = MAPPING, name: str = "rows.jsonl"
) -> list[dict[str, object] | str]:
    (tmp_path / name).write_text(rows, encoding="utf-8")
    (tmp_path / "m.yaml").write_text(mapping, encoding="utf-8")
    read = read_records(tmp_path / name, mapping=tmp_path / "m.yaml")
    return [f"{row.line}: {row.error}" if row.record is None else to_json(row.record) for row in read]


def test_a_row_of_json_and_one_of_csv_give_the_same_event(tmp_path: Path) -> None:
    wanted = {
        "record": "touchpoint",
        "event_id": "7",
        "subject_type": "customer",
        "subject_id": "17850",
        "occurred_at": "2026-03-02T01:30:00Z",
        "touchpoint": "checkout",
        "amount": "12.5",
        "attributes": {"shop": "Nanjing Road"},
    }
    line = '{"id": 7, "who": 17850.0, "when": "02.03.2026 09:30", "price": 12.5, "shop": "Nanjing Road", "more": [1]}\n'
    assert mapped(tmp_path, line) == [wanted]
    table = "id;who;when;price;shop\n7;17850;02.03.2026 09:30;12.5;Nanjing Road\n;;;;\n"
    assert mapped(tmp_path, table, name="rows.csv") == [wanted]


def test_a_row_that_gives_nothing_is_passed_over_and_an_empty_text_is_no_field(tmp_path: Path) -> None:
    rows = '{"id": 1, "who": null}\n{"id": "2", "who": "anna", "when": "02.03.2026 09:30"}\n'
    (found,) = mapped(tmp_path, rows)
    assert isinstance(found, dict)
    assert found["event_id"] == "2"
    assert "attributes" not in found


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ('{"id": 1, "who": "a", "when": "2026-03-02"}', "'2026-03-02' is not of the form '%d.%m.%Y %H:%M'"),
        ('{"id": 1, "who": "a"}', "events[0].take.occurred_at"),
        ('{"who": "a", "when": "02.03.2026 09:30"}', "events[0].take.event_id"),
        ('{"id": 1, "who": "a", "when": "02.03.2026 09:30", "price": "cheap"}', "price is 'cheap', no number"),
        ('{"id": 1, "who": "a", "when": "02.03.2026 09:30", "price": 1e30}', "amount"),
        ('{"id": 1, "who": "a", "when": "02.03.2026 09:30", "price": "nan"}', "price is 'nan', no number"),
        ("{", "not a whole JSON object"),
    ],
)
def test_a_row_that_cannot_be_read_is_told_and_the_next_one_is_read(tmp_path: Path, row: str, error: str) -> None:
    good = '{"id": 2, "who": "b", "when": "02.03.2026 09:30"}'
    told, then = mapped(tmp_path, f"{row}\n{good}\n")
    assert isinstance(told, str)
    assert told.startswith("1: ")
    assert error in told
    assert isinstance(then, dict)


@pytest.mark.parametrize(
    ("mapping", "error"),
    [
        ("events: []", "no events"),
        ("events: {}", "no events"),
        ("- 1", "a map is wanted"),
        ("time_zone: Mars/Base\nevents: [{}]", "m.yaml:1:12: 'Mars/Base' is no time zone"),
        (MAPPING.replace("take:", "takes:"), "m.yaml:6:12: unknown 'takes'"),
        (MAPPING.replace("row.id,", "row.id +,"), "m.yaml:6"),
        (MAPPING.replace("number(", "numbr("), "number"),
        (MAPPING.replace("event_id: row.id", 'event_id: number("id")'), "m.yaml:6"),
        (MAPPING.replace("event_id: row.id, ", ""), "event_id is missing"),
        (MAPPING.replace("amount:", "amuont:"), "no field 'amuont'"),
        (MAPPING.replace("attributes.shop", "attributes"), "attributes cannot be taken"),
        (MAPPING.replace("  - when", "  - record: action\n    when"), "no record 'action'"),
        ("events: [", "not valid YAML"),
    ],
)
def test_a_mistake_in_the_mapping_is_told_with_its_place_before_the_first_row(
    tmp_path: Path, mapping: str, error: str
) -> None:
    (tmp_path / "m.yaml").write_text(mapping, encoding="utf-8")
    with pytest.raises(UserError, match=r"m\.yaml") as caught:
        read_mapping(tmp_path / "m.yaml")
    assert error in str(caught.value)


def test_a_mapping_reads_text_only(tmp_path: Path) -> None:
    (tmp_path / "a.avro").write_bytes(b"Obj\x01")
    (tmp_path / "m.yaml").write_text(MAPPING, encoding="utf-8")
    with pytest.raises(UserError, match="JSON lines and CSV"):
        list(read_records(tmp_path / "a.avro", mapping=tmp_path / "m.yaml"))
    with pytest.raises(UserError, match="nowhere"):
        list(read_records(EXAMPLES / "purchases.jsonl", mapping=tmp_path / "nowhere.yaml"))


def test_a_flight_is_dated_by_its_delay() -> None:
    rows = read_records(EXAMPLES / "flights.jsonl", mapping=EXAMPLES / "flights.mapping.yaml")
    found = {row.record.event_id: row.record for row in rows if isinstance(row.record, Touchpoint)}
    late = found["dep/2019-01-02/WN2358/DFW"]
    assert (late.occurred_at, late.promised_at) == (instant("2019-01-02T11:16:00Z"), instant("2019-01-02T10:45:00Z"))
    assert found["cancelled/2019-01-03/UA594/JFK"].outcome == "failure"


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("purchases", {"call_back", "say_sorry", "win_back"}),
        ("flights", {"look_after_passengers", "again_and_again"}),
    ],
)
def test_the_examples_are_decided(name: str, rules: set[str]) -> None:
    words = ["decide", EXAMPLES / f"{name}.jsonl", "--mapping", EXAMPLES / f"{name}.mapping.yaml"]
    words += ["--pack", EXAMPLES / f"{name}.yaml", "--until", "+90d", "--json", "--actions-only"]
    done = CliRunner().invoke(app, list(map(str, words)))
    assert done.exit_code == 0, done.output
    assert {rule for rule in rules if f'"rule":"{rule}"' in done.output.replace(": ", ":")} == rules


def test_the_page_shows_the_example() -> None:
    page = (EXAMPLES.parent / "docs" / "mapping.md").read_text(encoding="utf-8")
    shown = page.partition("```yaml\n")[2].partition("```")[0].splitlines()
    file = (EXAMPLES / "purchases.mapping.yaml").read_text(encoding="utf-8")
    for line in shown:
        assert line.partition(" #")[0] in file
