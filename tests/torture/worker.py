"""A worker process under torture: `python -m tests.torture.worker relay|main`, otherwise as `touchstone worker`.

TORTURE_CLOCK names a file with seconds by which this process's wall clock is wrong; TORTURE_ACCOUNT names a file that gets
the metrics, and for `relay` how many inputs were stepped, when the process ends in order.
"""

import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from prometheus_client import REGISTRY

from streams import app, settings
from streams.codec import codec
from streams.engine import task, worker
from streams.errors import UserError
from tests.torture.relay import Relay

CLOCK = "TORTURE_CLOCK"
ACCOUNT = "TORTURE_ACCOUNT"


def step_clock(path: Path) -> None:
    """From here on the engine's wall clock is off by what the file says."""
    right = task.wall_us

    def wrong() -> int:
        return right() + int(float(path.read_text() or "0") * 1e6)

    task.wall_us = wrong


def counter_name(name: str, labels: Mapping[str, str]) -> str:
    """`name|label=value|…`."""
    return "|".join((name, *(f"{label}={labels[label]}" for label in sorted(labels))))


def account(relay: Relay | None) -> dict[str, object]:
    """Counters by name and labels."""
    found: dict[str, float] = {}
    for metric in REGISTRY.collect():
        for sample in metric.samples:
            if sample.name.startswith("touchstone_") and sample.name.endswith("_total"):
                found[counter_name(sample.name, sample.labels)] = sample.value
    return {"steps": relay.steps if relay else None, "counters": found}


def main() -> int:
    """Exit code as that of `touchstone worker`."""
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for name in ("aiokafka", "kafka", "faust", "mode"):
        logging.getLogger(name).setLevel("WARNING")
    if os.environ.get(CLOCK):
        step_clock(Path(os.environ[CLOCK]))
    current = settings.current()
    relay = Relay(codec(current, ("action", "episode"))) if sys.argv[1] == "relay" else None
    try:
        code = worker.run([relay] if relay else app.jobs(current), current)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        code = int(error.exit_code)
    if os.environ.get(ACCOUNT):
        Path(os.environ[ACCOUNT]).write_text(json.dumps(account(relay)))
    return code


if __name__ == "__main__":
    sys.exit(main())
