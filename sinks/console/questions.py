"""What can be asked: each question is some queries of sql/ and what is made of their rows. No words, no HTML: those are the pages'."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sinks.console.customer import customer
from sinks.console.reader import Answering, Ask, Row
from sinks.console.spans import DAY_US, RECENT_US, SPANS, stretch

EPISODES_MAX: Final = 200
TASKS_MAX: Final = 100
LETTERS_MAX: Final = 100
FILTERS: Final = ("brand", "unit", "touchpoint", "cause", "tier", "origin", "stage", "state", "sort")
NOT_STAFF: Final = ("customers",)  # audiences whose actions go out by themselves


def now(ask: Ask, options: Mapping[str, str], now_us: int) -> dict[str, Any]:
    """Where it hurts, since when, who is told, how soon."""
    shown = stretch(now_us)
    recent = now_us - RECENT_US
    hurts = ask("now_open", recent=recent, day=now_us - DAY_US, not_staff=NOT_STAFF)
    with_usual(hurts, recent)
    late = ask("now_late", not_staff=NOT_STAFF)[0]["late"]
    return {
        "hurts": hurts,
        "late_elsewhere": max(0, late - sum(row["late_tasks"] for row in hurts)),
        "signals": signals(ask("now_signals", **shown.parameters())),
        "actions": actions(ask("now_actions", **shown.parameters())),
        "latency": ask("now_latency")[0],
        "letters": ask("now_letters")[0],
        "told": told_of_incidents(ask, now_us - DAY_US),
        "starts": shown.starts(),
    }


def told_of_incidents(ask: Ask, since_us: int) -> list[Row]:
    """What was told about incidents, each with what became of it."""
    told = ask("now_incidents", day=since_us)
    with_receipts(ask, told, _ids(told, "subject_id"))
    return told


def with_usual(hurts: list[Row], recent_us: int) -> None:
    """Adds what is usual in a time as long as "just now": the mean of the day before it, as far as there was one; None: too little to say."""
    first = min((us(row["first_at"]) for row in hurts if row["before"]), default=None)
    windows = 0.0 if first is None else (recent_us - first) / RECENT_US
    for row in hurts:
        row["usual"] = row["before"] / windows if windows >= 1 else None
        usual = row["usual"] or 0.0
        row["hot"] = row["recent"] >= 3 and row["recent"] >= 2 * usual


def signals(rows: list[Row]) -> list[Row]:
    """One row a touchpoint: counts by span for said and for inferred, the worst first."""
    found: dict[str, Row] = {}
    for row in rows:
        name = row["touchpoint"]
        one = found.setdefault(
            name,
            {
                "touchpoint": name,
                "journey": row["journey"],
                "total": 0,
                "causes": Counter[str](),
                "said": [None] * SPANS,
                "inferred": [None] * SPANS,
            },
        )
        one[row["origin"]][row["span"]] = (row["signals"], row["cause"])
        one["total"] += row["signals"]
        one["causes"][row["cause"]] += row["signals"]
    for one in found.values():
        one["cause"] = max(sorted(one["causes"].items()), key=lambda each: each[1])[0]
    return sorted(found.values(), key=lambda one: (-one["total"], one["touchpoint"]))


def actions(rows: list[Row]) -> list[Row]:
    """One row an audience: actions by span for each origin."""
    found: dict[str, Row] = {}
    for row in rows:
        one = found.setdefault(
            row["audience"],
            {"audience": row["audience"], "said": [0] * SPANS, "inferred": [0] * SPANS, "both": [0] * SPANS},
        )
        if 0 <= row["span"] < SPANS and row["origin"] in one:
            one[row["origin"]][row["span"]] += row["actions"]
    return sorted(found.values(), key=lambda one: one["audience"])


def episodes(ask: Ask, options: Mapping[str, str], now_us: int) -> dict[str, Any]:
    """Open episodes, the most urgent first, each with its actions and what became of them."""
    rows = ask(
        "episodes_open", rows=EPISODES_MAX, not_staff=NOT_STAFF, **{name: options.get(name, "") for name in FILTERS}
    )
    found: dict[str, list[Row]] = defaultdict(list)
    if rows:
        ids, subjects = _ids(rows, "episode_id"), _ids(rows, "subject_id")
        told = ask("actions_of_episodes", episodes=ids, subjects=subjects)
        with_receipts(ask, told, subjects)
        for action in told:
            found[action["episode_id"]].append(action)
    for row in rows:
        row["tasks"] = [one for one in found[row["episode_id"]] if one["audience"] not in NOT_STAFF]
        row["name"] = next((one["name"] for one in found[row["episode_id"]] if one["name"]), "")
    return {"rows": rows, "total": rows[0]["total"] if rows else 0, "choices": ask("episode_choices")[0]}


def with_receipts(ask: Ask, told: list[Row], subjects: tuple[str, ...]) -> None:
    """Adds `receipts` to actions, oldest first."""
    done: dict[str, list[Row]] = defaultdict(list)
    if told:
        for receipt in ask("receipts_of_actions", actions=_ids(told, "action_id"), subjects=subjects):
            done[receipt["action_id"]].append(receipt)
    for action in told:
        action["receipts"] = sorted(done[action["action_id"]], key=lambda one: one["occurred_at"])


def tasks(ask: Ask, options: Mapping[str, str], now_us: int) -> dict[str, Any]:
    """What one member of staff has to do, and what nobody has been named for."""
    rows = ask("tasks", rows=TASKS_MAX, not_staff=NOT_STAFF, staff=options.get("staff", ""))
    for row in rows:
        latest = {"status": row["status"], "by": row["status_by"], "note": "", "occurred_at": row["decided_at"]}
        row["receipts"] = [latest] if row["status"] else []
    return {"rows": rows, "total": rows[0]["total"] if rows else 0}


def touchpoints(ask: Ask, options: Mapping[str, str], now_us: int) -> dict[str, Any]:
    """Levels and volumes by touchpoint, of the time that charts show."""
    shown = stretch(now_us)
    rows = ask("touchpoints_volume", **shown.parameters())
    levels = defaultdict(list)
    for level in ask("touchpoints_levels", since=shown.since):
        levels[level["touchpoint"]].append(level)
    waits: dict[str, list[float | None]] = defaultdict(lambda: [None] * SPANS)
    for one in ask("touchpoints_waiting", **shown.parameters()):
        if 0 <= one["span"] < SPANS:
            waits[one["touchpoint"]][one["span"]] = one["waiting_p90"]
    known = {row["touchpoint"] for row in rows}
    rows += [{"touchpoint": name, "contacts": 0} for name in levels if name not in known]
    for row in rows:
        row["levels"] = merged(levels[row["touchpoint"]])
        volume, bad = row.get("by_span", {}), row.get("bad_by_span", {})
        row["waits"] = waits.get(row["touchpoint"])
        row["trend"] = [bad.get(n, 0) / volume[n] if volume.get(n) else None for n in range(SPANS)]
    return {"rows": rows, "since": shown.since, "key": key_experience(rows)}


def key_experience(rows: Iterable[Row]) -> str | None:
    """The touchpoint that disappoints most, weighted by its importance; one of unknown importance ranks by the middle of it."""
    weighted = [
        (level["satisfaction"] * (5.0 if level["importance"] is None else level["importance"]), row["touchpoint"])
        for row in rows
        if (level := row["levels"]) is not None and (level["satisfaction"] or 0.0) < 0.0
    ]
    lowest = min(weighted, default=(0.0, ""))
    return lowest[1] if lowest[0] < 0.0 else None


def merged(levels: list[Row]) -> Row | None:
    """One row of several journeys' means, weighed by their answers; None where nobody said anything."""
    if not levels:
        return None
    names = ("experience", "expectation", "satisfaction", "importance", "gap")
    found: Row = {"answers": sum(one["answers"] for one in levels)}
    for name in names:
        given = [(one[name], one["answers"]) for one in levels if one[name] is not None]
        weight = sum(answers for _, answers in given)
        found[name] = sum(value * answers for value, answers in given) / weight if weight else None
    return found


def health(ask: Ask, options: Mapping[str, str], now_us: int) -> dict[str, Any]:
    """Throughput, latency, refusals."""
    by_table: dict[str, list[tuple[Any, int]]] = defaultdict(list)
    for row in ask("health_throughput"):
        by_table[row["what"]].append((row["minute"], row["messages"]))
    return {
        "throughput": sorted(by_table.items()),
        "reasons": ask("health_letters"),
        "letters": ask("letters", rows=LETTERS_MAX),
        "latency": ask("now_latency")[0],
    }


def letter(ask: Ask, options: Mapping[str, str], now_us: int) -> Row | None:
    """One refused message with its bytes."""
    place = {"letter_partition": int(options["partition"]), "letter_offset": int(options["offset"])}
    rows = ask("letter_one", letter_topic=options["topic"], **place)
    return rows[0] if rows else None


def action(ask: Ask, options: Mapping[str, str], now_us: int) -> Row | None:
    """The action that a receipt is to be about; None: there is none that somebody of this scope may see."""
    rows = ask("action_one", action=options["action"])
    return rows[0] if rows else None


def subjects(ask: Ask, options: Mapping[str, str], now_us: int) -> list[str]:
    """Subjects of the scope, the latest first."""
    return [row["subject_id"] for row in ask("customer_find")]


def seen(ask: Ask, options: Mapping[str, str], now_us: int) -> bool:
    """Does anything of this subject lie in the scope?"""
    return bool(ask("customer_seen", subject=options["subject"])[0]["rows"])


def us(at: Any) -> int:
    """µs of what the driver gives for an instant."""
    return int(at.timestamp() * 1_000_000)


def _ids(rows: list[Row], name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row[name] for row in rows))


QUESTIONS: Final[Mapping[str, Answering]] = {
    "now": now,
    "episodes": episodes,
    "tasks": tasks,
    "touchpoints": touchpoints,
    "health": health,
    "letter": letter,
    "action": action,
    "subjects": subjects,
    "seen": seen,
    "customer": customer,
}
