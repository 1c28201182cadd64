"""All that is known of one customer: a timeline of all channels, the level of dissatisfaction, episodes, actions with evidence and what lost."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from sinks.console.reader import Ask, Row


class Words(NamedTuple):
    """A text in pieces; the marked ones are the words that gave a signal."""

    text: str
    marked: bool


def customer(ask: Ask, options: Mapping[str, str], now_us: int) -> dict[str, Any] | None:
    """None: nothing of this subject lies in the scope."""
    subject = options["subject"]
    if not ask("customer_seen", subject=subject)[0]["rows"]:
        return None
    events, said = ask("customer_events", subject=subject), ask("customer_said", subject=subject)
    actions, receipts = ask("customer_actions", subject=subject), ask("customer_receipts", subject=subject)
    revisions = ask("customer_episodes", subject=subject)
    texts = {one["event_id"]: one["text"] for one in said}
    places = {one["event_id"]: one["touchpoint"] for one in (*events, *said)}
    by_action = defaultdict(list)
    for receipt in reversed(receipts):
        by_action[receipt["action_id"]].append(receipt)
    spans = _spans(actions, said)
    for one in said:
        one["words"] = marked(one["text"], spans[one["event_id"]])
    for action in actions:
        action["evidence"] = [evidence(row, texts, places) for row in action.pop("evidence_rows")]
        action["losers"] = _losers(action.pop("loser_rows"))
        action["receipts"] = by_action[action["action_id"]]
    episodes = latest(revisions)
    return {
        "subject": subject,
        "name": next((one["name"] for one in actions if one["name"]), ""),
        "tier": next((one["tier"] for one in episodes if one["tier"]), ""),
        "unit": next((one["unit"] for one in episodes if one["unit"]), ""),
        "owner": next((one["owner"] for one in episodes if one["owner"]), ""),
        "episodes": episodes,
        "actions": actions,
        "timeline": timeline(events, said, actions, receipts, episodes),
        "levels": levels(revisions, said),
        "channels": sorted({one["channel"] for one in events if one["channel"]}),
    }


def marked(text: str, spans: list[tuple[int, int]]) -> list[Words]:
    """A text in pieces by spans (code points, end exclusive); spans may touch, overlap, or lie outside."""
    pieces, done = [], 0
    for start, end in sorted(spans):
        start, end = max(start, done), min(end, len(text))
        if end <= start:
            continue
        if start > done:
            pieces.append(Words(text[done:start], marked=False))
        pieces.append(Words(text[start:end], marked=True))
        done = end
    if done < len(text):
        pieces.append(Words(text[done:], marked=False))
    return pieces


def _spans(actions: list[Row], said: list[Row]) -> dict[str, list[tuple[int, int]]]:
    """Of each feedback, the words that any action names as evidence, and those that decided its tone."""
    found: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for action in actions:
        for row in action["evidence_rows"]:
            if row[5] is not None and row[6] is not None:
                found[row[0]].add((row[5], row[6]))
    for one in said:
        if one["text_start"] is not None and one["text_end"] is not None:
            found[one["event_id"]].add((one["text_start"], one["text_end"]))
    return defaultdict(list, {event: sorted(spans) for event, spans in found.items()})


def evidence(row: tuple[Any, ...], texts: Mapping[str, str], places: Mapping[str, str]) -> Row:
    """A row of evidence with the words that it points at."""
    event_id, at, signal, origin, weight, start, end, detail = row
    text = texts.get(event_id, "")
    spans = [(start, end)] if start is not None and end is not None else []
    return {
        "event_id": event_id,
        "at": at,
        "signal": signal,
        "origin": origin,
        "weight": weight,
        "detail": detail,
        "touchpoint": places.get(event_id, ""),
        "words": marked(text, spans) if text else [],
    }


def _losers(rows: list[tuple[str, str, str, str]]) -> list[Row]:
    return [{"kind": kind, "reason": reason, "detail": detail, "rule": rule} for kind, reason, detail, rule in rows]


def latest(revisions: list[Row]) -> list[Row]:
    """Each episode as it stands now, the newest first; those that are no longer derived are left out."""
    newest: dict[str, Row] = {}
    for row in revisions:
        if row["episode_id"] not in newest or row["revision"] >= newest[row["episode_id"]]["revision"]:
            newest[row["episode_id"]] = row
    found = [{**row, "losers": _losers(row["loser_rows"])} for row in newest.values() if not row["retracted"]]
    return sorted(found, key=lambda row: row["opened_at"], reverse=True)


def levels(revisions: list[Row], said: list[Row]) -> list[Row]:
    """Points of the curve: the level after each change, with what moved it: the heaviest evidence that was not there before.

    Of several episodes at a time the worst counts. What was said is a point of its own, beside the curve.
    """
    points = []
    known: dict[str, set[tuple[str, str]]] = defaultdict(set)
    now: dict[str, float] = {}
    for row in sorted(revisions, key=lambda one: (one["changed_at"], one["episode_id"], one["revision"])):
        if row["retracted"]:
            now.pop(row["episode_id"], None)
            continue
        now[row["episode_id"]] = 0.0 if row["state"] == "closed" else row["score"]
        have = {(one[0], one[2]) for one in row["evidence_rows"]}
        new = [one for one in row["evidence_rows"] if (one[0], one[2]) not in known[row["episode_id"]]]
        cause = max(new, key=lambda one: float(one[4]))[2] if new else ""
        known[row["episode_id"]] |= have
        what = "signal" if cause else row["state"] if row["state"] != "open" else "stage"
        level = max(now.values())
        points.append({"at": row["changed_at"], "level": level, "cause": cause, "what": what, **_place(row)})
    for one in said:
        if one["found"]:
            place = {"touchpoint": one["touchpoint"], "stage": ""}
            points.append(
                {"at": one["occurred_at"], "level": one["level"], "cause": one["kind"], "what": "said", **place}
            )
    return sorted(points, key=lambda point: point["at"])


def _place(row: Row) -> Row:
    return {"touchpoint": row["touchpoint"], "stage": row["stage"]}


def timeline(
    events: list[Row], said: list[Row], actions: list[Row], receipts: list[Row], episodes: list[Row]
) -> list[Row]:
    """Everything in one order, the latest first."""
    told = {action["action_id"]: action for action in actions}
    rows = [{"what": "event", "at": one["occurred_at"], **one} for one in events]
    rows += [{"what": "said", "at": one["occurred_at"], **one} for one in said]
    rows += [{"what": "action", "at": one["decided_at"], **one} for one in actions]
    rows += [
        {"what": "receipt", "at": one["occurred_at"], "kind": told.get(one["action_id"], {}).get("kind", ""), **one}
        for one in receipts
    ]
    rows += [{"what": "opened", "at": one["opened_at"], **one} for one in episodes]
    rows += [{"what": "closed", "at": one["closed_at"], **one} for one in episodes if one["closed_at"] is not None]
    order = {"event": 0, "said": 1, "opened": 2, "action": 3, "receipt": 4, "closed": 5}
    return sorted(rows, key=lambda row: (row["at"], order[row["what"]]), reverse=True)
