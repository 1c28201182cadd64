"""A file beside the jars from which Java takes Kafka's classes ready to run: half the start time, a quarter less memory.

Made once a machine by a run of Kafka that only starts and stops. It is a convenience: without it Kafka starts all the same.
"""

import logging
import tempfile
from pathlib import Path

from deploy.local import ports
from deploy.local.kafka import Broker, archive
from streams.errors import UserError

log = logging.getLogger(__name__)

DUMP_SECONDS = 120.0


def ensure(cache: Path) -> None:
    """Makes the file if it is not there. The jars must be. About 8 s and 70 MB."""
    target = archive(cache)
    if target.exists():
        return
    try:
        with tempfile.TemporaryDirectory(dir=cache, prefix=".train-", ignore_cleanup_errors=True) as scratch:
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
        log.debug("Kafka will start without %s: %s", target, error)
