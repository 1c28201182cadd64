"""Builds inputs of the core and drives a job in memory, with short words for what tests vary."""

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from schemas.codec import Codec
from schemas.controls import Control, PackInForce
from schemas.decisions import Action, Episode, Experience, Holdout, Suppression
from schemas.json_form import from_json, instant
from streams.engine.job import Message, Output
from streams.experience.compiled import CompiledPack
from streams.experience.controls import Shelf
from streams.experience.pack_compile import compile_pack
from streams.experience.pack_inherit import Source
from streams.experience.subjects import Subjects
from streams.experience.surroundings import Limits
from streams.experience.text import default_analyser
from streams.packs_folder import read_merged, read_pack
from streams.packs_show import one_file
from streams.replay.driver import Driver

CODEC = Codec()
PACKS = Path(__file__).parent.parent / "streams" / "packs"
SECOND = 1_000_000
START = instant("2026-03-02T10:00:00Z")
LATENESS_SECONDS = 3600
TOPIC = {
    "customer": "cx-customers",
    "touchpoint": "cx-touchpoints",
    "feedback": "cx-feedback",
    "action_update": "cx-action-updates",
}


@functools.cache
def pack(name: str = "retail") -> CompiledPack:
    """A pack of streams/packs."""
    return read_pack(PACKS / f"{name}.yaml")


@functools.cache
def whole_pack(name: str = "retail") -> str:
    """A pack of streams/packs with all that it inherits, as one file: for tests that change its text."""
    return one_file(read_merged(PACKS / f"{name}.yaml"))


def child_pack(text: str, parent: str = "retail") -> CompiledPack:
    """A pack that inherits from one of streams/packs and says this besides."""

    def parents(name: str, _: tuple[str, ...]) -> Source:
        return Source((PACKS / f"{name}.yaml").read_text(encoding="utf-8"), f"{name}.yaml")

    return compile_pack(f"pack: child\ninherits: {parent}\ndescription: A child.\n{text}", "child.yaml", parents)


def apart(name: str = "retail") -> CompiledPack:
    """A pack of streams/packs with signals that are counted each for itself: cx-causes has their names."""
    file = pack(name).file
    signals = {one: msgspec.structs.replace(signal, incident=None) for one, signal in file.signals.items()}
    return compile_pack(msgspec.json.encode(msgspec.structs.replace(file, causes={}, signals=signals)).decode(), name)


def pack_with(changes: dict[str, Any], name: str = "retail") -> CompiledPack:
    """A pack of streams/packs with something changed, as one that inherits it would."""
    return compile_pack(msgspec.json.encode(merged(msgspec.to_builtins(pack(name).file), changes)).decode(), name)


def merged(old: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Maps key by key, at every depth."""
    return old | {
        key: merged(old[key], value) if isinstance(value, dict) and isinstance(old.get(key), dict) else value
        for key, value in changes.items()
    }


def driver(*packs: CompiledPack, lateness_seconds: int = LATENESS_SECONDS, window: int = 500) -> Driver:
    """Job 1 in memory; the first pack is in force from the beginning."""
    packs = packs or (pack(),)
    job = Subjects(CODEC, Shelf(packs), default_analyser(), Limits(lateness_seconds * SECOND, window))
    one = Driver(job)
    one.control(control_message(pack_control(packs[0])))
    return one


def pack_control(one: CompiledPack, at: int = 0, brand: str | None = None) -> Control:
    """A pack comes into force."""
    return Control(
        control_id=f"pack-{one.name}-{at}-{brand}",
        in_force_at=at,
        written_at=START,
        brand=brand,
        pack=PackInForce(name=one.name, version=one.version),
    )


def control_message(control: Control, partition: int = 0) -> Message:
    """A control as it stands on a partition."""
    return Message("cx-controls", partition, 0, 0, control.control_id.encode(), CODEC.encode(control))


def message(record: str, event_id: str, at: int, offset: int = 0, subject: str = "anna", **fields: Any) -> Message:
    """An input as it comes from Kafka; `at` in seconds after START."""
    document = {
        "record": record,
        "event_id": event_id,
        "subject_type": "customer",
        "subject_id": subject,
        "occurred_at": START + at * SECOND,
        **fields,
    }
    value = CODEC.encode(from_json(document))
    return Message(TOPIC[record], 0, offset, 0, subject.encode(), value)


def records(outputs: Iterable[Output], topic: str, kind: type[Any]) -> list[Any]:
    """The records that went to a topic, in order."""
    return [CODEC.decode(output.value, kind) for output in outputs if output.topic == topic]


def actions(outputs: Iterable[Output]) -> list[Action]:
    """All actions, revisions and retractions included."""
    return records(outputs, "cx-actions", Action)


def in_force(outputs: Iterable[Output]) -> dict[str, dict[str, Any]]:
    """What a reader who honours revisions and retractions holds at the end: id → content, without revision and positions."""
    outputs = list(outputs)
    held: dict[str, dict[str, Any]] = {}
    revisions: dict[str, int] = {}
    for topic, kind, name in (
        ("cx-actions", Action, "action_id"),
        ("cx-experiences", Experience, "event_id"),
        ("cx-holdouts", Holdout, "action_id"),
        ("cx-suppressions", Suppression, "action_id"),
    ):
        for record in records(outputs, topic, kind):
            key = f"{topic}:{getattr(record, name)}"
            assert record.revision == revisions.get(key, 0) + 1, "revisions count up without gaps"
            revisions[key] = record.revision
            if record.retracted:
                held.pop(key)
            else:
                held[key] = content(record)
    return held


def content(record: msgspec.Struct) -> dict[str, Any]:
    """A record's content: what does not depend on the order of arrival."""
    body: dict[str, Any] = msgspec.to_builtins(record)
    for name in ("revision", "supersedes"):
        body.pop(name, None)
    for row in body.get("evidence", ()):
        for name in ("topic", "partition", "offset"):
            row.pop(name)
    return body


def episodes(outputs: Iterable[Output]) -> dict[str, Episode]:
    """The latest revision of each episode."""
    return {record.episode_id: record for record in records(outputs, "cx-episodes", Episode)}
