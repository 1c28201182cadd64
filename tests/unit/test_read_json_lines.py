"""JSON lines: what is read, what is refused line by line, in which encoding."""

import gzip
import io
import json
import os
import sys
from pathlib import Path

import pytest

from schemas.controls import Control
from schemas.events import Customer, Feedback, Touchpoint
from streams.connect.files import Row, read_records
from streams.connect.lines import KEPT_BYTES, LINE_BYTES_MAX, detect
from streams.errors import UserError

EVENT = {
    "event_id": "e1",
    "subject_type": "customer",
    "subject_id": "王小明",
    "occurred_at": "2026-03-01T09:30:00+08:00",
    "touchpoint": "收银台",
}
ID = "王小明"


def line(**changes: object) -> str:
    return json.dumps(EVENT | changes, ensure_ascii=False)


def rows(tmp_path: Path, content: bytes, name: str = "events.jsonl", **options: str) -> list[Row]:
    path = tmp_path / name
    path.write_bytes(content)
    return list(read_records(path, **options))


def subjects(found: list[Row]) -> list[str | None]:
    return [getattr(row.record, "subject_id", None) for row in found]


def test_a_line_becomes_its_record(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, line().encode())
    assert row.line == 1
    assert row.error is None
    assert row.raw == line().encode()
    assert isinstance(row.record, Touchpoint)
    assert row.record.subject_id == ID
    assert row.record.occurred_at == 1_772_328_600_000_000


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (line().encode(), None),
        (b"\xef\xbb\xbf" + line().encode(), None),
        (b"\xef\xbb\xbf" + line().encode(), "utf-8"),
        (line().encode("gb18030"), None),
        (b"\x84\x31\x95\x33" + line().encode("gb18030"), None),
        (line().encode("gb18030"), "gb18030"),
        (line(touchpoint="門市").encode("big5"), "big5"),
        (gzip.compress(line().encode()), None),
        (gzip.compress(line().encode("gb18030")), None),
    ],
    ids=["utf-8", "bom", "bom forced", "gb18030", "gb18030 bom", "gb18030 forced", "big5 forced", "gzip", "gzip gb"],
)
def test_encodings(tmp_path: Path, content: bytes, encoding: str | None) -> None:
    options = {} if encoding is None else {"encoding": encoding}
    assert subjects(rows(tmp_path, content, **options)) == [ID]


def test_the_encoding_is_decided_where_ascii_ends(tmp_path: Path) -> None:
    plain = [json.dumps(EVENT | {"subject_id": f"c{n}", "touchpoint": "shop"}) for n in range(5_000)]
    content = "\n".join([*plain, line()]).encode("gb18030")
    found = rows(tmp_path, content)
    assert len(found) == 5_001
    assert subjects(found)[-1] == ID


def test_a_gb18030_line_that_happens_to_be_utf8_is_outvoted(tmp_path: Path) -> None:
    accident = "陆"  # C2 BD: also one UTF-8 character
    assert accident.encode("gb18030").decode() != accident
    first = json.dumps(EVENT | {"subject_id": accident, "touchpoint": "shop"}, ensure_ascii=False)
    found = rows(tmp_path, "\n".join([first, line(), line(), line()]).encode("gb18030"))
    assert subjects(found) == [accident, ID, ID, ID]


def test_a_broken_line_in_a_utf8_file_is_that_lines_error(tmp_path: Path) -> None:
    broken = line().encode()[:60] + b"\xff" + line().encode()[60:]
    found = rows(tmp_path, b"\n".join([line().encode(), broken, line().encode()]))
    assert subjects(found) == [ID, None, ID]
    assert "is not UTF-8" in str(found[1].error)
    assert found[1].raw == broken


def test_neither_encoding() -> None:
    assert detect(b"\xff\xff\n\xff\xff\n") == "utf-8"  # each such line then gets its own error


@pytest.mark.parametrize("encoding", ["utf-16", "no-such-encoding", "cp037", "base64"])
def test_an_encoding_that_cannot_be_read_by_lines_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(UserError, match=f"--encoding {encoding}"):
        rows(tmp_path, line().encode(), encoding=encoding)


def test_utf16_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="UTF-16") as refused:
        rows(tmp_path, line().encode("utf-16"))
    assert "UTF-8" in refused.value.fix


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("{", "not a whole JSON object"),
        ("not json", "not a whole JSON object"),
        ('"text"', "expected a JSON object"),
        ("[1]", "expected a JSON object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": 1}{"b": 2}', "not a whole JSON object"),
        ('{"a": NaN}', "not a whole JSON object"),
        ("{}", "cannot tell what this is"),
        (line(gate="B"), "unknown field 'gate'"),
        (line(outcome="failed"), "outcome"),
        (line(subject_id=7), "subject_id"),
        (line(subject_id=None), "subject_id"),
        (line(occurred_at="2026-03-01T09:30:00"), "no time zone"),
        (line(occurred_at="yesterday"), "no instant"),
        (line(amount="a lot"), "no amount"),
        (line(record="parcel"), "cannot tell what this is"),
        (json.dumps({key: value for key, value in EVENT.items() if key != "event_id"}), "event_id"),
    ],
)
def test_a_bad_line_says_why_and_the_next_one_is_read(tmp_path: Path, bad: str, says: str) -> None:
    found = rows(tmp_path, f"{line()}\n{bad}\n{line()}\n".encode())
    assert subjects(found) == [ID, None, ID]
    assert [row.line for row in found] == [1, 2, 3]
    assert says in str(found[1].error)
    assert found[1].raw == bad.encode()


def test_empty_lines_and_windows_line_ends(tmp_path: Path) -> None:
    found = rows(tmp_path, f"{line()}\r\n\r\n   \n{line()}".encode())
    assert [(row.line, row.error) for row in found] == [(1, None), (4, None)]
    assert found[0].raw == line().encode()


def test_a_line_beyond_the_limit_is_not_held(tmp_path: Path) -> None:
    huge = b'{"text": "' + b"x" * (2 * LINE_BYTES_MAX) + b'"}'
    found = rows(tmp_path, b"\n".join([line().encode(), huge, line().encode()]))
    assert subjects(found) == [ID, None, ID]
    assert [row.line for row in found] == [1, 2, 3]
    assert "longer than" in str(found[1].error)
    assert len(found[1].raw) == KEPT_BYTES


def test_a_line_at_the_limit_is_read(tmp_path: Path) -> None:
    text = line()
    padding = " " * (LINE_BYTES_MAX - len(text.encode()))
    for end in ("\n", "\r\n"):
        assert subjects(rows(tmp_path, f"{text}{padding}{end}{text}".encode())) == [ID, ID]
    (row, _) = rows(tmp_path, f"{text}{padding} \n{text}".encode())
    assert "longer than" in str(row.error)


def test_kinds_may_be_mixed(tmp_path: Path) -> None:
    subject = {key: EVENT[key] for key in ("event_id", "subject_type", "subject_id", "occurred_at")}
    control = {
        "control_id": "k",
        "in_force_at": 0,
        "written_at": 0,
        "limit": {"name": "x", "most": 1, "period_seconds": 1},
    }
    lines = [line(), json.dumps(subject | {"kind": "complaint"}), json.dumps(subject | {"record": "customer"})]
    found = rows(tmp_path, "\n".join([*lines, json.dumps(control)]).encode())
    assert [type(row.record) for row in found] == [Touchpoint, Feedback, Customer, Control]


def test_the_caller_says_what_lines_are(tmp_path: Path) -> None:
    subject = {key: EVENT[key] for key in ("event_id", "subject_type", "subject_id", "occurred_at")}
    (row,) = rows(tmp_path, json.dumps(subject).encode(), record="customer")
    assert isinstance(row.record, Customer)
    with pytest.raises(UserError, match="no such record"):
        rows(tmp_path, b"", record="parcel")


def test_a_json_array_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="JSON array") as refused:
        rows(tmp_path, f"[{line()}]".encode())
    assert "one object a line" in refused.value.fix


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{line()}\n".encode())))
    assert subjects(list(read_records(Path("-")))) == [ID]


def test_no_file_no_rows_a_folder(tmp_path: Path) -> None:
    assert rows(tmp_path, b"") == []
    assert rows(tmp_path, b"\n\n") == []
    with pytest.raises(UserError, match="No such file"):
        list(read_records(tmp_path / "missing.jsonl"))
    with pytest.raises(UserError, match="directory"):
        list(read_records(tmp_path))


def test_a_gzip_that_ends_early_keeps_what_came_before(tmp_path: Path) -> None:
    content = gzip.compress("\n".join(line(event_id=f"e{n}") for n in range(50_000)).encode())
    found = rows(tmp_path, content[:-2_000], "events.jsonl.gz")
    assert found[-1].record is None
    assert "ends early" in str(found[-1].error)
    assert len(found) > 1
    assert all(row.record is not None for row in found[:-1])


def test_a_file_without_a_telling_name_is_known_by_its_first_character(tmp_path: Path) -> None:
    assert subjects(rows(tmp_path, f"\n {line()}".encode(), "events")) == [ID]


def test_a_line_from_a_pipe_is_read_before_the_next_one_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    there, here = os.pipe()
    with os.fdopen(there, "rb") as reading, os.fdopen(here, "wb", buffering=0) as writing:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(reading))
        writing.write(f"{line()}\n".encode("gb18030"))
        found = read_records(Path("-"))
        assert subjects([next(found)]) == [ID]  # it would wait for ever if it looked ahead into the empty pipe
        writing.write(f"{line()}\n".encode("gb18030"))
        assert subjects([next(found)]) == [ID]
