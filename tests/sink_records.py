"""Records of every kind that the sink stores, and messages that hold them: each field filled, or as bare as the schema allows."""

from decimal import Decimal

import msgspec

from schemas.codec import Codec
from schemas.decisions import Action, Context, Episode, Evidence, Experience, Holdout, Loser, Suppression
from schemas.events import ActionUpdate, Customer, Feedback, Touchpoint
from sinks.columns import Row
from sinks.tables import BY_NAME, decode
from streams.engine.job import Headers, Message

AT = 1_767_225_540_123_456  # 2025-12-31 23:59:00.123456 UTC
ARRIVED_MS = 1_767_225_541_000
CODEC = Codec()
ATTRIBUTES = frozenset({"club"})  # that the sink stores of customers

EVIDENCE = Evidence(
    event_id="e-1", topic="cx-feedback", partition=1, offset=7, occurred_at=AT, signal="low_score", origin="said",
    weight=0.75, text_start=0, text_end=4, detail="score 1 of 1 to 5",
)  # fmt: skip
BARE_EVIDENCE = Evidence(
    event_id="e-2", topic="cx-touchpoints", partition=0, offset=9, occurred_at=AT, signal="failure", origin="inferred",
    weight=0.5,
)  # fmt: skip


def touchpoint(number: int = 1, **values: object) -> Touchpoint:
    fields: dict[str, object] = {
        "event_id": f"t-{number}", "subject_type": "customer", "subject_id": f"c-{number % 50}",
        "occurred_at": AT + number, "touchpoint": "checkout",
    }  # fmt: skip
    return Touchpoint(**(fields | values))  # type: ignore[arg-type]


def full_touchpoint() -> Touchpoint:
    return touchpoint(
        source="shop", brand="轻舟", channel="app", journey="buy", place="cart", action="pay", outcome="failure",
        duration_seconds=12.5, waiting_seconds=3.25, promised_at=AT + 5, amount=Decimal("-19.9000"), currency="CNY",
        matter="o-1", product="sku", unit="u-1", staff="s-1", device="d-1", invitation_id="i-1", action_id="a-1",
        attributes={"键": "值", "b": ""},
    )  # fmt: skip


def feedback(number: int = 1, **values: object) -> Feedback:
    fields: dict[str, object] = {
        "event_id": f"f-{number}", "subject_type": "customer", "subject_id": f"c-{number % 50}",
        "occurred_at": AT + number, "kind": "nps", "score": 2.0, "text": "等了一个小时, no thanks",
    }  # fmt: skip
    return Feedback(**(fields | values))  # type: ignore[arg-type]


def customer(number: int = 1, **values: object) -> Customer:
    fields: dict[str, object] = {
        "event_id": f"k-{number}", "subject_type": "customer", "subject_id": f"c-{number % 50}",
        "occurred_at": AT + number, "tier": "gold", "name": "李雷", "attributes": {"club": "北", "diet": "none"},
    }  # fmt: skip
    return Customer(**(fields | values))  # type: ignore[arg-type]


def receipt(number: int = 1, **values: object) -> ActionUpdate:
    fields: dict[str, object] = {
        "event_id": f"r-{number}", "subject_type": "customer", "subject_id": f"c-{number % 50}",
        "occurred_at": AT + number, "action_id": f"a-{number}", "status": "accepted", "cost": Decimal("1.5000"),
    }  # fmt: skip
    return ActionUpdate(**(fields | values))  # type: ignore[arg-type]


def experience(number: int = 1, **values: object) -> Experience:
    fields: dict[str, object] = {
        "event_id": f"f-{number}", "revision": 1, "subject_type": "customer", "subject_id": f"c-{number % 50}",
        "occurred_at": AT, "about_at": AT - 1, "touchpoint": "checkout", "kind": "nps", "respondent": "customer",
        "expectation_source": "stated", "satisfaction": -3.5, "experience": 2.0, "score": 0.7, "pack": "retail",
        "pack_version": "v", "evidence": [EVIDENCE, BARE_EVIDENCE],
        "context": Context(contacts=3, failures=1, channels=2, score=0.4, event_id="t-1", waiting_seconds=7.0),
    }  # fmt: skip
    return Experience(**(fields | values))  # type: ignore[arg-type]


def action(number: int = 1, **values: object) -> Action:
    fields: dict[str, object] = {
        "action_id": f"a-{number}", "revision": 1, "subject_type": "customer", "subject_id": f"c-{number % 50}",
        "decided_at": AT + number, "kind": "call_back", "audience": "care", "template": "t", "step": "listen",
        "origin": "said", "score": 0.9, "emit": "now", "occasion": "e-1", "rule": "r", "rule_version": "1",
        "pack": "retail", "pack_version": "v", "evidence": [EVIDENCE],
        "losers": [Loser(rule="x", kind="sales", reason="open_episode")], "parameters": {"name": "李"},
    }  # fmt: skip
    return Action(**(fields | values))  # type: ignore[arg-type]


def episode(number: int = 1, **values: object) -> Episode:
    fields: dict[str, object] = {
        "episode_id": f"ep-{number}", "revision": 1, "subject_type": "customer", "subject_id": f"c-{number % 50}",
        "journey": "buy", "touchpoint": "checkout", "state": "open", "stage": "listen", "opened_at": AT,
        "changed_at": AT, "cause": "failure", "origin": "inferred", "score": 0.6, "peak_score": 0.7, "reopened": 0,
        "missed": 0, "pack": "retail", "pack_version": "v", "actions": ["a-1", "a-2"], "evidence": [],
    }  # fmt: skip
    return Episode(**(fields | values))  # type: ignore[arg-type]


def holdout(number: int = 1, **values: object) -> Holdout:
    fields: dict[str, object] = {
        "action_id": f"h-{number}", "revision": 1, "subject_type": "customer", "subject_id": f"c-{number % 50}",
        "decided_at": AT + number, "experiment": "r", "share": 0.1, "salt": "s", "kind": "voucher", "audience": "care",
        "amount": Decimal("12.5"), "step": "compensate", "origin": "said", "score": 0.9, "emit": "now",
        "occasion": "e-1", "rule": "r", "rule_version": "1", "pack": "retail", "pack_version": "v",
    }  # fmt: skip
    return Holdout(**(fields | values))  # type: ignore[arg-type]


def suppression(number: int = 1, **values: object) -> Suppression:
    fields: dict[str, object] = {
        "action_id": f"s-{number}", "revision": 1, "subject_type": "customer", "subject_id": f"c-{number % 50}",
        "decided_at": AT + number, "kind": "gift", "audience": "customers", "step": "recognise", "occasion": "e-1",
        "rule": "r", "rule_version": "1", "pack": "retail", "pack_version": "v", "reason": "consent", "detail": "none",
    }  # fmt: skip
    return Suppression(**(fields | values))  # type: ignore[arg-type]


def message(
    table: str,
    record: msgspec.Struct | bytes | None,
    offset: int,
    *,
    partition: int = 0,
    timestamp_ms: int = ARRIVED_MS,
    headers: Headers = (),
) -> Message:
    """A message of the table's topic; `record` bytes: as they are."""
    value = CODEC.encode(record) if isinstance(record, msgspec.Struct) else record
    key = getattr(record, "subject_id", "k").encode()
    return Message(BY_NAME[table].topic, partition, offset, timestamp_ms, key, value, headers)


def row(table: str, record: msgspec.Struct | bytes | None, offset: int, *, topic: str = "", **where: object) -> Row:
    """What the sink makes of such a message."""
    sent = message(table, record, offset, **where)  # type: ignore[arg-type]
    return Row(sent, decode(BY_NAME[table], CODEC, sent, topic or BY_NAME[table].topic, ATTRIBUTES))
