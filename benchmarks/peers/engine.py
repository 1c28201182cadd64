"""What the runner knows of an engine: how to make it ready, and which program does a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol


class Missing(Exception):
    """This engine cannot run here; the message says why and what to do. The others go on."""


class Run(NamedTuple):
    """One engine, one round. Every topic and group made for it carries `name`; the input topics belong to the whole benchmark."""

    name: str
    bootstrap: str
    input_prefix: str
    actions: str
    messages: int
    commit_seconds: float
    scratch: Path

    def topic(self, name: str) -> str:
        """An input topic."""
        return self.input_prefix + name


class Program(NamedTuple):
    """`group` is the consumer group that it commits its offsets to."""

    command: Sequence[str]
    group: str
    environment: Mapping[str, str] = {}


class Engine(Protocol):
    """`most_touchpoints`: its share of a large input, where the whole one would take too long; None for all."""

    name: str
    most_touchpoints: int | None

    def prepare(self) -> str:
        """Fetches and builds what it needs. Its version, for the record. Raises Missing."""
        ...

    def program(self, run: Run) -> Program: ...
