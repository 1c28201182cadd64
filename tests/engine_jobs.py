"""Small jobs for the engine's tests. Their final results do not depend on the order in which the inputs interleave."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from streams.engine.job import Concerned, Decoded, Message, Output, Refold, Rejected, Step, Tick
from streams.errors import DeadLetterReason, InvalidEvent, Unavailable

SECOND = 1_000_000


class Event(dict[str, Any]):
    """A decoded test event: id, at (µs), and whatever the test needs."""

    message: Message


def value(**fields: Any) -> bytes:
    """A test event's bytes."""
    return json.dumps(fields).encode()


class AsOf:
    """For every `b`: how many `a` of the key are dated at or before it. A late `a` revises; the answer settles by a timer.

    Outputs on `out`: {id, revision, count}; on `settled`, once a `b`: {id, count}. A control {"factor": n, "since": t}
    multiplies the counts of what is dated from `t` on.
    """

    name = "asof"
    inputs: tuple[str, ...] = ("in-a", "in-b")
    outputs: tuple[str, ...] = ("out", "settled")
    broadcast: str | None = None
    stream_time_to: str | None = None
    stream_time_from: str | None = None
    gathers: bool = False
    settle_us = 600 * SECOND

    def decode(self, message: Message) -> Decoded[Event]:
        try:
            event = Event(json.loads(message.value or b"null"))
        except (ValueError, TypeError):
            raise InvalidEvent(DeadLetterReason.MALFORMED, "not JSON") from None
        if message.key is None:
            raise InvalidEvent(DeadLetterReason.KEY_MISMATCH, "no key")
        event["topic"] = message.topic
        event.message = message
        return Decoded(message.key, event["at"], event)

    def step(
        self, key: bytes, state: bytes | None, inputs: Sequence[Event | Tick | Refold], controls: dict[str, Any]
    ) -> Step:
        held: dict[str, Any] = json.loads(state) if state else {"a": [], "b": {}}
        settled: list[Output] = []
        rejected: list[Rejected] = []
        for each in inputs:
            if isinstance(each, Tick):
                settled += self._settle(key, held, each.due_at)
            elif isinstance(each, Refold):
                pass
            elif each.get("reject"):
                rejected.append(Rejected(each.message, DeadLetterReason.TOO_LATE, "asked for"))
            elif each["topic"] == self.inputs[0]:
                held["a"].append(each["at"])
            else:
                held["b"][each["id"]] = {"at": each["at"], "revision": 0, "count": None, "settled": False}
        outputs = [*self._revise(key, held, controls), *settled]
        due = [b["at"] + self.settle_us for b in held["b"].values() if not b["settled"]]
        return Step(json.dumps(held).encode(), outputs, min(due, default=None), rejected)

    def _revise(self, key: bytes, held: dict[str, Any], controls: dict[str, Any]) -> Iterable[Output]:
        for name, b in held["b"].items():
            count = sum(1 for at in held["a"] if at <= b["at"]) * factor(controls, b["at"])
            if count != b["count"]:
                b["count"], b["revision"] = count, b["revision"] + 1
                yield Output("out", key, value(id=name, revision=b["revision"], count=count))

    def _settle(self, key: bytes, held: dict[str, Any], due_at: int) -> list[Output]:
        outputs = []
        for name, b in held["b"].items():
            if not b["settled"] and b["at"] + self.settle_us <= due_at:
                b["settled"] = True
                outputs.append(Output("settled", key, value(id=name, count=b["count"])))
        return outputs

    def new_controls(self) -> dict[str, Any]:
        return {"factors": []}

    def control(self, controls: dict[str, Any], message: Message, stream_time: int | None) -> Concerned | None:
        event = json.loads(message.value or b"{}")
        if event.get("bad"):
            raise InvalidEvent(DeadLetterReason.CONTROL_TOO_LATE, "asked for")
        controls["factors"].append((event["since"], event["factor"]))
        return Concerned(int(event["since"]), [key.encode() for key in event["keys"]] if "keys" in event else None)


def factor(controls: dict[str, Any], at: int) -> int:
    """What the controls make of an event dated `at`."""
    return max((number for since, number in controls["factors"] if since <= at), default=1)


class Brisk(AsOf):
    """Settles after three seconds: mostly longer than it takes to stop a worker."""

    settle_us = 3 * SECOND


class Controlled(AsOf):
    """AsOf with controls."""

    broadcast = "controls"


class Upstream(AsOf):
    """Sends every `b` on, under another key, and tells a downstream job its stream time."""

    outputs = ("out", "settled", "marks")
    stream_time_to = "marks"

    def step(
        self, key: bytes, state: bytes | None, inputs: Sequence[Event | Tick | Refold], controls: dict[str, Any]
    ) -> Step:
        result = super().step(key, state, inputs, controls)
        for each in inputs:
            if isinstance(each, dict) and each["topic"] == "in-b":
                other = f"of-{each['id'][-1]}".encode()
                result.outputs.append(Output("marks", other, value(id=each["id"], at=each["at"])))
        return result


class Downstream(AsOf):
    """Follows Upstream: what is on `marks`, at the speed of the slowest task."""

    name = "down"
    inputs = ("marks",)
    outputs = ("out-down", "settled-down")
    stream_time_from = "marks"
    stream_time_to = None

    def step(
        self, key: bytes, state: bytes | None, inputs: Sequence[Event | Tick | Refold], controls: dict[str, Any]
    ) -> Step:
        """Counts, and says when its timer fires."""
        count = int(state or b"0") + sum(1 for each in inputs if isinstance(each, dict))
        ticks = [each for each in inputs if isinstance(each, Tick)]
        outputs = [Output("settled-down", key, value(id=key.decode(), due_at=tick.due_at)) for tick in ticks]
        due = None if ticks else max(each["at"] for each in inputs if isinstance(each, dict)) + self.settle_us
        return Step(str(count).encode(), outputs, due)


class Moody(AsOf):
    """Raises what an event asks for: {"raise": "unavailable" | "defect"}; unavailable until a file appears."""

    def __init__(self, cured_by: str = "") -> None:
        self._cured_by = cured_by

    def step(
        self, key: bytes, state: bytes | None, inputs: Sequence[Event | Tick | Refold], controls: dict[str, Any]
    ) -> Step:
        from pathlib import Path

        for each in inputs:
            if isinstance(each, dict) and each.get("raise") == "defect":
                raise KeyError("a defect in the job")
            if (
                isinstance(each, dict)
                and each.get("raise") == "unavailable"
                and not (self._cured_by and Path(self._cured_by).exists())
            ):
                raise Unavailable("the pack is not here yet", 0.05)
        return super().step(key, state, inputs, controls)
