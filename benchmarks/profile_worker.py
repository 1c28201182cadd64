"""Where a worker's processor time goes, by part of the program. In: what py-spy has sampled. Out: a share a part.

    pip install py-spy
    python -m benchmarks.bench_pipeline --events 250000 &            # its worker empties a backlog
    py-spy record -t -r 200 -d 25 -f raw -o worker.raw -p PID        # of `python -m streams worker`
    python -m benchmarks.profile_worker worker.raw

Threads that wait count as idle. A sample belongs to the first part below that is anywhere on its stack. py-spy samples by the
wall clock: on a busy machine what calls the kernel (sockets) looks dearer than it is.
"""

import argparse
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

IDLE: Final = ("EpollSelector.select", "_worker (concurrent/futures")
PARTS: Final = (
    ("core: steps", ("Subjects.step",)),
    ("incidents: steps", ("Incidents.step",)),
    ("core: decoding, checks", ("Subjects.decode", "Incidents.decode")),
    ("engine: around decoding", ("Decoder.decode", "Aligner._fill")),
    ("engine: merge of the inputs", ("Aligner.",)),
    ("engine: grouping, store, timers", ("TaskCore.work",)),
    ("engine: effects, record batches", ("take_effects", "Publisher._build")),
    ("aiokafka: producer", ("aiokafka/producer/",)),
    ("aiokafka: records parsed", ("PartitionRecords",)),
    ("aiokafka: fetcher, sockets", ("aiokafka/", "selector_events")),
    ("metrics", ("meters.py", "prometheus_client")),
    ("task loop, Faust, asyncio", ("engine/", "faust/", "mode/", "asyncio/")),
)


def shares(lines: Iterable[str]) -> dict[str, float]:
    """Part → share of the samples that are not idle, %."""
    found: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        if not any(name in stack.rpartition(";")[2] for name in IDLE):
            part = next((part for part, names in PARTS if any(name in stack for name in names)), "other")
            found[part] += int(count)
    total = sum(found.values())
    return {part: 100 * count / total for part, count in found.most_common()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", type=Path, help="py-spy's raw format")
    with parser.parse_args().samples.open(encoding="utf-8") as lines:
        for part, share in shares(lines).items():
            print(f"{part:<34}{share:6.1f} %")


if __name__ == "__main__":
    main()
