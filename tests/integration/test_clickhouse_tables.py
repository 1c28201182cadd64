"""Tables and views hold what was sent, whatever is sent twice, cut differently, or sent by a sink that should be dead."""

import random
import re
from decimal import Decimal
from pathlib import Path

from clickhouse_driver import Client

from sinks import migrations
from sinks.columns import Row, columns, insert_statement
from sinks.tables import BY_NAME, TABLES
from sinks.writer import Writer
from streams.settings import Settings
from tests import sink_records as make
from tests.clickhouse_service import ClickHouseService

MONTH_MS = 31 * 86_400_000


def letter(offset: int, source: int, reason: str = "malformed") -> Row:
    headers = [
        ("__connect.errors.topic", b"cx-touchpoints"),
        ("__connect.errors.partition", b"1"),
        ("__connect.errors.offset", str(source).encode()),
        ("__connect.errors.exception.message", b"no"),
        ("touchstone.reason", reason.encode()),
        ("touchstone.arrived_at_ms", str(make.ARRIVED_MS).encode()),
    ]
    return make.row("dead_letters", b"\x00\xff", offset, headers=headers)


def test_every_field_comes_back(clickhouse: Client, clickhouse_writer: Writer) -> None:
    sent = {
        "touchpoints": [make.full_touchpoint(), make.touchpoint(2)],
        "feedback": [make.feedback()],
        "action_updates": [make.receipt()],
        "experiences": [make.experience()],
        "actions": [
            make.action(amount=Decimal("12345678901234.5678"), due_at=make.AT),
            make.action(2, evidence=[], losers=[]),
        ],
        "episodes": [make.episode(), make.episode(2, actions=[], closed_at=make.AT)],
        "holdouts": [make.holdout(), make.holdout(2, amount=None, brand="b")],
        "suppressions": [make.suppression(), make.suppression(2, detail=None, brand="b")],
    }
    for table, records in sent.items():
        assert (
            clickhouse_writer.insert(BY_NAME[table], [make.row(table, record, n) for n, record in enumerate(records)])
            == []
        )
        for number, record in enumerate(records):
            for column in columns(type(record)):
                name = f"`{column.name}`"
                micros = (
                    f"arrayMap(x -> toUnixTimestamp64Micro(x), {name})"
                    if "." in name
                    else f"toUnixTimestamp64Micro({name})"
                )
                shown = micros if column.name.endswith("_at") else name
                found = clickhouse.execute(f"SELECT {shown} FROM {table}_final WHERE _offset = {number}")
                wanted = column.values([record])[0]
                assert found[0][0] == (tuple(wanted) if isinstance(found[0][0], tuple) else wanted), column.name


def test_of_customers_only_what_makes_segments(clickhouse: Client, clickhouse_writer: Writer) -> None:
    told = [
        make.customer(1),
        make.customer(2, subject_id="c-1", tier="", attributes={"club": "", "diet": "vegan"}),
        make.customer(3, subject_id="c-1", tier=None, attributes={}),
        make.customer(0, subject_id="c-1", tier="late"),
        make.customer(1, tier="iron"),  # a duplicate
        make.customer(0, subject_id="c-1", event_id="k-00", tier="at once"),
    ]
    rows = [make.row("customers", one, offset) for offset, one in enumerate(told)]
    assert clickhouse_writer.insert(BY_NAME["customers"], rows) == []
    found = clickhouse.execute("SELECT _offset, segments FROM customers_final ORDER BY _offset")
    assert found[:3] == [(0, {"club": "北", "tier": "gold"}), (1, {"club": "", "tier": ""}), (2, {})]
    history = "SELECT value FROM segments_by_customer WHERE subject_id = 'c-1' AND name = %(name)s ORDER BY since_at"
    assert clickhouse.execute(history, {"name": "tier"}) == [("at once",), ("gold",), ("",)]
    assert clickhouse.execute(history, {"name": "club"}) == [("北",), ("北",), ("",)]
    everything = repr(clickhouse.execute("SELECT * FROM customers"))
    assert not [word for word in ("李雷", "vegan", "diet") if word in everything]


def test_columns_are_those_of_the_records(clickhouse: Client, clickhouse_settings: Settings) -> None:
    for table in TABLES:
        found = [name for name, *_ in clickhouse.execute(f"DESCRIBE TABLE {table.name}")]
        own = [column.name for column in columns(table.record)]
        assert found == [*own, "_topic", "_partition", "_offset", "_timestamp", "_inserted_at"]
        assert insert_statement(table).count("`") == 2 * (len(found) - 1)


def mixed_rows() -> dict[str, list[Row]]:
    """Revisions, retractions, duplicates of an event, two partitions, two months."""
    late = make.ARRIVED_MS + MONTH_MS
    return {
        "touchpoints": [make.row("touchpoints", make.touchpoint(n % 150), n, partition=n % 2) for n in range(200)],
        "experiences": [
            make.row("experiences", make.experience(n, revision=1 + r, satisfaction=float(r - 1)), 3 * n + r)
            for n in range(40) for r in range(3)
        ],
        "actions": [
            make.row(
                "actions", make.action(n, revision=1 + r, retracted=r == 2 and n % 4 == 0), 3 * n + r,
                timestamp_ms=late if r else make.ARRIVED_MS,
            )
            for n in range(60) for r in range(3)
        ],
        "episodes": [make.row("episodes", make.episode(n), n) for n in range(10)],
        "holdouts": [make.row("holdouts", make.holdout(n // 2, revision=1 + n % 2), n) for n in range(10)],
        "suppressions": [make.row("suppressions", make.suppression(n // 2, revision=1 + n % 2), n) for n in range(10)],
        "action_updates": [make.row("action_updates", make.receipt(n), n) for n in range(20)],
        "customers": [
            make.row("customers", make.customer(n // 2, tier=("gold", "")[n % 2], occurred_at=make.AT + n % 3), n)
            for n in range(20)
        ],
        "dead_letters": [letter(n, n // 2) for n in range(30)],
    }  # fmt: skip


def everything(clickhouse: Client) -> dict[str, list[object]]:
    """What every view says, but for the moment of insertion."""
    views = [
        name
        for (name,) in clickhouse.execute(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine = 'View' ORDER BY name"
        )
    ]
    assert len(views) > 15
    found = {}
    for view in views:
        what = "* EXCEPT (action_to_visible_seconds)" if view == "latency_by_minute" else "*"
        rows = clickhouse.execute(
            f"SELECT {what} FROM {view}".replace(
                "* FROM", f"{'* EXCEPT (_inserted_at)' if has_moment(clickhouse, view) else '*'} FROM"
            )
        )
        found[view] = sorted(map(repr, rows))
    return found


def has_moment(clickhouse: Client, view: str) -> bool:
    return any(name == "_inserted_at" for name, *_ in clickhouse.execute(f"DESCRIBE TABLE {view}"))


def test_repetition_changes_nothing(clickhouse: Client, clickhouse_writer: Writer) -> None:
    rows = mixed_rows()
    for table, batch in rows.items():
        clickhouse_writer.insert(BY_NAME[table], batch)
    before = everything(clickhouse)
    assert len(before["actions_final"]) == 180
    assert len(before["actions_current"]) == 45
    assert len(before["touchpoints_current"]) == 150
    assert len(before["experiences_current"]) == 40
    assert len(before["customers_current"]) == 10
    assert len(before["dead_letters_current"]) == 15
    assert before["dead_letters_by_minute"] == [
        repr(row)
        for row in clickhouse.execute(
            "SELECT minute, 'malformed', '', 'cx-touchpoints', 15 FROM dead_letters_by_minute"
        )
    ]

    cuts = random.Random(7)
    for table, batch in rows.items():
        clickhouse_writer.insert(BY_NAME[table], batch)  # the answer was lost
        shuffled = cuts.sample(batch, len(batch))
        for start in range(0, len(shuffled), 17):  # cut differently, by another sink, in another order
            clickhouse_writer.insert(BY_NAME[table], shuffled[start : start + 17])
    assert clickhouse.execute("SELECT count() FROM actions")[0][0] > 180
    assert everything(clickhouse) == before
    for table in BY_NAME:
        clickhouse.execute(f"OPTIMIZE TABLE {table} FINAL")
    assert everything(clickhouse) == before


def test_a_message_that_stands_twice_in_one_insert_counts_once(clickhouse: Client, clickhouse_writer: Writer) -> None:
    """Blocks are not merged when they are inserted: views find the repetition in a part of its own."""
    for table, batch in mixed_rows().items():
        clickhouse_writer.insert(BY_NAME[table], [*batch, *batch])
    found = everything(clickhouse)
    counts = {"actions_final": 180, "actions_current": 45, "touchpoints_current": 150, "experiences_current": 40}
    assert {view: len(found[view]) for view in counts} == counts
    assert clickhouse.execute("SELECT sum(new) FROM actions_by_minute") == [(60,)]
    for table in BY_NAME:
        clickhouse.execute(f"OPTIMIZE TABLE {table} FINAL")
    assert everything(clickhouse) == found


def test_without_the_position_in_the_key_a_message_is_lost(
    clickhouse_server: ClickHouseService, clickhouse_database: str, tmp_path: Path
) -> None:
    for path in migrations.FOLDER.glob("*.sql"):
        text = re.sub(r"(ORDER BY \(.*), _topic, _partition, _offset\)", r"\1)", path.read_text(encoding="utf-8"))
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    settings = Settings(
        clickhouse_host=clickhouse_server.host,
        clickhouse_port=clickhouse_server.port,
        clickhouse_database=clickhouse_database,
    )
    migrations.migrate(settings, folder=tmp_path)
    writer = Writer(settings)
    same_moment = [
        make.row("touchpoints", make.touchpoint(n, occurred_at=make.AT, subject_id="c-1"), n) for n in range(10)
    ]
    writer.insert(BY_NAME["touchpoints"], same_moment)
    writer.close()
    with clickhouse_server.client(clickhouse_database) as client:
        assert client.execute("SELECT count() FROM touchpoints_final") == [(1,)]
