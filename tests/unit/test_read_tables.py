"""CSV and xlsx: headers, types from the schema, dates, and what is refused."""

import datetime as dt
import gzip
import io
import zipfile
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from schemas.controls import Control
from schemas.events import Customer, Feedback, Touchpoint
from streams.connect.files import Row, read_records
from streams.connect.tables import letter
from streams.connect.xlsx_file import TEXTS_BYTES_MAX
from streams.errors import UserError

HEADER = "event_id,subject_type,subject_id,occurred_at,touchpoint"
CELLS = "e1,customer,c1,2026-03-01T09:30:00Z,checkout"
AT = 1_772_357_400_000_000


def read_csv(
    tmp_path: Path, *lines: str, encoding: str = "utf-8", name: str = "events.csv", **options: str
) -> list[Row]:
    path = tmp_path / name
    path.write_bytes("\n".join(lines).encode(encoding))
    return list(read_records(path, **options))


def read_xlsx(tmp_path: Path, *sheets: tuple[str, list[list[object]]], **options: str) -> list[Row]:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, content in sheets:
        sheet = book.create_sheet(title)
        for cells in content:
            sheet.append(cells)
    book.save(tmp_path / "events.xlsx")
    return list(read_records(tmp_path / "events.xlsx", **options))


def only(found: list[Row]) -> Row:
    assert len(found) == 1
    return found[0]


def test_columns_are_fields_and_types_come_from_the_schema(tmp_path: Path) -> None:
    header = f"{HEADER},outcome,waiting_seconds,amount,currency,matter,attributes.gate,promised_at"
    row = only(read_csv(tmp_path, header, f"{CELLS},failure,12.5,19.9,CNY,00017,B,1772357400000000"))
    assert row.error is None
    assert row.line == 2
    assert row.record == Touchpoint(
        event_id="e1", subject_type="customer", subject_id="c1", occurred_at=AT, touchpoint="checkout", outcome="failure",
        waiting_seconds=12.5, amount=Decimal("19.9000"), currency="CNY", matter="00017", attributes={"gate": "B"},
        promised_at=AT,
    )  # fmt: skip


def test_an_empty_cell_is_an_absent_field(tmp_path: Path) -> None:
    row = only(read_csv(tmp_path, f"{HEADER},outcome,waiting_seconds,attributes.gate", f"{CELLS},,,"))
    assert isinstance(row.record, Touchpoint)
    assert (row.record.outcome, row.record.waiting_seconds, row.record.attributes) == ("unknown", None, {})


def test_lists_and_maps_as_json_in_a_cell(tmp_path: Path) -> None:
    consents = '"[{""purpose"": ""care"", ""channel"": ""sms"", ""granted"": true}]"'
    header = "event_id,subject_type,subject_id,occurred_at,consents,attributes"
    line = f'e1,customer,c1,2026-03-01T09:30:00Z,{consents},"{{""vip"": ""yes""}}"'
    row = only(read_csv(tmp_path, header, line, record="customer"))
    assert isinstance(row.record, Customer)
    assert row.record.attributes == {"vip": "yes"}
    assert row.record.consents is not None
    assert row.record.consents[0].granted is True


def test_deeper_records_by_dotted_names(tmp_path: Path) -> None:
    header = "control_id,in_force_at,written_at,limit.name,limit.most,limit.period_seconds"
    row = only(read_csv(tmp_path, header, "k,0,2026-03-01T09:30:00Z,vouchers,5,86400"))
    assert isinstance(row.record, Control)
    assert row.record.limit is not None
    assert (row.record.limit.most, row.record.limit.period_seconds) == (5.0, 86_400)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encodings_and_separators(tmp_path: Path, encoding: str, separator: str) -> None:
    lines = [text.replace(",", separator) for text in (f"{HEADER},text,kind", f"{CELLS},等了一个小时,complaint")]
    row = only(read_csv(tmp_path, *lines, encoding=encoding))
    assert isinstance(row.record, Feedback)
    assert row.record.text == "等了一个小时"


def test_a_gzipped_csv(tmp_path: Path) -> None:
    (tmp_path / "events.csv.gz").write_bytes(gzip.compress(f"{HEADER}\n{CELLS}\n".encode()))
    assert only(list(read_records(tmp_path / "events.csv.gz"))).error is None


def test_line_numbers_count_lines_inside_quotes(tmp_path: Path) -> None:
    quoted = f'{CELLS},"first\nsecond, ""third""",complaint'
    found = read_csv(tmp_path, f"{HEADER},text,kind", quoted, f"{CELLS},x,complaint")
    assert [(row.line, row.error) for row in found] == [(2, None), (4, None)]
    assert isinstance(found[0].record, Feedback)
    assert found[0].record.text == 'first\nsecond, "third"'
    assert found[0].raw == quoted.encode()


@pytest.mark.parametrize(
    ("header", "what"),
    [
        (f"{HEADER},gate", r"events\.csv:1: column gate \(F\): touchpoint has no field 'gate'"),
        (HEADER.replace("subject_id", "subjectid"), r"did you mean subject_id\?"),
        (f"{HEADER},touchpoint", r"column touchpoint \(F\) is there twice"),
        (f"{HEADER},attributes,attributes.gate", "twice"),
        (f"{HEADER},matter.id", "nothing inside it"),
        ("event_id,subject_type,occurred_at,touchpoint", "no column subject_id"),
        ("a,b,c", "cannot tell from the columns what the rows are"),
        (f"{HEADER},record,nonsense", "no field 'nonsense'"),
    ],
)
def test_a_header_that_cannot_be_read_stops_the_file(tmp_path: Path, header: str, what: str) -> None:
    with pytest.raises(UserError, match=what) as refused:
        read_csv(tmp_path, header, CELLS)
    assert refused.value.fix


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        ("outcome", "failed", "column outcome (F): 'failed' is none of unknown, success, failure, abandoned"),
        ("waiting_seconds", "4,5", "column waiting_seconds (F): '4,5' is no number; write 4.5"),
        ("amount", "¥5", "column amount (F): '¥5' is no amount; write 1234.50"),
        ("amount", "1e40", "at most four decimals"),
        ("promised_at", "2026-03-01 09:30", "has no time zone; write 2026-03-01T09:30:00+08:00"),
        ("promised_at", "2026/3/1 9:30", "'2026/3/1 9:30' is no instant; write 2026-03-01T09:30:00Z"),
        ("attributes", "{", "is no JSON"),
        ("attributes", "[1]", "attributes"),
    ],
)
def test_a_wrong_cell_stops_its_row_only(tmp_path: Path, column: str, cell: str, says: str) -> None:
    found = read_csv(tmp_path, f"{HEADER},{column}", f'{CELLS},"{cell}"', f"{CELLS},")
    assert says in str(found[0].error)
    assert [row.line for row in found] == [2, 3]
    assert found[1].error is None


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (f"{CELLS},x", "6 cells: the header has 5 columns"),
        ("e1,customer", "2 cells, the header has 5"),
        (CELLS.replace("c1", ""), "subject_id is empty"),
        (CELLS.replace("e1", '"e"1'), "put quotes around the whole cell"),
    ],
)
def test_a_row_of_another_shape(tmp_path: Path, line: str, says: str) -> None:
    found = read_csv(tmp_path, HEADER, line, CELLS)
    assert says in str(found[0].error)
    assert [row.line for row in found] == [2, 3]
    assert found[1].error is None
    assert found[0].raw == line.encode()


def test_a_quote_that_is_never_closed_is_told_with_its_lines(tmp_path: Path) -> None:
    found = read_csv(tmp_path, HEADER, CELLS, '"' + CELLS, CELLS, CELLS)
    assert found[0].error is None
    assert [row.line for row in found] == [2, 3]
    assert "lines 3 to 5" in str(found[1].error)
    assert found[1].raw.count(b"\n") == 2


def test_a_quote_that_swallows_too_much_is_cut_and_reading_goes_on(tmp_path: Path) -> None:
    found = read_csv(tmp_path, HEADER, '"' + CELLS, *[CELLS] * 5_000)
    assert "field larger" in str(found[0].error)
    assert len(found) > 1
    lines = {number for row in found for number in range(row.line, row.line + row.raw.count(b"\n") + 1)}
    assert lines == set(range(2, 5_003))  # every line is in a row or in an error


def test_a_line_of_another_encoding_inside_a_csv(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(f"{HEADER}\n{CELLS}\n".encode() + b"\xff\xfe\n" + f"{CELLS}é\n{CELLS}\n".encode())
    found = list(read_records(tmp_path / "x.csv"))
    assert [row.error is None for row in found] == [True, False, True, True]
    assert found[1].line == 3


def test_rows_may_say_what_they_are(tmp_path: Path) -> None:
    header = "record,event_id,subject_type,subject_id,occurred_at,touchpoint,kind,tier"
    frame = "e1,customer,c1,2026-03-01T09:30:00Z"
    found = read_csv(
        tmp_path, header, f"touchpoint,{frame},shop,,", f"feedback,{frame},,praise,", f"customer,{frame},,,gold",
        f"parcel,{frame},,,", f"touchpoint,{frame},shop,,gold", f",{frame},shop,,",
    )  # fmt: skip
    assert [type(row.record) for row in found[:3]] == [Touchpoint, Feedback, Customer]
    assert "'parcel' is none of" in str(found[3].error)
    assert "column tier (H): a touchpoint has no such field" in str(found[4].error)
    assert "column record is empty" in str(found[5].error)
    assert isinstance(read_csv(tmp_path, header, f",{frame},shop,,", record="touchpoint")[0].record, Touchpoint)


def test_times_without_a_zone_take_the_one_that_is_named(tmp_path: Path) -> None:
    line = CELLS.replace("2026-03-01T09:30:00Z", "2026-03-01 17:30")
    row = only(read_csv(tmp_path, HEADER, line, time_zone="Asia/Shanghai"))
    assert isinstance(row.record, Touchpoint)
    assert row.record.occurred_at == AT
    with pytest.raises(UserError, match="no such time zone"):
        read_csv(tmp_path, HEADER, line, time_zone="Mars/Base")


def test_xlsx_types_and_dates(tmp_path: Path) -> None:
    header = [*HEADER.split(","), "waiting_seconds", "matter", "amount", "attributes.vip", "attributes.paid"]
    at = dt.datetime(2026, 3, 1, 17, 30)
    cells = ["e1", "customer", 10023, at, "checkout", 3, 17.5, 19.9, True, 42.0]
    row = only(read_xlsx(tmp_path, ("Sheet1", [header, cells]), time_zone="Asia/Shanghai"))
    assert isinstance(row.record, Touchpoint), row.error
    assert row.line == 2
    assert row.record.occurred_at == AT
    assert (row.record.subject_id, row.record.waiting_seconds, row.record.matter) == ("10023", 3.0, "17.5")
    assert row.record.amount == Decimal("19.9")
    assert row.record.attributes == {"vip": "true", "paid": "42"}


def test_an_xlsx_date_without_a_named_zone_is_refused(tmp_path: Path) -> None:
    cells = ["e1", "customer", "c1", dt.datetime(2026, 3, 1, 17, 30), "checkout"]
    row = only(read_xlsx(tmp_path, ("Sheet1", [HEADER.split(","), cells])))
    assert "column occurred_at (D)" in str(row.error)
    assert "--time-zone Asia/Shanghai" in str(row.error)


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        ("promised_at", 46082.5, "format the column as a date"),
        ("promised_at", dt.time(9, 30), "'09:30:00' is no instant"),
        ("matter", 1234567890123456789, "format the column as text"),
        ("matter", "#N/A", "the spreadsheet's error #N/A"),
        ("waiting_seconds", True, "is no number"),
        ("outcome", 1, "'1' is none of"),
    ],
)
def test_a_wrong_xlsx_cell(tmp_path: Path, column: str, cell: object, says: str) -> None:
    header, cells = [*HEADER.split(","), column], [*CELLS.split(","), cell]
    assert says in str(only(read_xlsx(tmp_path, ("Sheet1", [header, cells]))).error)


def test_xlsx_sheets_empty_rows_and_row_numbers(tmp_path: Path) -> None:
    header, good = list(HEADER.split(",")), list(CELLS.split(","))
    feedback = [[*header[:4], "kind"], [*good[:4], "praise"], [*good[:4], "hymn"]]
    found = read_xlsx(tmp_path, ("Visits", [header, good, [], [None, ""], good]), ("feedback", feedback), ("empty", []))
    assert [row.line for row in found] == [2, 5, 2, 3]
    assert [type(row.record) for row in found] == [Touchpoint, Touchpoint, Feedback, type(None)]
    assert str(found[3].error).startswith("sheet feedback: column kind (E): 'hymn' is none of")
    assert found[3].raw.startswith(b'["e1"')


def test_a_sheet_with_another_header_stops_the_file_before_its_first_row(tmp_path: Path) -> None:
    good = [list(HEADER.split(",")), list(CELLS.split(","))]
    with pytest.raises(UserError, match="sheet Notes: cannot tell"):
        read_xlsx(tmp_path, ("Visits", good), ("Notes", [["to do"]]))
    with pytest.raises(UserError, match="first row of sheet Notes is empty"):
        read_xlsx(tmp_path, ("Visits", good), ("Notes", [[], ["to do"]]))


def test_an_xlsx_in_gzip(tmp_path: Path) -> None:
    read_xlsx(tmp_path, ("Sheet1", [list(HEADER.split(",")), list(CELLS.split(","))]))
    packed = tmp_path / "again.xlsx.gz"
    packed.write_bytes(gzip.compress((tmp_path / "events.xlsx").read_bytes()))
    assert only(list(read_records(packed))).error is None


def test_files_that_are_no_workbook(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as parts:
        parts.writestr("hello.txt", "hello")
    for name, content, what in (
        ("a.xlsx", archive.getvalue(), "no workbook"),
        ("b.xlsx", archive.getvalue()[:20], "no workbook"),
        ("c.xlsx", b"event_id", "no xlsx file"),
        ("d.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel file"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=what):
            list(read_records(tmp_path / name))


def test_a_workbook_whose_texts_unpack_to_too_much(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as parts, parts.open("xl/sharedStrings.xml", "w") as text:  # fmt: skip
        for _ in range(TEXTS_BYTES_MAX // (1 << 20) + 1):
            text.write(bytes(1 << 20))
    with pytest.raises(UserError, match="MiB of texts"):
        list(read_records(tmp_path / "bomb.xlsx"))


def test_letters() -> None:
    assert [letter(index) for index in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
