"""The laws. Each looks at the evidence of one scenario and says what it counted, or what is wrong. Pure.

`LAWS` are computed for each scenario, by both jobs; those that need a job which hides nothing are in relay_laws.py.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from schemas.decisions import Action
from tests.torture.evidence import SINK, At, Evidence
from tests.torture.load import CODEC, ID_HEADER

RECOVERY_SECONDS: Final = 60.0
PEAK_MB: Final = {"worker": 500, "sink": 500}


class Finding(NamedTuple):
    """`said`: what was counted, or what is wrong."""

    holds: bool
    said: str


Law = Callable[[Evidence], Finding]


def verdict(problems: Iterable[str], counted: str) -> Finding:
    """Holds when there are no problems; shows the first three."""
    found = list(problems)
    if not found:
        return Finding(True, counted)
    more = f"; and {len(found) - 3} more" if len(found) > 3 else ""
    return Finding(False, "; ".join(found[:3]) + more)


def stored(evidence: Evidence) -> set[At]:
    """Inputs that are in their tables."""
    return {(topic, *at) for topic, rows in evidence.rows.items() if topic in _INPUT_TABLES for at in rows}


_INPUT_TABLES = ("cx-touchpoints", "cx-feedback", "cx-customers", "cx-action-updates")


def none_lost(evidence: Evidence) -> Finding:
    """Every acked event stands where the broker said, and is in its table or among the dead letters."""
    there, refused = stored(evidence), {letter.about for letter in evidence.letters}
    problems = []
    for acked in evidence.log.acked:
        at = (evidence.bare(acked.topic), acked.partition, acked.offset)
        message = evidence.inputs.get(at)
        if message is None or message.headers.get(ID_HEADER) != acked.id.encode():
            problems.append(f"{acked.id} was acknowledged at {at} and is not there")
        elif at[0] in _INPUT_TABLES and at not in there and at not in refused:
            problems.append(f"{acked.id} at {at} is neither stored nor dead-lettered")
    return verdict(problems, f"{len(evidence.log.acked)} acked")


def conserved(evidence: Evidence) -> Finding:
    """By id: acked = stored ∪ dead-lettered; besides these only what was sent and got no answer."""
    ids = {at: message.headers.get(ID_HEADER, b"").decode() for at, message in evidence.inputs.items()}
    acked = {each.id for each in evidence.log.acked if evidence.bare(each.topic) in _INPUT_TABLES}
    kept = {ids[at] for at in stored(evidence) if at in ids}
    dead = {
        ids[letter.about] for letter in evidence.letters if letter.about in ids and letter.about[0] in _INPUT_TABLES
    }
    problems = [f"{name} was acknowledged and is gone" for name in sorted(acked - kept - dead)]
    unanswered = (kept | dead) - acked
    problems += [f"{name} is there and was never sent" for name in sorted(unanswered - evidence.log.sent.keys())]
    said = f"{len(acked)} = {len(kept & acked)} + {len((dead - kept) & acked)}"
    return verdict(problems, said + (f", {len(unanswered)} without an answer" if unanswered else ""))


def none_doubled(evidence: Evidence) -> Finding:
    """In topics, in tables as they are read, in roll-ups: each message once, whatever was inserted twice."""
    problems = []
    for topic, rows in evidence.rows.items():
        problems += [f"{topic}{list(at)} is {n} times in its table" for at, n in Counter(rows).items() if n > 1]
    by_worker = Counter(letter.about for letter in evidence.letters if letter.by != SINK)
    problems += [f"{at} was refused {n} times" for at, n in by_worker.items() if n > 1]
    right = {
        "cx-touchpoints": len(evidence.rows["cx-touchpoints"]),
        "cx-actions": len(evidence.rows["cx-actions"]),
        "cx-dead-letters": len({(each.about, each.reason, each.by) for each in evidence.letters}),
    }
    for topic, count in right.items():
        if evidence.rollups[topic] != count:
            problems.append(f"the roll-up of {topic} says {evidence.rollups[topic]}, there are {count}")
    repeats = sum(evidence.physical[topic] - len(set(rows)) for topic, rows in evidence.rows.items())
    return verdict(problems, f"{sum(map(len, evidence.rows.values()))} rows, {repeats} repeats absorbed")


def none_invented(evidence: Evidence) -> Finding:
    """Every row is a message of its topic, every message is one that was sent, every dead letter is about one."""
    problems = []
    for at, message in evidence.inputs.items():
        if message.headers.get(ID_HEADER, b"").decode() not in evidence.log.sent:
            problems.append(f"{at} was never sent")
    topics = {name: {one.place[1:] for one in messages} for name, messages in evidence.outputs.items()}
    for topic, rows in evidence.rows.items():
        known = topics.get(topic) or {at[1:] for at in evidence.inputs if at[0] == topic}
        problems += [f"{topic}{list(at)} is a row and no message" for at in set(rows) - known]
    outputs = {(evidence.bare(one.topic), *one.place[1:]) for each in evidence.outputs.values() for one in each}
    for letter in evidence.letters:
        if letter.about not in evidence.inputs and letter.about not in outputs:
            problems.append(f"a dead letter about {letter.about}, where nothing is")
    return verdict(problems, f"{len(evidence.inputs)} messages, {len(evidence.letters)} letters")


def outputs_stored(evidence: Evidence) -> Finding:
    """Each committed action and episode is in its table, or was refused by the sink and says so."""
    refused = {letter.about for letter in evidence.letters if letter.by == SINK}
    problems = []
    count = 0
    for topic, outputs in evidence.outputs.items():
        rows = set(evidence.rows[topic])
        for one in outputs:
            count += 1
            if one.place[1:] not in rows and (topic, *one.place[1:]) not in refused:
                problems.append(f"{topic}{list(one.place[1:])} is not in its table")
    return verdict(problems, f"{count} outputs")


def recovered(evidence: Evidence) -> Finding:
    """After each fault both groups move again, or have nothing to do, within a minute."""
    slowest, problems = 0.0, []
    for healed_at, what in evidence.healed:
        if not evidence.samples or evidence.samples[-1].at <= healed_at:
            problems.append(f"nothing was observed after {what}")
            continue
        took = max(_moves_again(evidence, healed_at, kind) for kind in (1, 2))
        slowest = max(slowest, took)
        if took > RECOVERY_SECONDS:
            problems.append(f"{took:.0f} s after {what}")
    return verdict(problems, f"{slowest:.1f} s" if evidence.healed else "no fault")


def _moves_again(evidence: Evidence, healed_at: float, kind: int) -> float:
    sums = [(sample.at, sum(sample[kind].values())) for sample in evidence.samples]  # type: ignore[attr-defined]
    before = max((total for at, total in sums if at <= healed_at), default=0)
    if not sums or sums[-1][1] <= before:
        return 0.0  # it had come to the end
    return next(at for at, total in sums if at > healed_at and total > before) - healed_at


def memory_bounded(evidence: Evidence) -> Finding:
    """No process ever takes more than its limit."""
    peaks = {kind: size / 1e6 for kind, size in evidence.peak_bytes.items()}
    problems = [f"{kind} took {peak:.0f} MB" for kind, peak in peaks.items() if peak > PEAK_MB[kind]]
    return verdict(problems, ", ".join(f"{kind} {peak:.0f} MB" for kind, peak in sorted(peaks.items())))


def nothing_stuck(evidence: Evidence) -> Finding:
    """No lag is left, and no transaction is open on any topic."""
    problems = [f"{at} has an open transaction, {length} offsets" for at, length in evidence.open_transactions.items()]
    problems += [
        f"lag {lag} of the {name}" for name, lag in zip(("workers", "sinks"), evidence.lag, strict=True) if lag
    ]
    return verdict(problems, f"{len(evidence.samples)} samples")


def metrics_agree(evidence: Evidence) -> Finding:
    """Counters of the processes against the topics: equal when all ended in order, never more when some were killed."""
    counted: Counter[str] = Counter()
    for account in evidence.accounts:
        counted.update(account["counters"] if account else {})
    right = {f"touchstone_worker_inputs_total|topic={topic}": 0 for topic in {at[0] for at in evidence.inputs}}
    for at in evidence.inputs:
        right[f"touchstone_worker_inputs_total|topic={at[0]}"] += 1
    right["touchstone_worker_outputs_total|topic=cx-actions"] = len(evidence.outputs["cx-actions"])
    letters = sum(1 for letter in evidence.letters if letter.by != SINK)
    refused = sum(n for name, n in counted.items() if name.startswith("touchstone_worker_dead_letters_total"))
    differ = (lambda a, b: a != b) if evidence.exact else (lambda a, b: a > b)
    problems = [
        f"{name} is {counted[name]:.0f}, the topic has {n}" for name, n in right.items() if differ(counted[name], n)
    ]
    if differ(refused, letters):
        problems.append(f"{refused:.0f} dead letters counted, {letters} written")
    rows = sum(n for name, n in (evidence.sink_counters or {}).items() if "sink_rows_total" in name)
    there = sum(map(len, evidence.rows.values()))
    if evidence.sink_counters is not None and rows != there:
        problems.append(f"the sink counted {rows:.0f} rows, there are {there}")
    return verdict(problems, "equal" if evidence.exact else "not more")


def reader_agrees(evidence: Evidence) -> Finding:
    """A read-committed subscriber that read along saw each action once, in order, and exactly those that stay."""
    places = [one.place for one in evidence.seen]
    there = {one.place for one in evidence.outputs["cx-actions"]}
    problems = [f"it saw {at} {n} times" for at, n in Counter(places).items() if n > 1]
    problems += [f"it saw {at}, which is gone" for at in sorted(set(places) - there)]
    problems += [f"it did not see {at}" for at in sorted(there - set(places))]
    last: dict[int, int] = {}
    for _, partition, offset in places:
        if offset < last.get(partition, -1):
            problems.append(f"partition {partition}: {offset} after {last[partition]}")
        last[partition] = offset
    return verdict(problems, f"{len(places)} seen")


def revisions_once(evidence: Evidence) -> Finding:
    """Each action's revisions count up from 1, each once: what was done twice would repeat one."""
    revisions: dict[str, list[int]] = {}
    for one in evidence.outputs["cx-actions"]:
        action = CODEC.decode(one.value, Action)
        revisions.setdefault(action.action_id, []).append(action.revision)
    if evidence.job == "relay":  # it revises nothing, and answers each message that was sent
        sent = evidence.log.sent
        problems = [
            f"{name}: {len(seen)} times" for name, seen in revisions.items() if len(seen) > sent.get(name[2:], 0)
        ]
    else:
        counted = {name: list(range(1, len(seen) + 1)) for name, seen in revisions.items()}
        problems = [f"{name}: revisions {seen}" for name, seen in revisions.items() if seen != counted[name]]
    return verdict(problems, f"{len(revisions)} actions")


LAWS: Final[dict[str, Law]] = {
    "none lost": none_lost,
    "conserved": conserved,
    "none doubled": none_doubled,
    "none invented": none_invented,
    "outputs stored": outputs_stored,
    "revisions once": revisions_once,
    "reader agrees": reader_agrees,
    "recovered": recovered,
    "memory": memory_bounded,
    "not stuck": nothing_stuck,
    "metrics agree": metrics_agree,
}
