"""Trace context: from the headers of inputs to what follows from them, with the same decisions as without."""

import sys
from typing import Any

import pytest

from schemas.decisions import Action, Cause
from streams import app
from streams.engine.job import Message, Output
from streams.errors import UserError
from streams.experience.controls import Shelf
from streams.experience.ids import cause_key
from streams.experience.incidents import Incidents
from streams.experience.subjects import Subjects
from streams.experience.surroundings import Limits
from streams.experience.text import default_analyser
from streams.replay.driver import Driver
from streams.settings import Settings
from streams.traces import LINKS, PARENT, STATE, Carried, Spans, Traced, context_of
from tests.builders import CODEC, SECOND, START, actions, control_message, message, pack, pack_control

HOUR = 3600
LIMITS = Limits(HOUR * SECOND, 500)


def parent(number: int, span: int = 0xAB) -> str:
    return f"00-{number:032x}-{span:016x}-01"


def traced(spans: Spans | None = None) -> Driver:
    job = Traced(Subjects(CODEC, Shelf((pack(),)), default_analyser(), LIMITS), CODEC, spans or Carried())
    one = Driver(job)
    one.control(control_message(pack_control(pack())))
    return one


def failure(number: int, at: int, *headers: tuple[str, str]) -> Message:
    plain = message("touchpoint", f"e{number}", at, number, touchpoint="payment", outcome="failure", matter="o1")
    carried = tuple((name, value.encode()) for name, value in headers)
    return Message(plain.topic, 0, number, START // 1000, plain.key, plain.value, carried)


def life(one: Driver, *, carries: bool = True) -> list[Output]:
    """Two failures a minute apart, then hours in which nobody does anything."""
    first = one.take(failure(1, 0, *([(PARENT, parent(1)), (STATE, "a=1")] if carries else [])))
    second = one.take(failure(2, 60, *([(PARENT, parent(2)), (STATE, "b=2")] if carries else [])))
    return [*first, *second, *one.advance(START + 20 * HOUR * SECOND)]


def headers_of(outputs: list[Output], rule_or_topic: str) -> list[dict[str, str]]:
    found = []
    for output in outputs:
        rule = CODEC.decode(output.value, Action).rule if output.topic == "cx-actions" else ""
        if rule_or_topic in (output.topic, rule):
            found.append({name: value.decode() for name, value in output.headers})
    return found


def test_nothing_is_paid_unless_it_is_asked_for() -> None:
    assert not any(isinstance(job, Traced) for job in app.jobs(Settings()))
    assert all(isinstance(job, Traced) for job in app.jobs(Settings(worker_traces="carry")))


def test_an_action_and_its_notification_belong_to_the_event_that_caused_them() -> None:
    outputs = life(traced())
    opened = next(output for output in outputs if output.topic == "cx-actions")
    told = outputs[outputs.index(opened) + 1]
    assert told.topic.startswith("cx-notify-")
    assert dict(opened.headers) == dict(told.headers)
    assert {name: value.decode() for name, value in opened.headers} == {
        PARENT: parent(2),
        STATE: "b=2",
        LINKS: parent(1),
    }
    assert [one[PARENT] for one in headers_of(outputs, "cx-causes")] == [
        parent(number) for number in _events_of_causes(outputs)
    ]
    assert all(not output.headers for output in outputs if output.topic in ("cx-episodes", "cx-experiences"))


def _events_of_causes(outputs: list[Output]) -> list[int]:
    causes = [CODEC.decode(output.value, Cause) for output in outputs if output.topic == "cx-causes"]
    assert causes
    return [int(cause.event_id.removeprefix("e")) for cause in causes]


def test_what_a_timer_does_is_linked_with_its_evidence() -> None:
    escalations = headers_of(life(traced()), "escalate")
    assert escalations
    assert all(set(one) == {LINKS} for one in escalations)
    assert set(escalations[0][LINKS].split(",")) == {parent(1), parent(2)}


def test_decisions_are_the_same_with_and_without() -> None:
    plain = Driver(Subjects(CODEC, Shelf((pack(),)), default_analyser(), LIMITS))
    plain.control(control_message(pack_control(pack())))
    without = [(one.topic, one.key, one.value, one.urgent, one.caused_at) for one in life(plain)]
    for carries in (True, False):
        outputs = life(traced(), carries=carries)
        assert [(one.topic, one.key, one.value, one.urgent, one.caused_at) for one in outputs] == without
    assert not any(one.headers for one in outputs)  # the last: without


@pytest.mark.parametrize(
    "junk",
    ["", "00", parent(1)[:-1], parent(1) + "-00", parent(1).replace("00-", "ff-", 1), parent(0), parent(1, 0), parent(1).upper(), "\n" + parent(1)],
)  # fmt: skip
def test_what_the_standard_does_not_allow_is_left_out(junk: str) -> None:
    assert context_of(failure(1, 0, (PARENT, junk))) is None
    assert context_of(failure(1, 0)) is None
    found = context_of(failure(1, 0, (PARENT, parent(7)), (STATE, "x" * 600)))
    assert found is not None
    assert (found.parent, found.state) == (parent(7), "")


def test_an_incident_is_linked_with_what_made_it() -> None:
    one = Driver(Traced(Incidents(CODEC, Shelf((pack(),)), LIMITS), CODEC, Carried()))
    outputs: list[Output] = []
    for number in range(60):
        cause = Cause(cause_id=f"c{number}", revision=1, touchpoint="payment", cause="failure", journey="purchase",
            subject_type="customer", subject_id=f"s{number}", event_id=f"e{number}", occurred_at=START + number * SECOND,
            origin="inferred", weight=0.2, pack=pack().name, pack_version=pack().version)  # fmt: skip
        carried = ((PARENT, parent(number + 1).encode()),)
        outputs += one.take(Message("cx-causes", 0, number, 0, cause_key(cause), CODEC.encode(cause), carried))
    incident = next(output for output in reversed(outputs) if output.topic == "cx-actions")
    ((name, links),) = incident.headers
    assert name == LINKS
    events = {row.event_id for row in actions([incident])[0].evidence}
    assert set(links.decode().split(",")) == {parent(int(event[1:]) + 1) for event in events}


def test_spans_hang_on_what_caused_them() -> None:
    memory: Any = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    from streams.spans import Exported

    exporter = memory.InMemorySpanExporter()
    spans = Exported(exporter)
    outputs = life(traced(spans))
    spans.flush()
    done = {span.attributes["touchstone.action_id"]: span for span in exporter.get_finished_spans()}
    sent = [output for output in outputs if output.topic == "cx-actions"]
    first, timed = actions(sent)[0], next(one for one in actions(sent) if one.rule == "escalate")

    span = done[first.action_id]
    assert (span.context.trace_id, span.parent.span_id) == (2, 0xAB)
    assert [(link.context.trace_id, link.context.span_id) for link in span.links] == [(1, 0xAB)]
    assert span.end_time >= span.start_time == START * 1000
    carried = dict(sent[0].headers)
    assert carried[PARENT].decode() == f"00-{2:032x}-{span.context.span_id:016x}-01"
    assert carried[STATE] == b"b=2"
    assert done[timed.action_id].parent is None
    assert {link.context.trace_id for link in done[timed.action_id].links} == {1, 2}
    text = " ".join(map(str, (span.to_json() for span in done.values())))
    assert "anna" not in text


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(UserError, match="OpenTelemetry is not installed") as caught:
        app.jobs(Settings(worker_traces="otlp"))
    assert "touchstone[traces]" in caught.value.fix
