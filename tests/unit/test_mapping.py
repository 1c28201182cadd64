"""Rows with names of their own: what a mapping makes of them, in the files of examples/ and with every mistake told where it is."""

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from openpyxl import Workbook
from typer.testing import CliRunner

from schemas.events import Touchpoint
from schemas.json_form import instant, to_json
from streams.cli import app
from streams.connect.files import read_records
from streams.connect.mapping_file import read_mapping
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
        (MAPPING.replace("subject_id: row.who, ", ""), "subject_id is missing"),
        (MAPPING.replace("subject_type", "subject_tipe"), "did you mean `subject_type`?"),
        ("decimal_mark: x\n" + MAPPING, "m.yaml:1:15: 'x' is no decimal mark"),
        ("empty: NA\n" + MAPPING, "a list is wanted"),
        ("tables: {zones: {JFK: [1]}}\n" + MAPPING, "m.yaml:1:23: a text is wanted"),
        ("let: {at: later(1)}\n" + MAPPING, "m.yaml:1:11"),
        ("let: {text: row.id}\n" + MAPPING, "text() is there already"),
        ("let: {has: row.id}\n" + MAPPING, "'has' cannot be a name"),
        ("let: {all: row}\n" + MAPPING, "gives a map of string"),
        ("take: {nobody: row.id}\n" + MAPPING, "m.yaml:1:16: no field 'nobody'"),
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


def test_a_mapping_reads_no_avro_and_no_array(tmp_path: Path) -> None:
    (tmp_path / "a.avro").write_bytes(b"Obj\x01")
    (tmp_path / "m.yaml").write_text(MAPPING, encoding="utf-8")
    with pytest.raises(UserError, match="JSON lines, CSV and xlsx"):
        list(read_records(tmp_path / "a.avro", mapping=tmp_path / "m.yaml"))
    (tmp_path / "a.json").write_text("[{}]", encoding="utf-8")
    with pytest.raises(UserError, match="JSON array"):
        list(read_records(tmp_path / "a.json", mapping=tmp_path / "m.yaml"))
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
    assert shown
    for line in shown:
        assert line.partition(" #")[0] in file


TAKES = """
time_zone: Europe/Berlin
empty: [NA]
tables: {zones: {JFK: America/New_York}}
let: {day: row.y + "-" + row.m + "-" + row.d, planned: 'instant_at(day(), "%Y-%m-%d", row.clock)'}
set: {subject_type: customer, subject_id: a, touchpoint: checkout}
events:
  - take: {VALUE}
"""


def taken(tmp_path: Path, row: dict[str, object], value: str, more: str = "") -> dict[str, object] | str:
    body = {"y": 2026, "m": 3, "d": 2, "clock": 517, "at": "2026-03-02 10:00", **row}
    every = "occurred_at: planned(), " if "occurred_at" not in value else ""
    mapping = TAKES.replace("VALUE", every + value) + more
    (found,) = mapped(tmp_path, msgspec.json.encode(body).decode() + "\n", mapping)
    return found


@pytest.mark.parametrize(
    ("clock", "at"),
    [
        (517, "04:17"),
        ("0517", "04:17"),
        ("5:17", "04:17"),
        ("05:17:30", "04:17:30"),
        (117, "00:17"),
        (5, "2026-03-01T23:05"),
        ("5:17 PM", "16:17"),
        ("12:05 a.m.", "2026-03-01T23:05"),
        (2400, "23:00"),
        ("517.0", "04:17"),
    ],
)
def test_a_time_of_day_as_tables_write_it(tmp_path: Path, clock: object, at: str) -> None:
    found = taken(tmp_path, {"clock": clock}, "event_id: day()")
    assert isinstance(found, dict)
    whole = at if "T" in at else f"2026-03-02T{at}"
    assert found["occurred_at"] == f"{whole}{'' if whole.count(':') == 2 else ':00'}Z"


@pytest.mark.parametrize("clock", [2500, "5:60", "half past", "13:00 PM", "0:10 PM", "24:00:01", "2401"])
def test_what_no_clock_shows_is_refused(tmp_path: Path, clock: object) -> None:
    found = taken(tmp_path, {"clock": clock}, "event_id: day()")
    assert isinstance(found, str)
    assert "is no time of day; write 517" in found


def test_a_clock_stays_right_on_the_day_when_clocks_change(tmp_path: Path) -> None:
    found = taken(tmp_path, {"d": 29, "clock": 1000}, "event_id: day()")
    assert isinstance(found, dict)
    assert found["occurred_at"] == "2026-03-29T08:00:00Z"  # summer time since two o'clock


@pytest.mark.parametrize(
    ("text", "amount", "more"),
    [
        ("1,234.5", "1234.5", ""),
        ("-1.5e-1", "-0.15", ""),
        ("£2.55", "2.55", ""),
        ("(3.50)", "-3.5", ""),
        ("3.50-", "-3.5", ""),
        ("-£2.55", "-2.55", ""),
        ("- 2.55", "-2.55", ""),
        ("+$1,234.5", "1234.5", ""),
        ("1 234 567", "1234567", ""),
        ("1.234,50 €", "1234.5", "decimal_mark: ','"),
        ("0,5", "0.5", "decimal_mark: ','"),
        ("1.234", "1234", "decimal_mark: ','"),
    ],
)
def test_a_number_as_tables_write_it(tmp_path: Path, text: str, amount: str, more: str) -> None:
    found = taken(tmp_path, {"price": text}, 'amount: number("price")', more)
    assert isinstance(found, dict)
    assert found["amount"] == amount


@pytest.mark.parametrize("text", ["1_000", "12,34", "1,2345.0", "inf", "twelve", "1e999", "NaN", "--1"])
def test_what_is_no_number_is_told_with_its_column_and_what_to_do(tmp_path: Path, text: str) -> None:
    found = taken(tmp_path, {"price": text}, 'amount: number("price")')
    assert isinstance(found, str)
    assert f"price is {text!r}, no number" in found
    assert "empty:" in found


@pytest.mark.parametrize(
    ("text", "form", "at"),
    [
        ("02.03.2026 10:00", "iso|%d.%m.%Y %H:%M", "2026-03-02T09:00:00Z"),
        ("2026-03-02T10:00:00+08:00", "iso", "2026-03-02T02:00:00Z"),
        ("1772445600", "seconds", "2026-03-02T10:00:00Z"),
        ("1772445600000", "milliseconds", "2026-03-02T10:00:00Z"),
        ("1772445600000000", "microseconds", "2026-03-02T10:00:00Z"),
        ("46083.416666667", "spreadsheet", "2026-03-02T09:00:00Z"),
    ],
)
def test_an_instant_in_the_first_form_that_fits(tmp_path: Path, text: str, form: str, at: str) -> None:
    found = taken(tmp_path, {"at": text}, f"occurred_at: 'instant(row.at, \"{form}\")'")
    assert isinstance(found, dict)
    assert found["occurred_at"] == at


def test_an_instant_in_the_zone_of_its_row(tmp_path: Path) -> None:
    value = 'occurred_at: \'instant_in(row.at, "iso", look_up("zones", row.from))\''
    found = taken(tmp_path, {"from": "JFK"}, value)
    assert isinstance(found, dict)
    assert found["occurred_at"] == "2026-03-02T15:00:00Z"
    assert "'' is no time zone" in str(taken(tmp_path, {"from": "XXX"}, value))


def test_what_stands_for_nothing_is_empty_and_a_field_may_be_left_out(tmp_path: Path) -> None:
    value = "amount: 'has(row.price) ? number(\"price\") : null', waiting_seconds: 'seconds_between(planned(), later(planned(), 90.0))'"
    found = taken(tmp_path, {"price": " NA "}, value)
    assert isinstance(found, dict)
    assert "amount" not in found
    assert found["waiting_seconds"] == 90.0
    refused = taken(tmp_path, {"clock": "NA"}, "event_id: row.d")
    assert "column 'clock' is empty here; ask first: has(row[\"clock\"])" in str(refused)
    refused = taken(tmp_path, {}, "event_id: row.clok")
    assert "there is no column 'clok'; did you mean `clock`?" in str(refused)
    refused = taken(tmp_path, {"who": "NA"}, 'subject_id: text("who")')
    assert "events[0].take.subject_id: nothing stands there" in str(refused)


@pytest.mark.parametrize(
    ("cell", "name"),
    [("17850.0", "17850"), ("1.785e4", "17850"), (17850.0, "17850"), ("A7.0", "A7.0"), ("1.5", "1.5"), ("007", "007")],
)
def test_a_number_that_names_something_is_whole(tmp_path: Path, cell: object, name: str) -> None:
    found = taken(tmp_path, {"who": cell}, 'subject_id: whole("who")')
    assert isinstance(found, dict)
    assert found["subject_id"] == name


def test_without_an_id_rows_that_are_the_same_count_once(tmp_path: Path) -> None:
    line = '{"y": 2026, "m": 3, "d": 2, "clock": 517, "gone": NaN}\n'
    other = line.replace("517", "518")
    rows = mapped(tmp_path, line + line + other, TAKES.replace("VALUE", "occurred_at: planned()"))
    ids = [row["event_id"] for row in rows if isinstance(row, dict)]
    assert len(ids) == 3
    assert ids[0] == ids[1] != ids[2]
    table = "y,m,d,clock,gone\n2026,3,2,517,\n"
    (found,) = mapped(tmp_path, table, TAKES.replace("VALUE", "occurred_at: planned()"), name="rows.csv")
    assert isinstance(found, dict)
    assert found["event_id"] == ids[0]


def test_a_line_that_says_what_it_is_is_taken_as_it_is(tmp_path: Path) -> None:
    own = '{"record": "feedback", "event_id": "f", "subject_type": "customer", "subject_id": "a", "occurred_at": "2026-03-02T01:30:00Z", "kind": "nps", "score": 3}\n'
    bad = '{"record": "feedback", "event_id": "f"}\n'
    found, refused = mapped(tmp_path, own + bad, TAKES.replace("VALUE", "occurred_at: planned()"))
    assert isinstance(found, dict)
    assert found["kind"] == "nps"
    assert isinstance(refused, str)


@pytest.mark.parametrize("record", [["feedback"], {"kind": "feedback"}, 7])
def test_a_column_named_record_that_says_something_else_is_a_column(tmp_path: Path, record: object) -> None:
    found = taken(tmp_path, {"record": record}, 'attributes.record: text("record")')
    assert isinstance(found, dict)
    assert found["attributes"] == {"record": msgspec.json.encode(record).decode()}


@pytest.mark.parametrize(
    ("row", "value", "error"),
    [
        ({"y": 9999, "m": 12, "d": 31, "clock": 2400}, "event_id: day()", "'9999-12-31' is no day that has a next one"),
        ({"n": 1e308}, 'occurred_at: "later(planned(), number(\\"n\\"))"', "1e+308 seconds later is no instant"),
        ({"n": 1e300}, 'occurred_at: "later(planned(), number(\\"n\\"))"', "occurred_at"),
    ],
)
def test_an_instant_beyond_all_calendars_is_refused(
    tmp_path: Path, row: dict[str, object], value: str, error: str
) -> None:
    assert error in str(taken(tmp_path, row, value))


def test_a_workbook_is_read_through_a_mapping(tmp_path: Path) -> None:
    book = Workbook()
    book.active.append(["id", "who", "when", "price", "shop"])
    book.active.append([7, 17850.0, datetime(2026, 3, 2, 9, 30), 12.5, timedelta(hours=30)])
    book.active.append([None, None, None, None])
    book.save(tmp_path / "rows.xlsx")
    (tmp_path / "m.yaml").write_text(MAPPING.replace('"%d.%m.%Y %H:%M"', '"iso"'), encoding="utf-8")
    (row,) = read_records(tmp_path / "rows.xlsx", mapping=tmp_path / "m.yaml")
    assert isinstance(row.record, Touchpoint)
    assert (row.line, row.record.subject_id, row.record.occurred_at) == (2, "17850", instant("2026-03-02T01:30:00Z"))
    assert row.record.attributes == {"shop": "108000"}  # a duration, in seconds


def test_a_row_with_more_cells_than_the_header_is_refused(tmp_path: Path) -> None:
    (found,) = mapped(tmp_path, "id,who,when,price,shop\n7,anna,02.03.2026 09:30,12,5,x\n", name="rows.csv")
    assert found == "2: 6 cells, the header has 5: quote a cell that holds the separator"


def test_columns_that_no_row_has_and_a_mapping_that_gives_nothing_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert mapped(tmp_path, '{"id": 7, "whom": "anna"}\n') == []
    assert "names columns that no row of" in caplog.text
    assert "'who'" in caplog.text
    assert "makes no event" in caplog.text


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("gap examples/flights.jsonl --pack examples/flights.yaml --by touchpoint", "first: departure, for certain"),
        ("promises examples/flights.jsonl --pack examples/flights.yaml", "no promise was made"),
        ("value examples/purchases.jsonl --pack examples/purchases.yaml", "customers, worth"),
        ("calibrate examples/purchases.jsonl --pack examples/purchases.yaml", "too few answers"),
        ("uplift examples/purchases.jsonl --pack examples/purchases.yaml", "nobody was held out"),
        ("moments examples/purchases.jsonl --pack examples/purchases.yaml", "rule"),
        ("value --pack examples/purchases.yaml", "no file of events"),
        ("uplift --pack examples/purchases.yaml", "no file of events"),
    ],
)
def test_every_command_that_takes_events_takes_a_mapping(command: str, shown: str) -> None:
    root = EXAMPLES.parent
    words = [str(root / word) if word.startswith("examples/") else word for word in command.split()]
    name = "flights" if "flights" in command else "purchases"
    done = CliRunner().invoke(app, [*words, "--mapping", str(EXAMPLES / f"{name}.mapping.yaml")])
    told = done.output + (str(done.exception) if done.exception else "")
    assert shown in told, told


def test_a_scenario_may_be_rows_of_a_table(tmp_path: Path) -> None:
    for part in ("yaml", "mapping.yaml"):
        (tmp_path / f"purchases.{part}").write_bytes((EXAMPLES / f"purchases.{part}").read_bytes())
    (tmp_path / "purchases.scenario.jsonl").write_bytes((EXAMPLES / "purchases.jsonl").read_bytes())
    words = ["packs", "test", str(tmp_path / "purchases.yaml"), "--mapping", str(tmp_path / "purchases.mapping.yaml")]
    assert CliRunner().invoke(app, [*words, "--write"]).exit_code == 0
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "actions, as expected" in done.output
