"""docs/contracts.md: its producer runs against the local stack's parts, and what it says about limits is so."""

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.registry import server
from schemas import validate
from schemas.codec import MESSAGE_BYTES_MAX, Codec
from schemas.events import Touchpoint
from schemas.registry import local
from streams.admin import TopicSpec
from streams.engine.partitioning import murmur2
from tests.kafka_service import Kafka

PAGE = (Path(__file__).parent.parent.parent / "docs" / "contracts.md").read_text(encoding="utf-8")
PARTITIONS = 12


@pytest.fixture
def registry(kafka: Kafka) -> Iterator[tuple[str, str]]:
    """The endpoint's address, and the prefix of its subjects."""
    prefix = kafka.prefix()
    with server(local(), 0, prefix=prefix) as bound:
        thread = threading.Thread(target=bound.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{bound.server_port}", prefix
        bound.shutdown()
        thread.join()


def test_the_producer_writes_what_a_worker_takes(kafka: Kafka, registry: tuple[str, str], tmp_path: Path) -> None:
    address, prefix = registry
    topic = f"{prefix}cx-touchpoints"
    with kafka.admin() as admin:
        admin.create([TopicSpec(topic, PARTITIONS, 1, {})])
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    script = tmp_path / "producer.py"
    script.write_text(code, encoding="utf-8")
    environment = {"BROKERS": kafka.bootstrap, "REGISTRY": address, "PREFIX": prefix}
    subprocess.run([sys.executable, script], env=environment, check=True, timeout=60)
    [message] = kafka.read(topic)
    record = Codec().decode(message.value, Touchpoint)
    validate.check(record, message.key, len(message.value or b""))
    assert message.key is not None
    assert message.partition == murmur2(message.key) % PARTITIONS
    assert (record.subject_id, record.outcome, record.waiting_seconds) == ("c-20931", "failure", 22.0)
    assert abs(record.occurred_at / 1_000 - message.timestamp_ms) < 3_600_000, "µs, not seconds or ms"


@pytest.mark.parametrize(
    ("row", "most"),
    [
        ("message", MESSAGE_BYTES_MAX),
        ("`text`, `note`", validate.TEXT_BYTES_MAX),
        ("`subject_id`, `event_id`", validate.ID_CHARACTERS_MAX),
        ("any other text", validate.NAME_CHARACTERS_MAX),
        ("attributes", validate.ATTRIBUTES_MAX),
        ("attributes", validate.ATTRIBUTE_BYTES_MAX),
        ("identifiers, consents", validate.IDENTIFIERS_MAX),
        ("identifiers, consents", validate.CONSENTS_MAX),
    ],
)
def test_the_limits_are_the_programs(row: str, most: int) -> None:
    [told] = [line for line in PAGE.splitlines() if line.startswith(f"| {row} |")]
    assert f"{most:,}" in told
