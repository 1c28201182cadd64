"""Events read back from ClickHouse are those that were stored, and `touchstone calibrate` says the same of them as of a file."""

import json
from pathlib import Path

from schemas.events import Feedback, Touchpoint
from schemas.json_form import from_json, to_json
from sinks.database import connect
from sinks.events import read_events, span
from sinks.tables import BY_NAME
from sinks.writer import Writer
from streams.settings import Settings
from tests import sink_records as make
from tests.touchstone_command import touchstone


def stored(writer: Writer, *records: Touchpoint | Feedback) -> None:
    for number, record in enumerate(records):
        table = "touchpoints" if isinstance(record, Touchpoint) else "feedback"
        assert writer.insert(BY_NAME[table], [make.row(table, record, number)]) == []


def test_what_was_stored_comes_back_in_the_order_of_event_time(
    clickhouse_settings: Settings, clickhouse_writer: Writer
) -> None:
    day = 86_400_000_000
    records = [
        make.full_touchpoint(),
        make.touchpoint(2),
        make.feedback(3, about_at=make.AT, text=None, attributes={"a": "b"}),
        make.touchpoint(4, occurred_at=make.AT + 2 * day),
    ]
    stored(clickhouse_writer, *reversed(records), make.touchpoint(2))  # one of them twice
    database = connect(clickhouse_settings)
    assert span(database) == (records[0].occurred_at, records[-1].occurred_at)
    assert list(read_events(database, make.AT, make.AT + 3 * day)) == records
    assert list(read_events(database, make.AT, make.AT + 2 * day)) == records[:-1]
    database.disconnect()


def test_nothing_is_stored(clickhouse_settings: Settings) -> None:
    done = touchstone("calibrate", settings=clickhouse_settings)
    assert done.returncode == 1
    assert "too few answers: 0" in done.stderr


def test_a_file_and_the_tables_say_the_same(
    clickhouse_settings: Settings, clickhouse_writer: Writer, tmp_path: Path
) -> None:
    records: list[Touchpoint | Feedback] = []
    for number in range(60):
        who = {"subject_type": "customer", "subject_id": f"c{number}"}
        at = make.AT + number * 600_000_000
        failed = {"touchpoint": "payment", "outcome": "failure", "event_id": f"t{number}", "occurred_at": at}
        said = {"kind": "nps", "score": number % 3 * 4, "touchpoint": "payment", "event_id": f"f{number}"}
        records.append(from_json({"record": "touchpoint", **who, **failed}))  # type: ignore[arg-type]
        records.append(from_json({"record": "feedback", **who, **said, "occurred_at": at + 120_000_000}))  # type: ignore[arg-type]
    for table, kind in (("touchpoints", Touchpoint), ("feedback", Feedback)):
        rows = [make.row(table, one, number) for number, one in enumerate(records) if isinstance(one, kind)]
        assert clickhouse_writer.insert(BY_NAME[table], rows) == []
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(to_json(one)) + "\n" for one in records), encoding="utf-8")
    of_tables = touchstone("calibrate", "--json", settings=clickhouse_settings)
    of_file = touchstone("calibrate", path, "--json")
    assert of_tables.returncode == of_file.returncode == 0, of_tables.stderr + of_file.stderr
    assert json.loads(of_tables.stdout) == json.loads(of_file.stdout)
    assert json.loads(of_file.stdout)["answers"] == 60
