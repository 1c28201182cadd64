"""What one retail event costs in the core, by part, in µs of processor time: the table of docs/profile.md.

    python -m benchmarks.profile_core [--events 60000] [--rounds 5]

The job runs as in bench_core; once more with a clock around each step and each Avro encoding (which costs about half a
microsecond each: that run's sum is not used); what is done to a state alone is measured on the states that are left.
"""

import argparse
import gc
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from benchmarks.bench_core import LIMITS, Round, events, run
from schemas.codec import Codec
from schemas.events import Feedback, Touchpoint
from schemas.validate import check
from streams.engine.job import Message, Refold, Step, Tick
from streams.experience.compiled import CompiledPack
from streams.experience.controls import Controls, Shelf
from streams.experience.folding import Input
from streams.experience.state import dump, load_fold, load_subject
from streams.experience.subjects import Subjects
from streams.experience.text import default_analyser

CUSTOMERS: Final = 5_000
clock: Final = time.process_time


class Spent:
    """Seconds and how often."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.count = 0

    def add(self, seconds: float) -> None:
        self.seconds += seconds
        self.count += 1

    @property
    def each_us(self) -> float:
        """Mean."""
        return self.seconds / max(1, self.count) * 1e6


class ClockedCodec(Codec):
    """Measures encoding."""

    def __init__(self) -> None:
        super().__init__()
        self.encoding = Spent()

    def encode(self, record: msgspec.Struct, *like: type[msgspec.Struct]) -> bytes:
        began = clock()
        value = super().encode(record, *like)
        self.encoding.add(clock() - began)
        return value


class ClockedSubjects(Subjects):
    """Measures each step, by whether it tells something."""

    def __init__(self, codec: Codec, pack: CompiledPack) -> None:
        super().__init__(codec, Shelf((pack,)), default_analyser(), LIMITS)
        self.telling, self.silent = Spent(), Spent()

    def step(
        self, key: bytes, state: bytes | None, inputs: Sequence[Input | Tick | Refold], controls: Controls
    ) -> Step:
        began = clock()
        step = super().step(key, state, inputs, controls)
        (self.telling if step.outputs else self.silent).add(clock() - began)
        return step


def best_us(rounds: int, work: Callable[[], int]) -> float:
    """µs an item of the best round; `work` gives how many items it has done."""
    found = []
    for _ in range(rounds):
        began = clock()
        count = work()
        found.append((clock() - began) / count * 1e6)
    return min(found)


def decode_parts(messages: Sequence[Message], rounds: int) -> dict[str, float]:
    """Avro to record, and whether it can be."""
    codec = Codec()

    def record_of(message: Message) -> Touchpoint | Feedback:
        return codec.decode(message.value, Touchpoint if message.topic == "cx-touchpoints" else Feedback)

    def decode() -> int:
        for message in messages:
            record_of(message)
        return len(messages)

    records = [record_of(message) for message in messages]

    def examine() -> int:
        for record, message in zip(records, messages, strict=True):
            check(record, message.key, len(message.value or b""))
        return len(messages)

    return {"decode: Avro": best_us(rounds, decode), "decode: checks": best_us(rounds, examine)}


def state_parts(states: Sequence[bytes], rounds: int) -> dict[str, float]:
    """Loading and dumping of what every step loads and dumps."""
    subjects = [load_subject(state) for state in states]
    folds = [load_fold(subject.now) for subject in subjects]

    def load() -> int:
        for state in states:
            load_fold(load_subject(state).now)
        return len(states)

    def write() -> int:
        for subject, fold in zip(subjects, folds, strict=True):
            dump(fold)
            dump(subject)
        return len(states)

    return {"state: load": best_us(rounds, load), "state: dump": best_us(rounds, write)}


def step_parts(messages: Sequence[Message]) -> dict[str, float]:
    """Steps that tell something and steps that do not."""
    codec = ClockedCodec()
    jobs: list[ClockedSubjects] = []

    def new_job(pack: CompiledPack) -> Subjects:
        jobs.append(ClockedSubjects(codec, pack))
        return jobs[-1]

    run(messages, new_job=new_job)
    [job] = jobs
    telling, silent = job.telling, job.silent
    return {
        "a step that tells nothing": silent.each_us,
        "a step that tells": telling.each_us,
        "share of steps that tell, %": 100 * telling.count / (telling.count + silent.count),
        "telling, an event": (telling.each_us - silent.each_us) * telling.count / len(messages),
        "of it Avro encoding, an event": codec.encoding.seconds / len(messages) * 1e6,
    }


def whole(rounds: Sequence[Round], count: int) -> dict[str, float]:
    """The best of the rounds, an event."""
    decode_us = min(one.decode_seconds for one in rounds) / count * 1e6
    step_us = min(one.step_seconds for one in rounds) / count * 1e6
    sizes = [len(state) for state in rounds[0].states.values()]
    return {"decode": decode_us, "step": step_us, "state, bytes": sum(sizes) / len(sizes)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    messages = events(asked.events, CUSTOMERS, 0.0, 5.0, 0.0)
    gc.freeze()
    rounds = [run(messages) for _ in range(asked.rounds)]
    parts = whole(rounds, len(messages)) | decode_parts(messages, asked.rounds)
    parts |= state_parts(list(rounds[0].states.values()), asked.rounds) | step_parts(messages)
    for name, value in parts.items():
        print(f"{name:<34}{value:8.2f}")


if __name__ == "__main__":
    main()
