"""The job under torture: one action an input and one episode a key, so that whatever is lost, doubled or invented can be seen.

State a key: how many inputs it has had. Each action carries that count and the place of its input; the episode comes from a
timer, once. Unlike the main job it does not recognise an event that it has seen: nothing that the engine does twice is hidden.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from schemas.codec import Codec
from schemas.decisions import Action, Episode, Evidence
from schemas.events import Feedback, Touchpoint
from schemas.validate import check
from streams.engine.job import Concerned, Decoded, Message, Output, Refold, Step, Tick

SETTLE_US = 300_000_000  # of event time after a key's first input


class Held(msgspec.Struct):
    """State of a key."""

    inputs: int = 0
    due_at: int = 0
    told: bool = False


class Input(NamedTuple):
    """A decoded message and where it stood."""

    message: Message
    record: Touchpoint | Feedback


class Relay:
    """See above."""

    name = "relay"
    inputs: tuple[str, ...] = ("cx-touchpoints", "cx-feedback")
    outputs: tuple[str, ...] = ("cx-actions", "cx-episodes")
    broadcast: str | None = None
    stream_time_to: str | None = None
    stream_time_from: str | None = None
    gathers: bool = False

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self.steps = 0  # inputs that went through `step`, committed or not

    def decode(self, message: Message) -> Decoded[Input]:
        kind = Touchpoint if message.topic == "cx-touchpoints" else Feedback
        record = self._codec.decode(message.value, kind)
        check(record, message.key, len(message.value or b""))
        assert message.key is not None
        return Decoded(message.key, record.occurred_at, Input(message, record))

    def step(self, key: bytes, state: bytes | None, inputs: Sequence[Input | Tick | Refold], controls: None) -> Step:
        held = msgspec.json.decode(state, type=Held) if state else Held()
        outputs: list[Output] = []
        for each in inputs:
            if isinstance(each, Tick):
                if not held.told:
                    held.told = True
                    outputs.append(Output("cx-episodes", key, self._codec.encode(_episode(key, held))))
            elif isinstance(each, Input):
                self.steps += 1
                held.inputs += 1
                if held.inputs == 1:
                    held.due_at = each.record.occurred_at + SETTLE_US
                outputs.append(Output("cx-actions", key, self._codec.encode(_action(each, held.inputs))))
        return Step(msgspec.json.encode(held), outputs, None if held.told else held.due_at)

    def new_controls(self) -> None:
        return None

    def control(self, controls: None, message: Message, stream_time: int | None) -> Concerned | None:
        return None


def _action(given: Input, count: int) -> Action:
    message, record = given
    evidence = Evidence(
        event_id=record.event_id, topic=message.topic, partition=message.partition, offset=message.offset,
        occurred_at=record.occurred_at, signal="relay", origin="said", weight=1.0,
    )  # fmt: skip
    return Action(
        action_id=f"a-{record.event_id}", revision=1, subject_type=record.subject_type, subject_id=record.subject_id,
        decided_at=record.occurred_at, kind="relay", audience="care", template=record.attributes.get("template", "t"),
        step="listen", origin="said", score=1.0, emit="now", occasion=record.event_id, rule="relay", rule_version="1",
        pack="retail", pack_version="v", evidence=[evidence], losers=[], parameters={"count": str(count)},
    )  # fmt: skip


def _episode(key: bytes, held: Held) -> Episode:
    return Episode(
        episode_id=f"ep-{key.decode()}", revision=1, subject_type="customer", subject_id=key.decode(), journey="buy",
        touchpoint="checkout", state="open", stage="listen", opened_at=held.due_at, changed_at=held.due_at, cause="relay",
        origin="said", score=1.0, peak_score=1.0, reopened=0, missed=0, pack="retail", pack_version="v", actions=[],
        evidence=[],
    )  # fmt: skip
