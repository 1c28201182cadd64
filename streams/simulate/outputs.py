"""Where happenings go: Kafka, keyed and acknowledged by all replicas, or lines of JSON as `touchstone send` and `decide` read them."""

import base64
from collections import Counter
from typing import IO, Final, Protocol

import msgspec

from schemas.codec import Codec
from schemas.controls import Control
from schemas.json_form import to_json
from streams.codec import codec
from streams.connect.controls import write_copies
from streams.connect.input_topics import input_partitions
from streams.connect.outgoing import CONTROLS, topics
from streams.connect.publisher import Publisher
from streams.settings import Settings
from streams.simulate.faults import Happening

_STEP_SECONDS: Final = 0.2


class Output(Protocol):
    """`sent` counts by topic what has arrived for certain; `failure` is empty as long as all is well."""

    failure: str
    codec: Codec  # what is broken on purpose is encoded with it first

    @property
    def sent(self) -> Counter[str]: ...

    def write(self, happening: Happening) -> None:
        """Takes one."""

    def flush(self) -> None:
        """Makes what was written visible, as far as that is possible without waiting."""

    def close(self) -> None:
        """Waits for what is under way."""


class LinesOutput:
    """A line each. A malformed message becomes a line that readers refuse: its bytes, as base64."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.codec = Codec()
        self.sent: Counter[str] = Counter()
        self.failure = ""

    def write(self, happening: Happening) -> None:
        if happening.record is not None:
            document: object = to_json(happening.record)
        else:
            raw = base64.b64encode(happening.raw or b"").decode()
            document = {"topic": happening.topic, "key": happening.key.decode(), "raw_base64": raw}
        self._stream.write(msgspec.json.encode(document) + b"\n")
        self.sent[happening.topic] += 1

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        self._stream.flush()


class KafkaOutput:
    """The input topics. A control goes to every partition. Raises UserError when topics are missing or nobody answers."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._partitions = input_partitions(settings)[CONTROLS]
        self._publisher = Publisher(settings)
        self.codec = codec(settings, writes=topics())
        self._controls: dict[int, Control] = {}
        self._written = 0
        self.failure = ""

    @property
    def sent(self) -> Counter[str]:
        """Acknowledged; of controls each copy."""
        return self._publisher.acknowledged

    def write(self, happening: Happening) -> None:
        self._written += 1
        number, record = self._written, happening.record
        value = happening.raw if record is None else self.codec.encode(record)
        assert value is not None
        if isinstance(record, Control):
            self._controls[number] = record
            for partition in range(self._partitions):
                self._publisher.send(happening.topic, happening.key, value, number, partition)
        else:
            self._publisher.send(happening.topic, happening.key, value, number)
        if self._publisher.failures:
            self._look_at_failures()

    def _look_at_failures(self) -> None:
        for failure in self._publisher.failures:
            if failure.line not in self._controls:
                self.failure = self.failure or f"not acknowledged: {type(failure.error).__name__}: {failure.error}"

    def flush(self) -> None:
        """Nothing to do: the producer sends by itself after some milliseconds."""

    def close(self) -> None:
        publisher = self._publisher
        try:
            publisher.wait(_STEP_SECONDS if self.failure else publisher.delivery_seconds)
        finally:
            publisher.close()
        self._look_at_failures()
        if not self.failure:
            for line in {failure.line for failure in publisher.failures}:  # a control must stand on all partitions
                control = self._controls[line]
                write_copies(control.control_id.encode(), self.codec.encode(control), self._settings)
