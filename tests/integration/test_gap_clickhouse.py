"""The gap table in ClickHouse: the view says the same as `touchstone gap` in whatever order revisions were stored."""

import json
import random
from pathlib import Path

from schemas.events import Customer, Touchpoint
from schemas.json_form import to_json
from sinks.tables import BY_NAME
from sinks.writer import Writer
from streams.commands.material import of_clickhouse, of_file
from streams.experience.gap import Levels, table
from streams.packs_folder import find
from streams.replay import gap_events, gap_tables
from streams.settings import Settings
from tests import sink_records as make
from tests.clickhouse_service import ClickHouseService
from tests.touchstone_command import touchstone

DAY = 86_400_000_000
MINUTE = 60_000_000


def test_the_view_and_the_command_show_what_holds_now(
    clickhouse_settings: Settings, clickhouse_writer: Writer, clickhouse_server: ClickHouseService
) -> None:
    said = [
        make.experience(
            1, touchpoint="payment", dimension="convenience", experience=3.0, expectation=9.0, satisfaction=-6.0
        ),
        make.experience(
            1,
            touchpoint="payment",
            dimension="convenience",
            experience=5.0,
            expectation=7.0,
            satisfaction=-2.0,
            importance=9.0,
            ideal=10.0,
            revision=2,
        ),
        make.experience(
            2,
            touchpoint="chat",
            dimension="product",
            experience=6.0,
            expectation=7.0,
            satisfaction=-1.0,
            importance=None,
            ideal=None,
        ),
        make.experience(
            3,
            touchpoint="search",
            dimension="relationship",
            experience=4.0,
            expectation=None,
            satisfaction=None,
            importance=None,
            ideal=None,
        ),
        make.experience(4, touchpoint="search", dimension="relationship", experience=0.0, revision=2, retracted=True),
        make.experience(5, touchpoint="chat", dimension="product", experience=9.0, respondent="staff"),
    ]
    random.Random(1).shuffle(said)
    for number, one in enumerate([*said, said[0]]):
        assert clickhouse_writer.insert(BY_NAME["experiences"], [make.row("experiences", one, number)]) == []
    with clickhouse_server.client(clickhouse_settings.clickhouse_database) as client:
        cells = client.execute(
            "SELECT dimension, experience, expectation, satisfaction, importance, weighted, ideal, gap, is_key "
            "FROM gap_now WHERE respondent = 'customer' ORDER BY dimension"
        )
    wanted = table([Levels("convenience", 5, 7, 9, 10), Levels("product", 6, 7), Levels("relationship", 4)])
    assert cells == [
        (
            row.name,
            row.experience,
            row.expectation,
            row.satisfaction,
            row.importance,
            row.weighted,
            row.ideal,
            row.gap,
            int(row.name == wanted.key),
        )
        for row in wanted.rows
    ]
    told = json.loads(touchstone("gap", "--json", settings=clickhouse_settings).stdout)
    shown = {row["name"]: row for row in told["table"]["rows"]}
    assert told["table"]["key"] == "convenience"
    assert {name: (row["experience"], row["weighted"]) for name, row in shown.items()} == {
        "convenience": (5.0, -18.0),
        "product": (6.0, None),
        "relationship": (4.0, None),
    }
    assert told["voices"]["product"] == {"customer": 6.0, "staff": 9.0}


def test_segments_of_the_tables_are_those_of_a_file(
    clickhouse_settings: Settings, clickhouse_writer: Writer, tmp_path: Path
) -> None:
    """Tier and town as they were at that moment; what is said late of an earlier time counts from then on."""
    who = [{"subject_id": f"c-{number}"} for number in range(3)]
    told = [
        make.customer(1, **who[0], tier="silver", attributes={"club": "north"}),
        make.customer(2, **who[1], tier="gold", attributes={}),
        make.customer(3, **who[0], tier="gold", attributes={}, occurred_at=make.AT + 5 * MINUTE),
        make.customer(4, **who[1], tier=None, attributes={"club": "south"}, occurred_at=make.AT + 2 * MINUTE),
        make.customer(5, **who[0], tier=None, attributes={"club": ""}, occurred_at=make.AT + 7 * MINUTE),
        make.customer(1, **who[0], tier="bronze", attributes={}),  # a duplicate
    ]
    happened = [
        make.touchpoint(n, **who[n % 3], touchpoint="payment", outcome=("failure", "success")[n % 2], occurred_at=make.AT + n * MINUTE)
        for n in range(9)
    ]  # fmt: skip
    said = [
        make.feedback(n, **who[n % 3], kind="csat", score=float(n % 5 + 1), scale_min=1.0, scale_max=5.0, touchpoint="payment",
            expectation=7.0, importance=float(n), about_at=make.AT + (n - 1) * MINUTE, occurred_at=make.AT + n * MINUTE)
        for n in range(1, 9)
    ]  # fmt: skip
    path = tmp_path / "events.jsonl"
    records = [*told, *happened, *said]
    path.write_text("".join(json.dumps(to_json(one)) + "\n" for one in records), encoding="utf-8")
    experiences = of_file(path, clickhouse_settings, "retail").experiences
    for name, rows in (
        ("customers", told),
        ("touchpoints", happened),
        ("feedback", said),
        ("experiences", experiences),
    ):
        stored = [make.row(name, one, number) for number, one in enumerate(rows)]
        assert clickhouse_writer.insert(BY_NAME[name], stored) == []
    judge, seen = find("retail", clickhouse_settings), set()
    for by, each, segment, weigh in (
        ("dimension", "segment", "tier", None),
        ("segment,dimension", None, "club", "customer=3,measured=1"),
        ("touchpoint", "customer", "tier", None),
    ):
        asked = gap_tables.asked(by, each, "customer", weigh, "stated", "nps", None, None, {})
        of_tables, of_lines = (
            gap_tables.of_answers(
                gap_events.answers(
                    found.experiences, found.of(Touchpoint), judge, gap_events.segments(found.of(Customer), segment)
                ),
                judge,
                asked,
                "here",
            )
            for found in (
                of_clickhouse(clickhouse_settings, None, None, segment=segment),
                of_file(path, clickhouse_settings, "retail"),
            )
        )
        assert of_tables == of_lines
        seen |= {one.of or "" for one in of_tables} | {
            row.name.partition("/")[0] for one in of_tables for row in one.levels
        }
    assert seen >= {"silver", "gold", "–", "north", "south", "c-0", "c-1", "c-2"}
    unknown = touchstone("gap", "--each", "segment", "--segment", "diet", settings=clickhouse_settings)
    assert unknown.returncode == 2
    assert "TOUCHSTONE_SINK_SEGMENTS" in unknown.stderr


def test_promised_times_are_kept_late_overdue_or_waiting(
    clickhouse_settings: Settings, clickhouse_writer: Writer, clickhouse_server: ClickHouseService
) -> None:
    promised = make.AT + DAY
    rows = []
    for number, (matter, comes_at) in enumerate((("a", promised), ("b", promised + 60_000_000), ("c", None))):
        paid = {
            "touchpoint": "payment",
            "outcome": "success",
            "promised_at": promised,
            "matter": matter,
            "subject_id": "anna",
        }
        rows.append(make.touchpoint(number * 10, occurred_at=make.AT, **paid))
        if comes_at is not None:
            rows.append(make.touchpoint(number * 10 + 1, occurred_at=comes_at, **{**paid, "touchpoint": "delivery"}))
    later = {"promised_at": promised + DAY, "matter": "d", "touchpoint": "payment", "outcome": "success"}
    rows.append(make.touchpoint(90, occurred_at=promised + 120_000_000, **later))
    for number, one in enumerate(reversed(rows)):
        assert clickhouse_writer.insert(BY_NAME["touchpoints"], [make.row("touchpoints", one, number)]) == []
    with clickhouse_server.client(clickhouse_settings.clickhouse_database) as client:
        found = client.execute(
            "SELECT touchpoint, kept, late, overdue, waiting, late_seconds_quantiles FROM promised_times_by_hour ORDER BY hour, touchpoint"
        )
    assert [row[:5] for row in found] == [("delivery", 1, 1, 0, 0), ("payment", 0, 0, 1, 0), ("payment", 0, 0, 0, 1)]
    assert found[0][5] == [60.0, 60.0]


def test_promises_of_the_tables_are_those_of_a_file(
    clickhouse_settings: Settings, clickhouse_writer: Writer, tmp_path: Path
) -> None:
    rows = []
    for number in range(4):
        paid = {"touchpoint": "payment", "outcome": "success", "promised_at": make.AT + DAY, "matter": f"o{number}"}
        rows.append(make.touchpoint(number * 10, occurred_at=make.AT, subject_id="anna", **paid))
        if number:
            comes = {**paid, "touchpoint": "delivery", "occurred_at": make.AT + DAY + (number - 2) * 3_600_000_000}
            rows.append(make.touchpoint(number * 10 + 1, subject_id="anna", **comes))
    for number, one in enumerate(reversed(rows)):
        assert clickhouse_writer.insert(BY_NAME["touchpoints"], [make.row("touchpoints", one, number)]) == []
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(to_json(one)) + "\n" for one in rows), encoding="utf-8")
    of_tables = json.loads(touchstone("promises", "--at", "+48h", "--json", settings=clickhouse_settings).stdout)
    of_file = json.loads(touchstone("promises", path, "--at", "+48h", "--json").stdout)
    assert of_tables == of_file
    [found] = [one for one in of_file["promises"] if one["promise"] == "delivered_in_time"]
    assert [found[state] for state in ("made", "kept", "late", "broken")] == [4, 2, 1, 1]
