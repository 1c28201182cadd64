"""Broker and ClickHouse for a row of scenarios, started by the harness itself."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from deploy.local.clickhouse.process import ClickHouse
from tests.clickhouse_service import ClickHouseService
from tests.kafka_service import Kafka, ensure_jars, start_broker


class Environment(NamedTuple):
    """Both run; `folder` is for logs and goes away at the end."""

    kafka: Kafka
    clickhouse: ClickHouseService
    folder: Path

    def heal(self) -> None:
        """A scenario that failed may have left one of them dead."""
        if not self.kafka.broker.ready():
            self.kafka.broker.kill()
            self.kafka.broker.start()
            self.kafka.broker.wait()
        if not self.clickhouse.process.ready():
            self.clickhouse.start()


@contextlib.contextmanager
def environment() -> Iterator[Environment]:
    """Starts both, stops both."""
    ensure_jars()
    with tempfile.TemporaryDirectory(prefix="torture-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        kafka = Kafka(start_broker(folder / "kafka"))
        try:
            clickhouse = ClickHouseService(ClickHouse(folder / "clickhouse"))
            try:
                yield Environment(kafka, clickhouse, folder)
            finally:
                clickhouse.process.stop()
        finally:
            kafka.close()
