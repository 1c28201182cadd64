"""Conditions of packs: µs an evaluation, compiled by us and interpreted by cel-python, in one run over the same record.

    python -m benchmarks.bench_conditions [--rounds 5]

cel-python gets its record already converted and its program already built; both must give the same answer before anything is timed.
The last line is what it costs when cel-python must convert the record first, as it would on a stream. Nothing else should run.
"""

import argparse
import platform
import sys
import time
import timeit
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import celpy
from celpy import celtypes

from schemas.events import Touchpoint
from streams.experience.conditions import DOUBLE, INT, Environment, Place, Signature, compile_condition, struct_type

CONDITIONS = (
    'event.outcome == "failure"',
    'event.touchpoint == "checkout" && event.outcome in ["failure", "abandoned"]',
    'event.outcome == "failure" && failures(600.0) >= 2',
    "has(event.waiting_seconds) && event.waiting_seconds > 600.0",
    'has(event.attributes.gate) && event.attributes.gate == "A3" && score / 60.0 > 1.5',
    'event.touchpoint.startsWith("check") && !(event.channel == "store") && score * 2.0 > 1.0',
    'event.touchpoint.matches("^check(out|in)$")',
    'event.attributes.seat == "1" || event.touchpoint == "checkout"',
)
ENVIRONMENT = Environment({"event": struct_type(Touchpoint), "score": DOUBLE}, {"failures": Signature((DOUBLE,), INT)})
EVENT = {
    "event_id": "e-1",
    "subject_type": "customer",
    "subject_id": "c-1",
    "occurred_at": 1_760_000_000_000_000,
    "channel": "web",
    "touchpoint": "checkout",
    "outcome": "failure",
    "waiting_seconds": 700.0,
    "attributes": {"gate": "A3"},
}


def activation() -> dict[str, object]:
    """The record as cel-python takes it."""
    return {"event": celpy.json_to_cel(EVENT), "score": celtypes.DoubleType(120.0)}


def best(run: Callable[[], object], times: int, rounds: int) -> float:
    """µs of processor time a call, of the best round; the call of the wrapper (about 0.03 µs) is part of it."""
    return min(timeit.repeat(run, timer=time.process_time, number=times, repeat=rounds)) / times * 1e6


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    frame = SimpleNamespace(event=Touchpoint(**EVENT), score=120.0, failures=lambda seconds: 2)
    environment = celpy.Environment()
    record = activation()
    say(
        f"{platform.python_implementation()} {platform.python_version()}, best of {rounds}; µs of processor time an evaluation"
    )
    say(f"{'compiled':>9} {'cel-python':>11} {'ratio':>7}")
    ours, theirs = 0.0, 0.0
    for text in CONDITIONS:
        run = compile_condition(text, ENVIRONMENT, Place("bench", 1, 1)).run
        program = environment.program(environment.compile(text), functions={"failures": lambda _: celtypes.IntType(2)})
        if run(frame) is not bool(program.evaluate(record)):
            raise SystemExit(f"different answers: {text}")
        mine = best(partial(run, frame), 20_000, rounds)
        other = best(partial(program.evaluate, record), 300, rounds)
        ours, theirs = ours + mine, theirs + other
        say(f"{mine:9.3f} {other:11.1f} {other / mine:7.0f}  {text}")
    count = len(CONDITIONS)
    say(f"{ours / count:9.3f} {theirs / count:11.1f} {theirs / ours:7.0f}  mean")
    say(f"{'':9} {best(activation, 300, rounds):11.1f} {'':7}  converting the record for cel-python, once an event")


if __name__ == "__main__":
    main()
