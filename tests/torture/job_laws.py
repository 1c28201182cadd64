"""Laws about what the job made of its inputs: offsets, order, and the same end as without any fault. Pure."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from schemas.codec import Codec
from schemas.decisions import Action, Experience
from schemas.refusals import InvalidEvent
from streams.engine.job import Message
from tests.torture.evidence import SINK, At, Evidence
from tests.torture.invariants import Finding, Law, verdict
from tests.torture.load import CODEC
from tests.torture.reading import Seen
from tests.torture.relay import Held, Relay
from tests.torture.versions import SCHEMAS


def effects(evidence: Evidence) -> dict[At, list[At]]:
    """Input → its first effects in the topics: dead letter, action (relay) or experience (main, for a feedback)."""
    found: dict[At, list[At]] = {}
    for letter in evidence.letters:
        if letter.by != SINK:
            found.setdefault(letter.about, []).append(letter.at)
    if evidence.job == "relay":
        for one in evidence.outputs["cx-actions"]:
            found.setdefault(_cause(one), []).append(("cx-actions", *one.place[1:]))
        return found
    by_event = {}
    for one in evidence.outputs["cx-experiences"]:
        by_event.setdefault((one.key, CODEC.decode(one.value, Experience).event_id), ("cx-experiences", *one.place[1:]))
    for at, message in evidence.inputs.items():
        name = message.key, _event_id(at, message)
        if name in by_event:
            found.setdefault(at, []).append(by_event.pop(name))
    return found


def _cause(one: Seen) -> At:
    """The input that an action of the relay stands for."""
    cause = CODEC.decode(one.value, Action).evidence[0]
    return cause.topic, cause.partition, cause.offset


def _event_id(at: At, message: Seen) -> str | None:
    from schemas.events import Feedback

    if at[0] != "cx-feedback":
        return None
    try:
        return CODEC.decode(message.value, Feedback).event_id
    except InvalidEvent:
        return None


def offsets_durable(evidence: Evidence) -> Finding:
    """Whenever a committed offset was seen, the effects of all before it were in the log, or in ClickHouse, already."""
    problems = [*_workers_offsets(evidence), *_sinks_offsets(evidence)]
    asked = sum(1 for sample in evidence.samples if sample.stored is not None)
    return verdict(problems, f"{len(evidence.samples)} samples, {asked} of ClickHouse")


def _workers_offsets(evidence: Evidence) -> Iterator[str]:
    known = effects(evidence)
    for source in sorted({at[:2] for at in known}):
        inputs = sorted(at[2] for at in known if at[:2] == source)
        furthest: list[dict[tuple[str, int], int]] = []  # over the inputs up to this one: output partition → offset
        reach: dict[tuple[str, int], int] = {}
        for offset in inputs:
            for topic, partition, effect in known[(*source, offset)]:
                reach[topic, partition] = max(effect, reach.get((topic, partition), -1))
            furthest.append(dict(reach))
        for sample in evidence.samples:
            committed = sample.worker.get((evidence.prefix + source[0], source[1]), 0)
            before = bisect_left(inputs, committed)
            for (topic, partition), effect in furthest[before - 1].items() if before else ():
                end = sample.ends[(evidence.prefix + topic, partition)]
                if effect >= end:
                    yield f"{source}: {committed} was committed, {topic}/{partition} ended at {end}, not at {effect + 1}"


def _sinks_offsets(evidence: Evidence) -> Iterator[str]:
    offsets: dict[tuple[str, int], list[int]] = {}
    for topic, rows in evidence.rows.items():
        for partition, offset in set(rows):
            offsets.setdefault((evidence.prefix + topic, partition), []).append(offset)
    for each in offsets.values():
        each.sort()
    for sample in evidence.samples:
        for place, count in (sample.stored or {}).items():
            right = bisect_left(offsets.get(place, []), sample.sink[place])
            if count != right:
                yield f"{place}: {sample.sink[place]} was committed, {count} of {right} rows were in ClickHouse"


def in_order(evidence: Evidence) -> Finding:
    """Of a key, what follows from a topic's messages follows in their order. Main job: experiences' revisions count up."""
    if evidence.job == "main":
        return _revisions_in_order(evidence)
    last: dict[tuple[bytes | None, str], int] = {}
    problems = []
    for one in evidence.outputs["cx-actions"]:
        topic, _, offset = _cause(one)
        if offset <= last.get((one.key, topic), -1):
            problems.append(f"key {one.key!r}: {topic} {offset} after {last[(one.key, topic)]}")
        last[(one.key, topic)] = offset
    return verdict(problems, f"{len({key for key, _ in last})} keys")


def _revisions_in_order(evidence: Evidence) -> Finding:
    last: dict[tuple[bytes | None, str], int] = {}
    problems = []
    for one in evidence.outputs["cx-experiences"]:
        row = CODEC.decode(one.value, Experience)
        name = one.key, row.event_id
        if row.revision != last.get(name, 0) + 1:
            problems.append(f"{name}: revision {row.revision} after {last.get(name, 0)}")
        last[name] = row.revision
    return verdict(problems, f"{len(last)} answers")


def as_without_fault(evidence: Evidence) -> Finding:
    """The actions, and the state in the changelog, are those of a run in which nothing failed."""
    if evidence.job == "main":
        return _main_as_without_fault(evidence)
    accepted = {at for at, message in evidence.inputs.items() if _accepts(at, message)}
    letters = {letter.about for letter in evidence.letters if letter.by != SINK}
    made = Counter(_cause(one) for one in evidence.outputs["cx-actions"])
    problems = [f"{at} has no action" for at in sorted(accepted - made.keys())]
    problems += [f"{at} has {n} actions" for at, n in made.items() if n > 1]
    problems += [f"{at} has an action, and is refused by a run without faults" for at in sorted(made.keys() - accepted)]
    problems += [
        f"{at} is refused, or not, otherwise than without faults"
        for at in sorted(letters ^ (evidence.inputs.keys() - accepted))
    ]
    return verdict(
        [*problems, *_counts(evidence), *_states(evidence, accepted)],
        f"{len(made)} actions, {len(evidence.states)} states",
    )


def _accepts(at: At, message: Seen) -> bool:
    """Would the job take it? The same question to the same pure function, without Kafka and without faults."""
    try:
        _RELAY.decode(Message(at[0], at[1], at[2], 0, message.key, message.value))
    except InvalidEvent:
        return False
    return True


_RELAY: Final = Relay(Codec(fetch=SCHEMAS.get))


def _counts(evidence: Evidence) -> Iterator[str]:
    """Each action carries how many its key has had: 1, 2, 3, …, or state was lost, or doubled."""
    last: Counter[bytes | None] = Counter()
    for one in evidence.outputs["cx-actions"]:
        count = int(CODEC.decode(one.value, Action).parameters["count"])
        if count != last[one.key] + 1:
            yield f"key {one.key!r}: {count} follows {last[one.key]}"
        last[one.key] = count


def _states(evidence: Evidence, accepted: set[At]) -> Iterator[str]:
    right = Counter(evidence.inputs[at].key for at in accepted)
    held = {key: msgspec.json.decode(state, type=Held) for key, state in evidence.states.items()}
    if right.keys() != held.keys():
        yield f"{len(held)} states, {len(right)} keys"
    for key, state in held.items():
        if state.inputs != right[key]:
            yield f"key {key!r}: its state counts {state.inputs}, it had {right[key]}"
    told = Counter(one.key for one in evidence.outputs["cx-episodes"])
    for key, state in held.items():
        if told[key] != state.told:
            yield f"key {key!r}: the timer fired {told[key]} times, the state says {state.told}"


def _main_as_without_fault(evidence: Evidence) -> Finding:
    from streams.engine.job import Output
    from tests.builders import in_force
    from tests.integration.test_main_job import subjects_only
    from tests.property.test_confluence import memory_of

    if evidence.expected is None:
        return verdict([], "not asked")
    seen = [
        Output(topic, one.key, one.value)
        for topic in ("cx-actions", "cx-experiences", "cx-suppressions")
        for one in evidence.outputs[topic]
        if one.value is not None
    ]
    try:
        held = subjects_only(in_force(seen))
    except AssertionError as error:
        return Finding(False, f"revisions: {error}")
    missing, besides = evidence.expected.keys() - held.keys(), held.keys() - evidence.expected.keys()
    problems = [f"{name} is missing" for name in sorted(missing)] + [f"{name} is an orphan" for name in sorted(besides)]
    problems += [
        f"{name} differs" for name in sorted(held.keys() & evidence.expected) if held[name] != evidence.expected[name]
    ]
    for key, memory in evidence.memories.items():
        state = evidence.states.get(key)
        if state is None or without_places(memory_of(state)) != without_places(memory):
            problems.append(f"{key!r} is remembered otherwise")
    return verdict(problems, f"{len(held)} in force, {len(evidence.memories)} states")


def without_places(value: object) -> object:
    """A memory without partitions and offsets: those are another run's."""
    if isinstance(value, msgspec.Struct):
        names = [name for name in value.__struct_fields__ if name not in ("partition", "offset")]
        return {name: without_places(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {key: without_places(each) for key, each in value.items()}
    return [without_places(each) for each in value] if isinstance(value, (list, tuple)) else value


JOB_LAWS: Final[dict[str, Law]] = {
    "as without fault": as_without_fault,
    "offsets durable": offsets_durable,
    "order by key": in_order,
}
