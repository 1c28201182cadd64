"""A file beside the jars from which Java takes Kafka's classes ready to run: half the CPU at the start, a fifth less memory.

Made once a machine by a run of Kafka that only starts and stops. It is a convenience: without it Kafka starts all the same.
`python -m deploy.local.aot CACHE` makes it with the lowest priority, beside a running stack.
"""

import logging
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from deploy.local import ports
from deploy.local.kafka import Broker, archive
from streams.errors import UserError

log = logging.getLogger(__name__)

DUMP_SECONDS = 300.0  # some 6 s of CPU, at the lowest priority
SCRATCH = ".train-"
STALE_SECONDS = 3600.0


def ensure(cache: Path) -> None:
    """Makes the file if it is not there. The jars must be. About 10 s of CPU and 70 MB."""
    target = archive(cache)
    if target.exists():
        return
    _sweep(cache)
    try:
        with tempfile.TemporaryDirectory(dir=cache, prefix=SCRATCH, ignore_cleanup_errors=True) as scratch:
            made = Path(scratch) / "kafka.aot"
            broker = Broker(Path(scratch), ports.free_port(), cache=cache, java_options=[f"-XX:AOTCacheOutput={made}"])
            try:
                broker.start()
                broker.wait()
                broker.stop(DUMP_SECONDS)
            finally:
                broker.kill()  # also when interrupted
            made.replace(target)
    except (UserError, OSError) as error:
        log.warning("Kafka will start without %s: %s", target, error)


def _sweep(cache: Path) -> None:
    """What a run that was killed left."""
    for path in cache.glob(f"{SCRATCH}*"):
        if time.time() - path.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(1))
    os.nice(19)
    ensure(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
