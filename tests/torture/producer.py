"""The producer outside the program: librdkafka, idempotent; a file gets a line when a message is sent and one when the broker acknowledges it.

The file is all that the checker knows of what was sent.
"""

import json
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, Producer

from tests.torture.load import ID_HEADER, Outgoing

FLUSH_SECONDS = 150.0


class Acked(NamedTuple):
    """Where the broker put a message."""

    id: str
    topic: str  # as the cluster names it
    partition: int
    offset: int


class SentLog(NamedTuple):
    """The file, read back. A message may be sent more than once under one id."""

    sent: dict[str, int]
    acked: list[Acked]
    refused: dict[str, str]  # id → the broker's or the client's reason


class LoggingProducer:
    """`send` from any thread; `pump` sends in the background at a rate, so that faults happen under load."""

    def __init__(self, bootstrap: str, prefix: str, log: Path) -> None:
        self._prefix = prefix
        self._path = log
        self._log = log.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._enough = threading.Event()
        self.failed: list[BaseException] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "message.timeout.ms": int(FLUSH_SECONDS * 1000),
                "message.max.bytes": 8 << 20,
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )

    def send(self, messages: Iterable[Outgoing]) -> None:
        """Hands them over; acknowledgements come later."""
        for one in messages:
            self._hand_over(one)

    def _hand_over(self, one: Outgoing) -> None:
        self._write({"sent": one.id})
        options: dict[str, Any] = {} if one.partition is None else {"partition": one.partition}
        while True:
            try:
                self._producer.produce(
                    self._prefix + one.topic,
                    one.value,
                    one.key,
                    headers=[(ID_HEADER, one.id.encode())],
                    on_delivery=self._delivered(one.id),
                    **options,
                )
            except BufferError:
                self._producer.poll(0.05)
                continue
            except Exception as error:  # noqa: BLE001 - refused by the client itself, before it was sent
                self._write({"refused": one.id, "why": str(error)})
            break
        self._producer.poll(0)

    def _delivered(self, name: str) -> Any:
        def answered(error: KafkaError | None, message: Any) -> None:
            if error is not None:
                self._write({"refused": name, "why": error.str()})
            else:
                self._write({"acked": name, "at": [message.topic(), message.partition(), message.offset()]})

        return answered

    def pump(self, messages: Iterable[Outgoing], per_second: float, *, endless: bool = False) -> None:
        """Sends in a thread of its own; `finish` waits for it."""

        def run() -> None:
            try:
                began = time.monotonic()
                for number, one in enumerate(messages):
                    ahead = began + number / per_second - time.monotonic()
                    if ahead > 0.02:
                        self._producer.poll(0)
                        if self._stop.wait(ahead):
                            return
                    if endless and self._enough.is_set():
                        return
                    self._hand_over(one)
            except BaseException as error:  # noqa: BLE001 - raised by `finish`
                self.failed.append(error)

        self._threads.append(threading.Thread(target=run, name="pump", daemon=True))
        self._threads[-1].start()

    @property
    def pumping(self) -> bool:
        """Is there more to come?"""
        return any(thread.is_alive() for thread in self._threads)

    def wait(self, seconds: float) -> None:
        """While it pumps; raises what ended the pump."""
        self._stop.wait(seconds)
        if self.failed:
            raise self.failed[0]

    def enough(self) -> None:
        """Ends pumps that have no end."""
        self._enough.set()

    def finish(self) -> None:
        """Everything is acknowledged or refused when it returns."""
        for thread in self._threads:
            thread.join()
        left = self._producer.flush(FLUSH_SECONDS)
        assert not left, f"{left} messages were neither acknowledged nor refused within {FLUSH_SECONDS:.0f} s"
        if self.failed:
            raise self.failed[0]

    def close(self) -> None:
        """Stops a pump that still runs."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._producer.flush(1)
        self._log.close()

    def _write(self, line: dict[str, object]) -> None:
        with self._lock:
            self._log.write(json.dumps(line) + "\n")

    def read_back(self) -> SentLog:
        """What the file says."""
        with self._lock:
            self._log.flush()
        found = SentLog({}, [], {})
        with self._path.open(encoding="utf-8") as lines:
            for line in map(json.loads, lines):
                if "sent" in line:
                    found.sent[line["sent"]] = found.sent.get(line["sent"], 0) + 1
                elif "acked" in line:
                    found.acked.append(Acked(line["acked"], *line["at"]))
                else:
                    found.refused[line["refused"]] = line["why"]
        return found
