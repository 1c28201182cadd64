"""The codec: µs of processor time to decode, check and encode a message, ours and fastavro's, in one run over the same bytes.

    python -m benchmarks.bench_codec [--rounds 9]

fastavro gets its parsed schema, a `BytesIO` a message and instants as integers, and ends with our struct, as ours does.
Both must agree before anything is timed. Nothing else should run.
"""

import argparse
import platform
import sys
import time
import timeit
from collections.abc import Callable
from io import BytesIO
from typing import Any

import fastavro
import msgspec

from schemas.codec import HEADER_BYTES, NAMES, Codec
from schemas.events import Event
from schemas.json_form import from_json
from schemas.registry import latest
from schemas.validate import check

BEGIN = {"subject_type": "customer", "subject_id": "c-1002933", "occurred_at": 1_770_000_000_000_000}
TOUCHPOINT = {
    "record": "touchpoint",
    "event_id": "0192f0c1-7a50-7e3c-9c1e-5f2a51b0c9aa",
    **BEGIN,
    "source": "shop-web",
    "brand": "hehe",
    "channel": "web",
    "journey": "purchase",
    "touchpoint": "checkout",
    "action": "pay",
    "outcome": "failure",
    "duration_seconds": 31.2,
    "waiting_seconds": 4.0,
    "amount": "129.50",
    "currency": "CNY",
    "matter": "order-88120193",
    "product": "SKU-1182",
    "unit": "web-shop",
    "attributes": {"error": "timeout", "provider": "alipay"},
}
FEEDBACK = {
    "record": "feedback",
    "event_id": "0192f0c1-7a50-7e3c-9c1e-5f2a51b0c9ab",
    **BEGIN,
    "source": "survey",
    "channel": "wechat",
    "about_event_id": "0192f0c1-7a50-7e3c-9c1e-5f2a51b0c9aa",
    "kind": "nps",
    "score": 2,
    "text": "付款失败了三次，客服一直打不通，太失望了。",
    "language": "zh-CN",
    "matter": "order-88120193",
}
EVIDENCE = [
    {
        "event_id": f"0192f0c1-7a50-7e3c-9c1e-5f2a51b0c9a{number}",
        "topic": "cx-touchpoints",
        "partition": 3,
        "offset": 1_290_393 + number,
        "occurred_at": BEGIN["occurred_at"],
        "signal": "failure",
        "origin": "inferred",
        "weight": 0.8,
        "detail": "third failure in 600 s",
    }
    for number in range(3)
]
ACTION = {
    "record": "action",
    "action_id": "9c0d6a4be18f2a739c0d6a4be18f2a73",
    "revision": 1,
    "subject_type": "customer",
    "subject_id": "c-1002933",
    "decided_at": BEGIN["occurred_at"],
    "kind": "call_back",
    "audience": "care",
    "brand": "hehe",
    "unit": "web-shop",
    "channel": "phone",
    "template": "call_back",
    "parameters": {"name": "王芳", "touchpoint": "支付"},
    "locale": "zh-CN",
    "text": "王芳 对支付不满。请回电倾听。",
    "amount": "20",
    "currency": "CNY",
    "journey": "purchase",
    "touchpoint": "checkout",
    "matter": "order-88120193",
    "cause": "repeated_failure",
    "episode_id": "e41b90aa52c7d813e41b90aa52c7d813",
    "step": "listen",
    "due_at": 1_770_002_500_000_000,
    "origin": "inferred",
    "score": 0.83,
    "emit": "now",
    "occasion": "0192f0c1-7a50-7e3c-9c1e-5f2a51b0c9aa",
    "rule": "call_back",
    "rule_version": "12ab34cd56ef",
    "pack": "retail",
    "pack_version": "98ab34cd56ef",
    "evidence": EVIDENCE,
    "losers": [{"rule": "cross_sell", "kind": "offer", "reason": "open_episode"}],
}


def plain(node: Any) -> Any:
    """The schema with instants as integers: fastavro is slower still when it builds datetimes."""
    if isinstance(node, list):
        return [plain(item) for item in node]
    if isinstance(node, dict):
        return "long" if node.get("logicalType") == "timestamp-micros" else {key: plain(node[key]) for key in node}
    return node


def best(run: Callable[[], object], rounds: int, times: int = 10_000) -> float:
    """µs of processor time a call, of the best round."""
    return min(timeit.repeat(run, timer=time.process_time, number=times, repeat=rounds)) / times * 1e6


def measure(document: dict[str, Any], rounds: int) -> str:
    """A line of figures."""
    codec, record = Codec(), from_json(document)
    kind, payload = type(record), codec.encode(record)
    schema: Any = fastavro.parse_schema(plain(latest(NAMES[kind]).document))
    datum: Any = fastavro.schemaless_reader(BytesIO(payload[HEADER_BYTES:]), schema, None)

    def their_decode() -> Any:
        there: Any = fastavro.schemaless_reader(BytesIO(payload[HEADER_BYTES:]), schema, None)
        return kind(**there)

    def their_encode() -> bytes:
        buffer = BytesIO()
        fastavro.schemaless_writer(buffer, schema, datum)
        return buffer.getvalue()

    assert codec.decode(payload, kind) == record
    assert their_encode() == payload[HEADER_BYTES:]
    assert {name: getattr(record, name) for name in ("subject_id", "subject_type")}.items() <= datum.items()
    figures = [best(lambda: codec.decode(payload, kind), rounds), best(their_decode, rounds)]
    figures += [best(lambda: codec.encode(record), rounds), best(their_encode, rounds)]
    line = "{:11} {:5} bytes   decode {:5.2f} (fastavro {:5.2f})   encode {:5.2f} (fastavro {:5.2f})"
    checked = ""
    if isinstance(record, Event):
        checked = f"   check {best(lambda: _check(record, len(payload)), rounds):5.2f}"
    return line.format(NAMES[kind], len(payload), *figures) + checked


def _check(record: Any, size_bytes: int) -> None:
    check(record, b"c-1002933", size_bytes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    versions = f"CPython {platform.python_version()}, fastavro {fastavro.__version__}, msgspec {msgspec.__version__}"
    sys.stdout.write(f"µs of processor time a message, best of {rounds} rounds; {versions}\n")
    for document in (TOUCHPOINT, FEEDBACK, ACTION):
        sys.stdout.write(measure(document, rounds) + "\n")


if __name__ == "__main__":
    main()
