"""Each law of tests/torture on evidence that it must accept and on evidence that it must reject. No Kafka."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from streams.engine.job import Message, Tick
from tests.torture.catalogue import chosen
from tests.torture.evidence import At, Evidence, Letter
from tests.torture.growth import Instant, told, unexplained
from tests.torture.invariants import LAWS, Finding
from tests.torture.job_laws import JOB_LAWS
from tests.torture.load import CODEC, ID_HEADER, Load
from tests.torture.observer import Sample
from tests.torture.play import Result
from tests.torture.producer import Acked, SentLog
from tests.torture.reading import Remembered, Seen
from tests.torture.relay import Relay
from tests.torture.report import keep_logs, markdown

ALL = JOB_LAWS | LAWS
GROUP = {("cx-touchpoints", 0): 10, ("cx-feedback", 0): 10}


def healthy() -> Evidence:
    """Twenty messages, two of them poison, through the relay in memory."""
    relay, states = Relay(CODEC), dict[bytes, bytes]()
    evidence = _empty()
    ends = {"cx-touchpoints": 0, "cx-feedback": 0}
    for number, one in enumerate(Load(1, 20, keys=3).messages()):
        value = b"\x01no" if number in (4, 9) else one.value
        at: At = (one.topic, 0, ends[one.topic])
        ends[one.topic] += 1
        evidence.log.sent[one.id] = 1
        evidence.log.acked.append(Acked(one.id, *at))
        evidence.inputs[at] = Seen(*at, one.key, value, {ID_HEADER: one.id.encode()})
        if value == b"\x01no":
            evidence.letters.append(Letter(("cx-dead-letters", 0, len(evidence.letters)), at, "wrong_magic", "relay"))
            _output(evidence, "cx-dead-letters", one.key, value)
            continue
        evidence.rows[one.topic].append(at[1:])
        decoded = relay.decode(Message(*at, 0, one.key, value))
        step = relay.step(one.key, states.get(one.key), [decoded.value], None)
        if step.next_due_at is not None:
            tick = relay.step(one.key, step.state, [Tick(step.next_due_at)], None)
            step = msgspec.structs.replace(tick, outputs=[*step.outputs, *tick.outputs])
        states[one.key] = step.state or b""
        for output in step.outputs:
            _output(evidence, output.topic, output.key or b"", output.value or b"")
            evidence.rows[output.topic].append((0, len(evidence.outputs[output.topic]) - 1))
    evidence.rows["cx-dead-letters"].extend((0, each) for each in range(2))
    evidence.seen.extend(evidence.outputs["cx-actions"])
    rollups = {name: len(evidence.rows[name]) for name in ("cx-touchpoints", "cx-actions", "cx-dead-letters")}
    physical = {name: len(rows) for name, rows in evidence.rows.items()}
    sink = {(name, 0): len(rows) for name, rows in evidence.rows.items()}
    outputs = {(name, 0): len(messages) for name, messages in evidence.outputs.items()}
    committed = {(name, 0): end for name, end in ends.items()}
    stored = {at: count for at, count in sink.items() if at[0] not in ends}
    sample = Sample(10.0, committed, sink, outputs, stored)
    return evidence._replace(
        states=states, rollups=rollups, physical=physical, samples=[sample], accounts=[_account(evidence)]
    )


def _output(evidence: Evidence, topic: str, key: bytes, value: bytes) -> None:
    messages = evidence.outputs[topic]
    messages.append(Seen(topic, 0, len(messages), key, value, {}))


def _account(evidence: Evidence) -> dict[str, object]:
    counters = {"touchstone_worker_outputs_total|topic=cx-actions": float(len(evidence.outputs["cx-actions"]))}
    for topic in ("cx-touchpoints", "cx-feedback"):
        count = sum(1 for at in evidence.inputs if at[0] == topic)
        counters[f"touchstone_worker_inputs_total|topic={topic}"] = float(count)
    counters["touchstone_worker_dead_letters_total|reason=wrong_magic"] = 2.0
    return {"steps": 18, "counters": counters}


def _empty() -> Evidence:
    topics = ("cx-touchpoints", "cx-feedback", "cx-action-updates", "cx-experiences", "cx-actions", "cx-episodes", "cx-dead-letters")  # fmt: skip
    return Evidence(
        job="relay", log=SentLog({}, [], {}), inputs={}, outputs={name: [] for name in topics[3:]}, letters=[], states={},
        rows={name: [] for name in topics}, physical={}, rollups={}, samples=[], healed=[(9.0, "a fault")],
        peak_bytes={"worker": 100_000_000}, open_transactions={}, lag=(0, 0), seen=[], accounts=[], exact=True,
        sink_counters=None, expected=None, memories={}, prefix="",
    )  # fmt: skip


def test_every_law_accepts_what_is_right() -> None:
    evidence = healthy()
    assert {name: law(evidence).said for name, law in ALL.items() if not law(evidence).holds} == {}


Break = Callable[[Evidence], Evidence | None]


def _doubled_action(evidence: Evidence) -> None:
    first = evidence.outputs["cx-actions"][0]
    _output(evidence, "cx-actions", first.key or b"", first.value or b"")


def _swapped(evidence: Evidence) -> None:
    """Two actions of one key change places."""
    actions = evidence.outputs["cx-actions"]
    same = [one for one in actions if one.key == actions[0].key]
    first, last = same[0].offset, same[-1].offset
    actions[first], actions[last] = actions[last]._replace(offset=first), actions[first]._replace(offset=last)


def _sample(**values: object) -> Break:
    def breaks(evidence: Evidence) -> Evidence:
        return evidence._replace(samples=[evidence.samples[0]._replace(**values)])

    return breaks


def _slow(evidence: Evidence) -> Evidence:
    after = evidence.samples[0]._replace(at=100.0, worker={("cx-feedback", 0): 99})
    return evidence._replace(samples=[evidence.samples[0]._replace(at=8.0, worker={}), after])


BREAKS: list[tuple[str, str, Break]] = [
    ("none lost", "a row is missing", lambda e: e.rows["cx-touchpoints"].pop() and None),
    ("none lost", "the broker lost a message", lambda e: e.inputs.pop(("cx-touchpoints", 0, 0)) and None),
    ("conserved", "a row is missing", lambda e: e.rows["cx-feedback"].pop() and None),
    ("conserved", "a stored id was never sent", lambda e: e.log.acked.pop() and e.log.sent.popitem() and None),
    ("none doubled", "a row is there twice", lambda e: e.rows["cx-actions"].append((0, 0))),
    ("none doubled", "a message was refused twice", lambda e: e.letters.append(e.letters[0])),
    ("none doubled", "a roll-up counts once more", lambda e: e.rollups.update({"cx-touchpoints": 99})),
    ("none invented", "a row without a message", lambda e: e.rows["cx-actions"].append((0, 999))),
    ("none invented", "a message that nobody sent", lambda e: e.log.sent.popitem() and None),
    ("none invented", "a letter about nothing", lambda e: e.letters.append(e.letters[0]._replace(about=("cx-x", 0, 0)))),
    ("outputs stored", "an action is in no table", lambda e: e.rows["cx-actions"].pop() and None),
    ("revisions once", "an action twice", _doubled_action),
    ("reader agrees", "it saw what is gone", lambda e: e.outputs["cx-actions"].pop() and None),
    ("reader agrees", "it saw one twice", lambda e: e.seen.append(e.seen[0])),
    ("reader agrees", "it did not see one", lambda e: e.seen.pop() and None),
    ("recovered", "it took 91 s", _slow),
    ("recovered", "nobody looked", lambda e: e._replace(samples=[])),
    ("memory", "a gigabyte", lambda e: e.peak_bytes.update(worker=1_000_000_000)),
    ("not stuck", "an open transaction", lambda e: e.open_transactions.update({("cx-actions", 0): 3})),
    ("not stuck", "lag", lambda e: e._replace(lag=(1, 0))),
    ("metrics agree", "one counted too many", lambda e: e._replace(accounts=[*e.accounts, {"counters": {"touchstone_worker_inputs_total|topic=cx-feedback": 1.0}}])),
    ("metrics agree", "one counted too few", lambda e: e._replace(accounts=[])),
    ("metrics agree", "the sink counts other rows", lambda e: e._replace(sink_counters={"touchstone_sink_rows_total|table=actions": 1.0})),
    ("as without fault", "an action twice", _doubled_action),
    ("as without fault", "an action is missing", lambda e: e.outputs["cx-actions"].pop() and None),
    ("as without fault", "a state is forgotten", lambda e: e.states.popitem() and None),
    ("as without fault", "a timer fired twice", lambda e: e.outputs["cx-episodes"].append(e.outputs["cx-episodes"][0])),
    ("as without fault", "a good message was refused", lambda e: e.letters.append(e.letters[0]._replace(about=("cx-touchpoints", 0, 0)))),
    ("order by key", "two change places", _swapped),
    ("offsets durable", "outputs came after the offset", _sample(ends={("cx-actions", 0): 3, ("cx-dead-letters", 0): 9})),
    ("offsets durable", "rows came after the offset", _sample(stored={("cx-actions", 0): 1})),
]  # fmt: skip


@pytest.mark.parametrize(("law", "what", "breaks"), BREAKS, ids=[f"{law}: {what}" for law, what, _ in BREAKS])
def test_a_law_rejects_what_is_wrong(law: str, what: str, breaks: Break) -> None:
    evidence = healthy()
    evidence = breaks(evidence) or evidence
    finding = ALL[law](evidence)
    assert not finding.holds, f"{law} does not see that {what}: {finding.said}"


def test_every_law_is_broken_here() -> None:
    assert {law for law, _, _ in BREAKS} == ALL.keys()


@pytest.mark.parametrize("green", [True, False])
def test_logs_of_what_failed_are_kept_beside_the_report(green: bool, tmp_path: Path) -> None:
    stage, out = tmp_path / "stage", tmp_path / "out"
    stage.mkdir()
    (stage / "worker-0.log").write_text("it said why")
    result = Result("zombie worker", 7, 1.0, {"none lost": Finding(green, "1 acked")})
    kept = keep_logs(stage, out, result)
    assert not stage.exists()
    assert (kept is None) == green
    if kept is not None:
        assert (kept / "worker-0.log").read_text() == "it said why"
        text = markdown([result], {result.scenario: chosen("zombie worker")[0]}, 7, ["fuzz"])
        assert "0 of 1 green" in text
        assert "**✗** none lost: 1 acked" in text
        assert "Not played, the time was over: fuzz" in text


def _run(worker_mb: float, sink_mb: float, keys: int, state_mb: float) -> list[Instant]:
    """Of 30 instants, growing by so much in all from 100 MB each, 1,000 keys and 1 MB of state."""
    return [
        Instant(
            float(number),
            {"worker": int(1e6 * (100 + worker_mb * number / 30)), "sink": int(1e6 * (100 + sink_mb * number / 30))},
            Remembered(1000 + keys * number // 30, int(1e6 * (1 + state_mb * number / 30))),
        )
        for number in range(1, 31)
    ]


def test_memory_may_grow_with_what_is_remembered() -> None:
    finding = unexplained(_run(worker_mb=40, sink_mb=3, keys=20_000, state_mb=20))
    assert finding.holds, finding.said
    assert finding.said.startswith("from 8 s to 30 s: sink +2.2 MB, worker +29.3 MB; 6333 to 21000 customers")


@pytest.mark.parametrize(
    ("worker_mb", "sink_mb", "keys", "state_mb", "words"),
    [(40, 0, 0, 0, "worker grew by"), (90, 0, 20_000, 20, "worker grew by"), (0, 40, 20_000, 20, "sink grew by")],
)
def test_memory_that_nothing_explains_is_a_fault(
    worker_mb: float, sink_mb: float, keys: int, state_mb: float, words: str
) -> None:
    finding = unexplained(_run(worker_mb, sink_mb, keys, state_mb))
    assert not finding.holds
    assert words in finding.said


def test_the_run_is_told_column_by_column() -> None:
    text = told(_run(0, 0, 0, 0)[:2])
    assert text == "each 1 s: sink, MB: 100 100; worker, MB: 100 100; customers: 1000 1000; state, MB: 1.0 1.0"
