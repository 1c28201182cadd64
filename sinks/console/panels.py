"""Which panels each page has, where their data come from, and what each template gets beside the answer to the page's question."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from schemas.events import ActionUpdate
from sinks.console.backlog import Backlog
from sinks.console.reader import Row
from sinks.console.scope import Scope
from sinks.console.spans import SPAN_US, SPANS
from sinks.console.topics import Known, Topics, packs_in_force
from sinks.console.words import Speech
from streams.replay.gap_live import VOICES, judged

ENDED_SHOWN_US: Final = SPANS * SPAN_US
TICKER_ROWS: Final = 10
SETTLED: Final = ("resolved", "declined")
CONTACT_IS_ENOUGH: Final = ("listen", "respond")  # steps whose time is kept once somebody has reached the customer


class Panel(NamedTuple):
    """`source`: clickhouse (the page's question), topics, or kafka."""

    id: str
    source: str
    column: str = ""  # on a wide screen: left, right, or all across


PAGES: Final[Mapping[str, tuple[Panel, ...]]] = {
    "now": (
        Panel("figures", "clickhouse"),
        Panel("behind", "kafka"),
        Panel("hurts", "clickhouse", "left"),
        Panel("heat", "clickhouse", "left"),
        Panel("incidents", "topics", "right"),
        Panel("actions", "clickhouse", "right"),
        Panel("ticker", "topics", "right"),
    ),
    "episodes": (Panel("episodes", "clickhouse"),),
    "customer": (
        Panel("person", "clickhouse", "left"),
        Panel("timeline", "clickhouse", "left"),
        Panel("levels", "clickhouse", "right"),
        Panel("why", "clickhouse", "right"),
    ),
    "touchpoints": (Panel("touchpoints", "clickhouse"),),
    "health": (
        Panel("groups", "kafka", "left"),
        Panel("throughput", "clickhouse", "left"),
        Panel("packs", "topics", "left"),
        Panel("letters", "clickhouse", "right"),
    ),
    "gap": (Panel("gap", "clickhouse"), Panel("rounds", "clickhouse")),
    "tasks": (Panel("tasks", "clickhouse"),),
}


class Seen(NamedTuple):
    """What a panel is made from. `data`: the answer's, None before there is one; `token`: subject → token of its address."""

    data: Any
    topics: Topics
    backlog: Backlog
    scope: Scope
    now_us: int
    t: Speech
    token: Callable[[str], str]
    changes: tuple[tuple[str, float], ...] = ()  # what if experience were so, by row


def context(panel: str, seen: Seen) -> dict[str, Any]:
    """What the panel's template gets beside `data`."""
    make = _CONTEXTS.get(panel)
    return make(seen) if make is not None else {}


def _figures(seen: Seen) -> dict[str, Any]:
    hurts = seen.data["hurts"]
    sums = {
        name: sum(row[column] for row in hurts)
        for name, column in (
            ("open", "open"),
            ("said", "open_said"),
            ("inferred", "open_inferred"),
            ("nobody", "nobody"),
            ("overdue", "overdue"),
        )
    }
    sums["overdue"] += seen.data["late_elsewhere"]
    sums["both"] = sums["open"] - sums["said"] - sums["inferred"]
    return {"sums": sums, **_incidents(seen)}


def _incidents(seen: Seen) -> dict[str, Any]:
    """Those of no unit are everybody's to know; how many customers they hit elsewhere is not."""
    known = [
        one
        for one in seen.topics.incidents.values()
        if not one.incident.retracted
        and (one.incident.unit is None or seen.scope.covers(one.incident.unit, seen.topics.units))
    ]
    found = sorted((one.incident for one in known), key=lambda one: one.started_at, reverse=True)
    told = with_news((seen.data or {}).get("told", ()), seen.topics.receipts)
    current = [one for one in found if one.ended_at is None or one.ended_at > seen.now_us]
    ended = [one for one in found if one.ended_at is not None and one.ended_at <= seen.now_us]
    here: Counter[str] = Counter()
    for row in (seen.data or {}).get("hurts", ()):
        here[row["touchpoint"]] += row["customers"]
    return {
        "incidents": current,
        "told": {one.incident.incident_id: _told_of(one, told) for one in known},
        "ended": [one for one in ended if (one.ended_at or 0) > seen.now_us - ENDED_SHOWN_US][:3],
        "scoped": not seen.scope.whole,
        "here": here,
    }


def _told_of(known: Known, told: Iterable[Row]) -> Row | None:
    """The action that tells of an incident: decided while it went on. None: ClickHouse has none yet, or it is not hers to see."""
    incident = known.incident
    ended_at = incident.ended_at or math.inf
    for row in told:  # the latest first
        same = (row["brand"], row["touchpoint"], row["cause"]) == (known.brand, incident.touchpoint, incident.cause)
        if same and incident.started_at <= row["decided_at"].timestamp() * 1e6 <= ended_at:
            return row
    return None


def _behind(seen: Seen) -> dict[str, Any]:
    groups = list(seen.backlog.groups.values())
    known = [group.seconds for group in groups if group.seconds is not None]
    absent = [group for group in groups if not group.members]
    return {"groups": groups, "lag_seconds": max(known, default=None), "absent": absent}


def _ticker(seen: Seen) -> dict[str, Any]:
    rows = []
    for one in reversed(tuple(seen.topics.told)):
        if seen.scope.covers(one.action.unit, seen.topics.units):
            person = one.action.subject_type in ("customer", "anonymous")
            token = seen.token(one.action.subject_id) if person else ""
            rows.append({"action": one.action, "arrived_ms": one.arrived_ms, "token": token})
        if len(rows) == TICKER_ROWS:
            break
    return {"told": rows}


def _episodes(seen: Seen) -> dict[str, Any]:
    rows = [{**row, "tasks": with_news(row["tasks"], seen.topics.receipts)} for row in seen.data["rows"]]
    return {"data": {**seen.data, "rows": rows}}


def _why(seen: Seen) -> dict[str, Any]:
    return {"data": {**seen.data, "actions": with_news(seen.data["actions"], seen.topics.receipts)}}


def _tasks(seen: Seen) -> dict[str, Any]:
    rows = [row for row in with_news(seen.data["rows"], seen.topics.receipts) if not row["settled"]]
    return {"data": {**seen.data, "rows": rows, "total": seen.data["total"] - (len(seen.data["rows"]) - len(rows))}}


def with_news(actions: Iterable[Row], receipts: Mapping[str, ActionUpdate]) -> list[Row]:
    """Actions with receipts that have come through the stream, and are not yet in ClickHouse, at their end.

    `settled`: nothing is left to be done; `met`: what had to be done by its time is done, settling it can wait.
    """
    found = []
    for action in actions:
        known = list(action["receipts"])
        news = receipts.get(action["action_id"])
        if news is not None:
            at = datetime.fromtimestamp(news.occurred_at / 1e6, UTC)
            same = known and known[-1]["status"] == news.status
            if not same and (not known or known[-1]["occurred_at"] <= at):
                known.append({"status": news.status, "by": news.by or "", "note": news.note or "", "occurred_at": at})
        status = known[-1]["status"] if known else ""
        settled = status in SETTLED
        met = settled or status == "compensated" or (status == "contacted" and action.get("step") in CONTACT_IS_ENOUGH)
        found.append({**action, "receipts": known, "settled": settled, "met": met})
    return found


def _levels(seen: Seen) -> dict[str, Any]:
    points = [{**point, "label": _moved(point, seen.t)} for point in seen.data["levels"]]
    now = datetime.fromtimestamp(seen.now_us / 1e6, UTC)
    if points and points[-1]["at"] < now:  # it holds until something moves it
        level = next((point["level"] for point in reversed(points) if point["what"] != "said"), None)
        points += [] if level is None else [{"at": now, "level": level, "what": "now", "label": ""}]
    return {"points": points}


def _moved(point: Row, t: Speech) -> str:
    if point["what"] == "signal":
        return f"{t.known('cause', point['cause'])} · {t.touchpoint(point['touchpoint'])}"
    if point["what"] == "said":
        return f"{t('origin.said')}: {t.known('said', point['cause'])} · {t.touchpoint(point['touchpoint'])}"
    return t(f"stage.{point['stage']}") if point["what"] == "stage" else t(f"state.{point['what']}")


def _groups(seen: Seen) -> dict[str, Any]:
    return {"groups": list(seen.backlog.groups.values()), "newest_ms": seen.backlog.newest_ms}


def _throughput(seen: Seen) -> dict[str, Any]:
    last = datetime.now(UTC).replace(second=0, microsecond=0)
    return {"minutes": [last - timedelta(minutes=number) for number in range(29, -1, -1)]}


def _packs(seen: Seen) -> dict[str, Any]:
    found = packs_in_force(seen.topics.packs.values(), seen.now_us)
    return {"packs": [found[brand] for brand in sorted(found)]}


def _gap(seen: Seen) -> dict[str, Any]:
    """The table, and what it would be if experience were as somebody asks."""
    found = seen.data["table"]
    changes = dict(seen.changes)
    table, what_if = judged(found.levels, changes)
    heard = [voice for voice in VOICES if any(voice in voices for voices in found.voices.values())]
    return {
        "table": table,
        "what_if": what_if,
        "changes": changes,
        "apart": heard if len(heard) > 1 else [],
        "sources": _sources(table.rows),
    }


def _sources(rows: Iterable[Any]) -> dict[tuple[str, str], list[str]]:
    """(cell, where it comes from) → rows, of cells that nobody who was asked has stated."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        for cell, source in row.sources.items():
            if source != "none":
                found.setdefault((cell, source), []).append(row.name)
    return found


def _rounds(seen: Seen) -> dict[str, Any]:
    return {"scoped": not seen.scope.whole}


def _letters(seen: Seen) -> dict[str, Any]:
    return {"scoped": not seen.scope.whole}


_CONTEXTS: Final[Mapping[str, Callable[[Seen], dict[str, Any]]]] = {
    "figures": _figures,
    "behind": _behind,
    "incidents": _incidents,
    "ticker": _ticker,
    "episodes": _episodes,
    "why": _why,
    "levels": _levels,
    "tasks": _tasks,
    "groups": _groups,
    "throughput": _throughput,
    "packs": _packs,
    "letters": _letters,
    "gap": _gap,
    "rounds": _rounds,
}
