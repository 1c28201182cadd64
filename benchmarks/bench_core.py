"""The decisions alone, in memory: µs of processor time an event to decode and to step, and bytes of state a customer.

    python -m benchmarks.bench_core [--events 60000] [--customers 5000] [--zipf 0] [--per-second 5] [--late 0]

Retail events as a shop has them: mostly contacts that go well, 3 % failures, 1 % feedback, in order of event time. They come in
pieces of 50, grouped by customer, as the engine gives them, with the timers that fall due in between. `--zipf 1.1`: few customers
have most events. `--late 0.01`: this share comes up to 20 minutes late. Nothing else should run; the best round counts.
"""

import argparse
import gc
import json
import platform
import random
import time
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import accumulate
from pathlib import Path
from typing import Final, NamedTuple

from schemas.codec import Codec
from schemas.json_form import from_json
from streams.engine.job import Message, Tick
from streams.experience.compiled import CompiledPack
from streams.experience.controls import Shelf, first_pack
from streams.experience.pack_compile import compile_pack
from streams.experience.subjects import Subjects
from streams.experience.surroundings import Limits
from streams.experience.text import default_analyser
from streams.packs_folder import read_pack

PACK: Final = Path(__file__).parent.parent / "streams" / "packs" / "retail.yaml"
START: Final = 1_772_445_600_000_000
SECOND: Final = 1_000_000
PIECE: Final = 50
LIMITS: Final = Limits(3600 * SECOND, 500)
TOUCHPOINTS: Final = (
    ("search", "web", "search", 30),
    ("product_page", "web", "view", 36),
    ("checkout", "app", "check_out", 10),
    ("payment", "app", "pay", 9),
    ("store_visit", "store", "buy", 4),
    ("delivery", "courier", "deliver", 6),
    ("hotline", "phone", "ask", 2),
    ("chat", "web", "ask", 1),
    ("return_request", "web", "return", 1),
    ("refund", "web", "pay_back", 1),
)
WITH_MATTER: Final = ("payment", "delivery", "hotline", "chat", "return_request", "refund")


class Round(NamedTuple):
    """Processor time in seconds; what came out."""

    decode_seconds: float
    step_seconds: float
    outputs: int
    ticks: int
    states: dict[bytes, bytes]


def events(count: int, customers: int, zipf: float, per_second: float, late: float) -> list[Message]:
    """Messages in order of arrival."""
    rng = random.Random(1)
    codec = Codec()
    ranks = list(accumulate(1.0 / rank**zipf for rank in range(1, customers + 1)))
    subjects = [f"c-{number}" for number in rng.choices(range(customers), cum_weights=ranks, k=count)]
    found = []
    for number, subject in enumerate(subjects):
        at = START + int(number / per_second * SECOND)
        arrives = at + (rng.randrange(1, 1200) * SECOND if rng.random() < late else 0)
        document = _feedback(rng) if rng.random() < 0.01 else _touchpoint(rng, subject, at)
        topic = "cx-feedback" if document["record"] == "feedback" else "cx-touchpoints"
        known = {"event_id": f"web:{number}", "subject_type": "customer", "subject_id": subject, "occurred_at": at}
        value = codec.encode(from_json({**document, **known, "source": "shop", "brand": "marlow"}))
        found.append((arrives, Message(topic, 0, number, 0, subject.encode(), value)))
    return [message for _, message in sorted(found, key=lambda one: one[0])]


def _touchpoint(rng: random.Random, subject: str, at: int) -> dict[str, object]:
    name, channel, action, _ = rng.choices(TOUCHPOINTS, [one[3] for one in TOUCHPOINTS])[0]
    outcome = rng.choices(("success", "failure", "abandoned"), (96, 3, 1))[0]
    document: dict[str, object] = {"record": "touchpoint", "touchpoint": name, "channel": channel, "action": action}
    document |= {"outcome": outcome, "duration_seconds": round(rng.expovariate(1 / 40), 1), "device": f"d-{subject}"}
    if name in WITH_MATTER:
        document["matter"] = f"O-{subject}-{rng.randrange(3)}"
    if name == "payment":
        document |= {"amount": f"{rng.uniform(5, 200):.2f}", "currency": "EUR", "waiting_seconds": rng.uniform(1, 9)}
        document["promised_at"] = at + 86_400 * SECOND
    if name in ("hotline", "chat"):
        document["waiting_seconds"] = rng.expovariate(1 / 40)
    return document


def _feedback(rng: random.Random) -> dict[str, object]:
    if rng.random() < 0.3:
        return {
            "record": "feedback",
            "kind": "complaint",
            "touchpoint": "delivery",
            "text": "The parcel came late, terrible.",
        }
    score = rng.choice((0, 3, 6, 8, 9, 9, 10, 10))
    return {
        "record": "feedback",
        "kind": "nps",
        "score": score,
        "touchpoint": "payment",
        "text": "Very good, thank you",
    }


def job_of(pack: CompiledPack) -> Subjects:
    """The job with one pack."""
    return Subjects(Codec(), Shelf((pack,)), default_analyser(), LIMITS)


def run(
    messages: Sequence[Message],
    states: dict[bytes, bytes] | None = None,
    pack_text: str = "",
    new_job: Callable[[CompiledPack], Subjects] = job_of,
) -> Round:
    """All messages through the job, from `states` on, which it changes; with the retail pack unless another is given."""
    pack = compile_pack(pack_text, str(PACK)) if pack_text else read_pack(PACK)
    job = new_job(pack)
    controls = job.new_controls()
    controls.apply(first_pack(pack))
    states = {} if states is None else states
    due: dict[bytes, int] = {}
    heap: list[tuple[int, bytes]] = []
    outputs = ticks = 0
    decoding = stepping = 0.0
    clock, stream_time = time.process_time, 0
    for start in range(0, len(messages), PIECE):
        began = clock()
        groups: dict[bytes, list[object]] = {}
        for message in messages[start : start + PIECE]:
            decoded = job.decode(message)
            groups.setdefault(decoded.key, []).append(decoded.value)
            stream_time = max(stream_time, decoded.at)
        stepped = clock()
        work = list(groups.items())
        while heap and heap[0][0] <= stream_time:
            at, key = heappop(heap)
            if due.get(key) == at:
                work.append((key, [Tick(at)]))
                ticks += 1
        for key, inputs in work:
            step = job.step(key, states.get(key), inputs, controls)  # type: ignore[arg-type]
            assert step.state is not None
            states[key] = step.state
            outputs += len(step.outputs)
            if step.next_due_at is not None and due.get(key) != step.next_due_at:
                heappush(heap, (step.next_due_at, key))
            due[key] = step.next_due_at or 0
        decoding += stepped - began
        stepping += clock() - stepped
    return Round(decoding, stepping, outputs, ticks, states)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--customers", type=int, default=5_000)
    parser.add_argument("--zipf", type=float, default=0.0)
    parser.add_argument("--per-second", type=float, default=5.0, help="events a second of event time")
    parser.add_argument("--late", type=float, default=0.0)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    messages = events(asked.events, asked.customers, asked.zipf, asked.per_second, asked.late)
    default_analyser().analyse("好 good")  # as a worker does at its start
    gc.freeze()
    rounds = [run(messages) for _ in range(asked.rounds)]
    best = min(rounds, key=lambda one: one.decode_seconds + one.step_seconds)
    total = best.decode_seconds + best.step_seconds
    sizes = sorted(len(state) for state in best.states.values())
    count = len(messages)
    report = {
        "python": platform.python_version(),
        "events": count,
        "customers_seen": len(sizes),
        "zipf": asked.zipf,
        "late": asked.late,
        "message_bytes": round(sum(len(one.value or b"") for one in messages) / count),
        "outputs_per_event": round(best.outputs / count, 3),
        "ticks_per_event": round(best.ticks / count, 3),
        "decode_us": round(best.decode_seconds / count * 1e6, 2),
        "step_us": round(best.step_seconds / count * 1e6, 2),
        "events_per_second": round(count / total),
        "state_bytes_mean": round(sum(sizes) / len(sizes)),
        "state_bytes_median": sizes[len(sizes) // 2],
        "state_bytes_largest": sizes[-1],
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
