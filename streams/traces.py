"""Trace context (W3C) from the headers of inputs to the actions, notifications and causes that follow: a job around a job.

Only where TOUCHSTONE_WORKER_TRACES asks for it: otherwise there is no such job, and nothing is paid. What an input carried is
remembered for a while, in memory only: an action that follows later (a timer, a second event) is linked with it.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from schemas.codec import Codec
from schemas.decisions import Action, Cause
from schemas.topics import notify_topic
from streams.engine.job import AnyJob, Message, Output, Step
from streams.experience.folding import Input
from streams.experience.incidents import CauseInput

PARENT: Final = "traceparent"
STATE: Final = "tracestate"
LINKS: Final = "touchstone-trace-links"  # other inputs that it follows from, as traceparents separated by commas
LINKS_MAX: Final = 32
STATE_LENGTH_MAX: Final = 512
REMEMBERED: Final = 50_000
_NOTIFY: Final = notify_topic("")
_FORM: Final = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Context(NamedTuple):
    """As it stands in the headers. `arrived_at_ms`: of the message that carried it."""

    parent: str
    state: str = ""
    arrived_at_ms: int = 0


class Spans(Protocol):
    """Where spans are recorded."""

    def decided(self, action: Action, parent: Context | None, links: Sequence[Context]) -> Context | None:
        """What goes on from here: the context of the span that was recorded, or of the parent."""
        ...


class Carried:
    """Records nothing: what follows belongs to the span that caused it."""

    def decided(self, action: Action, parent: Context | None, links: Sequence[Context]) -> Context | None:
        """The parent's."""
        return parent


class Traced:
    """`job` with its outputs' headers filled in. Everything else is the job's."""

    def __init__(self, job: AnyJob, codec: Codec, spans: Spans) -> None:
        self._job, self._codec, self._spans = job, codec, spans
        self._known: OrderedDict[str, Context] = OrderedDict()
        self.name, self.inputs, self.outputs = job.name, job.inputs, job.outputs
        self.broadcast, self.gathers = job.broadcast, job.gathers
        self.stream_time_to, self.stream_time_from = job.stream_time_to, job.stream_time_from
        self.decode, self.new_controls, self.control = job.decode, job.new_controls, job.control

    def step(self, key: bytes, state: bytes | None, inputs: Sequence[Any], controls: Any) -> Step:
        """The job's, and raises what it raises."""
        result = self._job.step(key, state, inputs, controls)
        here = self._note(inputs)
        if result.outputs and self._known:
            result.outputs = list(self._with_headers(result.outputs, here))
        return result

    def _note(self, inputs: Iterable[object]) -> dict[str, Context]:
        """The contexts that these inputs carry, by event."""
        here = {}
        for one in inputs:
            if isinstance(one, (Input, CauseInput)) and one.message is not None and one.message.headers:
                context = context_of(one.message)
                if context is not None:
                    event_id = one.source.event_id if isinstance(one, Input) else one.cause.event_id
                    here[event_id] = self._known[event_id] = context
                    self._known.move_to_end(event_id)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return here

    def _with_headers(self, outputs: Iterable[Output], here: dict[str, Context]) -> Iterable[Output]:
        headers: tuple[tuple[str, bytes], ...] = ()
        for output in outputs:
            if output.topic == "cx-actions":
                headers = self._of_action(self._codec.decode(output.value, Action), here)
            elif output.topic == "cx-causes":
                headers = _headers(self._known.get(self._codec.decode(output.value, Cause).event_id), ())
            elif not output.topic.startswith(_NOTIFY):  # a notification stands behind its action
                headers = ()
            yield msgspec.structs.replace(output, headers=(*output.headers, *headers)) if headers else output

    def _of_action(self, action: Action, here: dict[str, Context]) -> tuple[tuple[str, bytes], ...]:
        """Its parent is the newest of its causes that has just come; whatever else it follows from is linked.

        What a gathering job tells follows from many alike: links only.
        """
        newest_first = sorted(action.evidence, key=lambda row: row.occurred_at, reverse=True)
        ids = list(dict.fromkeys([*(row.event_id for row in newest_first), action.occasion]))
        causes = {one: self._known[one] for one in ids if one in self._known}
        parent_id = next((one for one in ids if one in here), None) if not self.gathers else None
        parent = here[parent_id] if parent_id is not None else None
        if parent is None and len(here) == 1 and not causes:
            parent = next(iter(here.values()))  # what it was told last moved it, though it is no evidence
        links = [context for one, context in causes.items() if one != parent_id][:LINKS_MAX]
        if parent is None and not links:
            return ()
        return _headers(self._spans.decided(action, parent, links), links)


def context_of(message: Message) -> Context | None:
    """What a message carries; None: nothing, or nothing that the standard allows."""
    found = dict(message.headers)
    parent = found.get(PARENT)
    if parent is None or _FORM.fullmatch(parent) is None:
        return None
    state = found.get(STATE) or b""
    carried = state.decode("ascii", "ignore") if len(state) <= STATE_LENGTH_MAX else ""
    return Context(parent.decode(), carried, message.timestamp_ms)


def _headers(context: Context | None, links: Sequence[Context]) -> tuple[tuple[str, bytes], ...]:
    found = []
    if context is not None:
        found.append((PARENT, context.parent.encode()))
        if context.state:
            found.append((STATE, context.state.encode()))
    if links:
        found.append((LINKS, ",".join(link.parent for link in links).encode()))
    return tuple(found)
