"""Two dealers' customers in the tables that the console reads, and a reader of them that runs without threads."""

import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import msgspec

from schemas.controls import PackInForce, Unit
from schemas.decisions import Evidence, Loser
from sinks import migrations
from sinks.console.clock import Clock
from sinks.console.gap import Gap
from sinks.console.questions import QUESTIONS
from sinks.console.reader import Question, Reader
from sinks.console.scope import Scope
from sinks.console.topics import Pack
from sinks.tables import BY_NAME
from sinks.writer import Writer
from streams.settings import Settings
from tests import sink_records as records
from tests.clickhouse_service import READER, ClickHouseService

MINUTE = 60_000_000
UNITS = {
    unit.unit_id: unit
    for unit in (
        Unit(unit_id="maker"),
        Unit(unit_id="north", parents=["maker"]),
        Unit(unit_id="south", parents=["maker"]),
        Unit(unit_id="dealer-1", parents=["north", "maker"]),
        Unit(unit_id="dealer-2", parents=["south", "maker"]),
    )
}
DEALERS = {"dealer-1": "One", "dealer-2": "Two"}


def console_settings(clickhouse: ClickHouseService, database: str, **values: Any) -> Settings:
    """For the database of a test; the console reads it as the user who only reads."""
    given: dict[str, Any] = {
        "clickhouse_host": clickhouse.host,
        "clickhouse_port": clickhouse.port,
        "clickhouse_database": database,
        "clickhouse_timeout_seconds": 10.0,
        "console_clickhouse_user": READER,
        "console_refresh_seconds": 0.2,
    }
    return Settings(**(given | values))


def fill(settings: Settings, now_us: int) -> None:
    """For each dealer a customer: failed payments, words, an episode, actions, a receipt."""
    migrations.migrate(settings)
    offset = 0
    rows: dict[str, list[Any]] = {}
    for unit in DEALERS:
        for table, record in _records(unit, now_us):
            offset += 1
            rows.setdefault(table, []).append(records.row(table, record, offset, timestamp_ms=now_us // 1000))
    writer = Writer(settings)
    try:
        for table, made in rows.items():
            writer.insert(BY_NAME[table], made)
    finally:
        writer.close()


def _records(unit: str, now: int) -> list[tuple[str, msgspec.Struct]]:
    """Everything that could give a customer away holds the dealer's name."""
    name = DEALERS[unit]
    who: dict[str, Any] = {"subject_id": f"customer-{name}", "unit": unit}
    failed = Evidence(
        event_id=f"failed-{name}", topic="cx-touchpoints", partition=0, offset=1, occurred_at=now - 9 * MINUTE,
        signal="failure", origin="inferred", weight=0.4, detail="2 failures",
    )  # fmt: skip
    said = Evidence(
        event_id=f"said-{name}", topic="cx-feedback", partition=0, offset=2, occurred_at=now - 8 * MINUTE,
        signal="negative_text", origin="said", weight=0.5, text_start=4, text_end=9,
    )  # fmt: skip
    known: dict[str, Any] = {
        "subject_id": f"customer-{name}",
        "attributes": {"club": f"club-{name}", "diet": f"diet-{name}"},
    }
    risen: dict[str, Any] = {"subject_id": f"customer-{name}", "occurred_at": now - 7 * MINUTE}
    episode = {
        "episode_id": f"episode-{name}", "journey": "purchase", "touchpoint": "payment", "opened_at": now - 9 * MINUTE,
        "due_at": now - MINUTE, "tier": "gold", "brand": "marlow", "actions": [f"action-{name}"], "owner": f"owner-{name}",
        "evidence": [failed], **who,
    }  # fmt: skip
    action = {
        "action_id": f"action-{name}", "decided_at": now - 8 * MINUTE, "episode_id": f"episode-{name}", "touchpoint": "payment",
        "text": f"Call {name}", "parameters": {"name": f"Name {name}", "tier": "gold"}, "due_at": now - MINUTE,
        "assignee": f"{unit}/1", "evidence": [failed, said], "origin": "both", "cause": "failure",
        "losers": [Loser(rule="r", kind="voucher", reason="cap", detail="1 of 1")], **who,
    }  # fmt: skip
    event: dict[str, Any] = {"touchpoint": "payment", "outcome": "failure", "waiting_seconds": 30.0, **who}
    incident = {
        "action_id": f"incident-{name}", "subject_type": "touchpoint", "subject_id": "payment", "touchpoint": "payment",
        "cause": "failure", "rule": "incident", "audience": "product", "assignee": f"owner-{name}", "decided_at": now - 8 * MINUTE, "unit": unit,
    }  # fmt: skip
    return [
        ("actions", records.action(**incident)),
        ("action_updates", records.receipt(event_id=f"on-it-{name}", action_id=f"incident-{name}", subject_type="touchpoint",
            subject_id="payment", occurred_at=now - 4 * MINUTE, by=f"owner-{name}", unit=unit)),
        ("customers", records.customer(event_id=f"known-{name}", occurred_at=now - 90 * MINUTE, tier="silver", **known)),
        ("customers", records.customer(event_id=f"known-{name}", occurred_at=now - 9 * MINUTE, tier="iron", **known)),  # a duplicate
        ("customers", records.customer(event_id=f"risen-{name}", tier="gold" if name == "One" else "", attributes={}, **risen)),
        ("customers", records.customer(event_id=f"before-{name}", tier="iron", attributes={"club": ""}, **risen)),  # at once; the later id counts
        ("customers", records.customer(event_id=f"moved-{name}", tier=None, attributes={}, **risen)),
        ("touchpoints", records.touchpoint(event_id=f"failed-{name}", occurred_at=now - 9 * MINUTE, **event)),
        ("touchpoints", records.touchpoint(event_id=f"web-{name}", occurred_at=now - 7 * MINUTE, **{**event, "unit": None})),
        ("feedback", records.feedback(event_id=f"said-{name}", occurred_at=now - 8 * MINUTE, text="Oh, never again!", **who)),
        ("experiences", records.experience(event_id=f"said-{name}", occurred_at=now - 8 * MINUTE, about_at=now - 9 * MINUTE,
            touchpoint="payment", journey="purchase", dimension="convenience", expectation=7.0, importance=9.0, ideal=10.0, trust=0.5,
            text_start=4, text_end=9, evidence=[said], **who)),
        ("experiences", records.experience(event_id=f"staff-{name}", occurred_at=now - 7 * MINUTE, about_at=now - 7 * MINUTE, touchpoint="payment",
            journey="purchase", dimension="convenience", respondent="staff", experience=8.0, satisfaction=None, expectation_source="unknown",
            subject_type="unit", subject_id=unit, unit=unit)),
        ("experiences", records.experience(event_id=f"chat-{name}", occurred_at=now - 6 * MINUTE, about_at=now - 6 * MINUTE, touchpoint="hotline",
            journey="after_sales", dimension="service", experience=4.0, expectation=5.0, satisfaction=-1.0, **who)),
        ("episodes", records.episode(changed_at=now - 9 * MINUTE, score=0.5, **episode)),
        ("episodes", records.episode(revision=2, changed_at=now - 8 * MINUTE, score=0.8, stage="respond",
            **{**episode, "evidence": [failed, said]})),
        ("actions", records.action(**action)),
        ("action_updates", records.receipt(event_id=f"receipt-{name}", action_id=f"action-{name}", occurred_at=now - 5 * MINUTE,
            by=f"{unit}/1", note=f"note {name}", **who)),
    ]  # fmt: skip


class Asked:
    """Asks as the console does, in the test's own thread."""

    def __init__(self, settings: Settings, units: Mapping[str, Unit] = UNITS) -> None:
        self.settings = settings
        self.topics: Any = SimpleNamespace(
            units=units, packs={"c": Pack("", PackInForce(name="retail", version="v"), 0, 0)}
        )
        questions = {**QUESTIONS, "gap": Gap(settings, self.topics)}
        self.reader = Reader(settings, questions, lambda: units, Clock("wall"), lambda: None)

    def __call__(self, kind: str, root: str = "", **options: str) -> Any:
        """The answer for somebody who sees `root` and what is below it."""
        return self.reader.once(Question(kind, Scope(root), tuple(sorted(options.items()))))


def now_us() -> int:
    """By the wall."""
    return time.time_ns() // 1_000
