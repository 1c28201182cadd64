"""How fast the simulator makes messages: its iterator alone, then encoded in Confluent wire format; messages/s, processor and wall time.

    python -m benchmarks.bench_simulator [--customers 20000] [--hours 4] [--rounds 3] [--company airline]

The best of the rounds, one process. The truth is drained, not written. Others on the machine lengthen wall time only.
"""

import argparse
import platform
import resource
import sys
import time

from schemas.codec import Codec
from streams.simulate import Plan, Simulation

START_US = 1_772_355_600_000_000
DRAIN_EVERY = 1_000


def run(plan: Plan, *, encoded: bool) -> tuple[int, float, float]:
    """Messages, seconds of processor time, seconds of wall time."""
    codec, count = Codec(), 0
    simulation = Simulation(plan)
    wall, processor = time.perf_counter(), time.process_time()
    for happening in simulation:
        count += 1
        if encoded and happening.record is not None:
            codec.encode(happening.record)
        if count % DRAIN_EVERY == 0:
            for _ in simulation.truth():
                pass
    return count, time.process_time() - processor, time.perf_counter() - wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--company", choices=("retail", "airline"), default="retail")
    options = parser.parse_args()
    plan = Plan(start_us=START_US, company=options.company, customers=options.customers, hours=options.hours)
    sys.stdout.write(f"Python {platform.python_version()}, {options.company}, {options.customers:,} customers\n")
    for name, encoded in (("iterator", False), ("encoded", True)):
        rounds = [run(plan, encoded=encoded) for _ in range(options.rounds)]
        count = rounds[0][0]
        processor, wall = min(one[1] for one in rounds), min(one[2] for one in rounds)
        sys.stdout.write(
            f"{name:9} {count:9,} messages {count / processor:9,.0f}/s processor {count / wall:9,.0f}/s wall\n"
        )
    sys.stdout.write(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB\n")


if __name__ == "__main__":
    main()
