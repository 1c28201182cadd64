"""Whatever the polls, the transactions and the crashes: what a read-committed reader has seen ends as without any fault."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.engine.core import TaskCore
from tests.engine_core import NOW, Log, Raw, core_of, drain, event
from tests.engine_jobs import SECOND, AsOf

TOPICS = ("in-a", "in-b")
one = st.tuples(st.sampled_from(["x", "y", "z"]), st.integers(0, 20), st.booleans())
END = NOW + 3600 * SECOND


def _raws(events: list[tuple[str, int, bool]], topic: str) -> list[Raw]:
    raws = []
    for offset, (key, second, bad) in enumerate(events):
        raw = event(offset, NOW + second * SECOND, key=key.encode(), id=f"{topic}{offset}", arrived_at=NOW)
        raws.append(raw._replace(value=b"{") if bad and second == 7 else raw)
    return raws


def _final(log: Log) -> tuple[dict[str, Any], list[str], list[bytes | None]]:
    out: dict[str, Any] = {}
    for output in log.outputs:
        if output.topic == "out":
            said = json.loads(output.value or b"")
            assert said["revision"] == out.get(said["id"], {"revision": 0})["revision"] + 1, "a revision twice or lost"
            out[said["id"]] = said
    settled = sorted(json.loads(o.value or b"")["id"] for o in log.outputs if o.topic == "settled")
    letters = [dict(o.headers)["__connect.errors.offset"] for o in log.outputs if o.topic == "cx-dead-letters"]
    return {name: said["count"] for name, said in out.items()}, settled, sorted(letters)  # type: ignore[return-value]


def _feed_all(core: TaskCore, raws: dict[str, list[Raw]]) -> None:
    for topic in TOPICS:
        rest = raws[topic][core.ledger.next_offset(topic) :]
        core.add(topic, rest, 1)
        core.reaches(topic, len(raws[topic]), len(raws[topic]))


def _without_fault(raws: dict[str, list[Raw]]) -> Log:
    log = Log()
    core = core_of(AsOf())
    _feed_all(core, raws)
    drain(core, NOW)
    drain(core, END)
    log.commit(core.take_effects(END))
    return log


@settings(max_examples=150, deadline=None)
@given(a=st.lists(one, max_size=25), b=st.lists(one, max_size=25), data=st.data())
def test_polls_transactions_and_crashes_leave_no_trace(
    a: list[tuple[str, int, bool]], b: list[tuple[str, int, bool]], data: st.DataObject
) -> None:
    raws = {"in-a": _raws(a, "in-a"), "in-b": _raws(b, "in-b")}
    log = Log()
    core = core_of(AsOf())
    given_to = dict.fromkeys(TOPICS, 0)
    for _ in range(data.draw(st.integers(0, 12))):
        match data.draw(st.sampled_from(["poll", "work", "commit", "crash"])):
            case "poll":
                topic = data.draw(st.sampled_from(TOPICS))
                part = raws[topic][given_to[topic] :][: data.draw(st.integers(0, 9))]
                given_to[topic] += len(part)
                core.add(topic, part, 1)
                core.reaches(topic, given_to[topic], len(raws[topic]))
            case "work":
                core.work(NOW)
            case "commit":
                log.commit(core.take_effects(NOW))
            case "crash":
                core = log.restart(lambda: core_of(AsOf()))
                given_to = {topic: core.ledger.next_offset(topic) for topic in TOPICS}
    core = log.restart(lambda: core_of(AsOf()))
    _feed_all(core, raws)
    drain(core, NOW)
    drain(core, END)
    log.commit(core.take_effects(END))
    assert _final(log) == _final(_without_fault(raws))
