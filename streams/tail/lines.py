"""What has been decoded → one line for a person: when it arrived, whom it is about, what it says; colours on a terminal."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from rich.text import Text

from schemas.json_form import instant
from streams.tail.decode import Shown

Document = dict[str, Any]

TEXT_CHARACTERS: Final = 80  # of what somebody said
EVIDENCE: Final = 3  # pieces that a line shows
LATE_SECONDS: Final = 60  # from here on the event's own time is told, too
_OUTCOMES: Final = {"failure": "red", "abandoned": "yellow", "success": "green"}
_EVENT_TIMES: Final = ("occurred_at", "decided_at", "changed_at")


def line(shown: Shown, *, with_topic: bool) -> Text:
    """One line, without its end. `with_topic`: several topics are shown."""
    text = Text(no_wrap=True)
    text.append(_time(shown.arrived_at_ms), "dim")
    if with_topic:
        text.append(f" {shown.topic}", "dim cyan")
    text.append(f" {_clean(shown.key if shown.key is not None else shown.key_hex or '-')}", "bold")
    if shown.refused is not None:
        _refused(text, shown.refused)
    if shown.stream_time is not None:
        text.append(f" stream time {_time(shown.stream_time // 1000)}", "dim")
    if shown.value is not None and shown.problem is None:
        _body(text, shown, shown.value)
    else:
        _broken(text, shown)
    return text


def _body(text: Text, shown: Shown, value: Document) -> None:
    retracted = bool(value.get("retracted", False))
    start = len(text)
    if retracted:
        text.append(" retracted:")
    for words, style in _PARTS.get(shown.record or "", _other)(value):
        text.append(f" {_clean(words)}", style)
    at = _event_time(value)
    if at is not None and abs(shown.arrived_at_ms / 1000 - at) > LATE_SECONDS:
        text.append(f" (event time {_time(int(at * 1000))})", "dim")
    if retracted:
        text.stylize("strike dim", start)


def _broken(text: Text, shown: Shown) -> None:
    if shown.problem is not None:
        text.append(f" {_clean(shown.problem)}", "red")
    if shown.value:
        text.append(f" as far as it goes: {_clean(_compact(shown.value))}", "dim")
    if shown.value_bytes is not None:
        dots = "…" if shown.hex is not None and len(shown.hex) < 2 * shown.value_bytes else ""
        text.append(f" {shown.value_bytes} bytes{f' {shown.hex}{dots}' if shown.hex else ''}", "dim")


def _refused(text: Text, refused: dict[str, str]) -> None:
    text.append(f" {_clean(refused['reason'])}", "bold red")
    if "detail" in refused:
        text.append(f" {_clean(refused['detail'])}", "red")
    place = "/".join(refused[name] for name in ("topic", "partition", "offset") if name in refused)
    text.append(f" from {_clean(place)}", "dim")


Parts = Iterable[tuple[str, str]]


def _touchpoint(value: Document) -> Parts:
    outcome = value.get("outcome", "unknown")
    yield value["touchpoint"], "bold"
    if outcome != "unknown":
        yield outcome, _OUTCOMES.get(outcome, "")
    yield from _named(value, "action")
    for name, word in (("waiting_seconds", "waited"), ("duration_seconds", "took")):
        if name in value:
            yield f"{word} {value[name]:g} s", ""
    yield from _money(value, "amount")
    yield from _named(value, "matter", "channel", "unit")


def _feedback(value: Document) -> Parts:
    yield value["kind"], "bold"
    if "score" in value:
        most = value.get("scale_max", 10.0 if value["kind"] == "nps" else None)
        yield f"{value['score']:g}{f'/{most:g}' if most is not None else ''}", "bold"
        if value.get("scale_direction") == "lower_is_better" and "scale_min" in value:
            yield f"({value['scale_min']:g} is best)", ""
    yield from _named(value, "dimension", "touchpoint", "matter")
    yield from _quoted(value)


def _customer(value: Document) -> Parts:
    yield from _named(value, "name", "tier", "owner", "unit", "language", "time_zone", "preferred_channel")
    if "consents" in value and isinstance(value["consents"], list):
        yield f"{len(value['consents'])} consents", ""


def _receipt(value: Document) -> Parts:
    yield value["status"], "bold"
    yield f"action {value['action_id']}", "dim"
    if "by" in value:
        yield f"by {value['by']}", ""
    yield from _money(value, "cost")
    yield from _named(value, "note")


def _action(value: Document) -> Parts:
    yield f"→ {value['audience']}", "bold cyan"
    yield value["kind"], "bold"
    yield value["origin"], "magenta" if value["origin"] == "said" else "blue"
    yield f"{value['score']:.2f}", _heat(value["score"])
    if value["revision"] > 1:
        yield f"revision {value['revision']}", "yellow"
    yield from _named(value, "step", "touchpoint", "matter", "unit", "assignee")
    yield from _money(value, "amount")
    if "due_at" in value:
        yield f"due {str(value['due_at'])[:19]}", ""
    yield from _evidence(value)


def _holdout(value: Document) -> Parts:
    yield f"not → {value['audience']}", "dim cyan"
    yield value["kind"], "bold"
    yield f"held out for {value['experiment']}", "yellow"
    if value["revision"] > 1:
        yield f"revision {value['revision']}", "yellow"
    yield from _named(value, "rule", "touchpoint", "matter")


def _suppression(value: Document) -> Parts:
    yield f"not → {value['audience']}", "dim cyan"
    yield value["kind"], "bold"
    yield f"{value['reason']}: {value['detail']}" if "detail" in value else value["reason"], "yellow"
    if value["revision"] > 1:
        yield f"revision {value['revision']}", "yellow"
    yield from _named(value, "rule", "touchpoint", "matter")


def _episode(value: Document) -> Parts:
    yield value["state"], {"open": "bold red", "treated": "yellow", "closed": "green"}.get(value["state"], "bold")
    yield value["stage"], ""
    yield f"{value['score']:.2f} of {value['peak_score']:.2f}", _heat(value["score"])
    yield f"{value['journey']}/{value['touchpoint']} {value['cause']}", ""
    if value["reopened"]:
        yield f"re-opened {value['reopened']}×", "yellow"
    if value["missed"]:
        yield f"missed {value['missed']}×", "red"
    yield f"revision {value['revision']}", "dim"


def _experience(value: Document) -> Parts:
    yield f"{value['touchpoint']} {value['kind']}", "bold"
    for name in ("experience", "expectation", "satisfaction", "gap"):
        if name in value:
            yield f"{name} {value[name]:g}", ""
    yield f"score {value['score']:.2f}", _heat(value["score"])
    yield from _evidence(value)


def _cause(value: Document) -> Parts:
    yield f"{value['touchpoint']}: {value['cause']}", "bold"
    yield f"{value['origin']} {value['weight']:.2f}", ""
    yield f"by {value['subject_id']}", "dim"


def _control(value: Document) -> Parts:
    for name in ("pack", "unit", "limit", "incident", "usual_waiting"):
        if name in value:
            yield f"{name} {_compact(value[name])}", "bold"
    since = value["in_force_at"]
    yield f"in force from {'the beginning' if instant(since) == 0 else since}", ""


def _other(value: Document) -> Parts:
    yield _compact(value), ""


_PARTS: Final[dict[str, Callable[[Document], Parts]]] = {
    "touchpoint": _touchpoint,
    "feedback": _feedback,
    "customer": _customer,
    "action_update": _receipt,
    "action": _action,
    "notification": _action,
    "episode": _episode,
    "holdout": _holdout,
    "suppression": _suppression,
    "experience": _experience,
    "cause": _cause,
    "control": _control,
}


def _named(value: Document, *names: str) -> Parts:
    for name in names:
        if name in value:
            yield f"{name} {value[name]}", ""


def _money(value: Document, name: str) -> Parts:
    if name in value:
        yield f"{name} {value[name]} {value.get('currency', '')}".rstrip(), ""


def _quoted(value: Document) -> Parts:
    if "text" in value:
        words = str(value["text"])
        yield f"“{words[:TEXT_CHARACTERS]}{'…' if len(words) > TEXT_CHARACTERS else ''}”", "italic"


def _evidence(value: Document) -> Parts:
    pieces = value.get("evidence", [])
    if pieces:
        strongest = sorted(pieces, key=lambda piece: -piece["weight"])[:EVIDENCE]
        told = ", ".join(f"{piece['signal']} {piece['weight']:.2f}" for piece in strongest)
        more = f" and {len(pieces) - EVIDENCE} more" if len(pieces) > EVIDENCE else ""
        yield f"because {told}{more}", "dim"


def _heat(score: float) -> str:
    return "red" if score >= 0.66 else "yellow" if score >= 0.33 else "green"


def _compact(value: object) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()


def _clean(value: object) -> str:
    """Without what would move a terminal's cursor or break the line."""
    return "".join(character if character.isprintable() else " " for character in str(value))


def _event_time(value: Document) -> float | None:
    """Unix seconds."""
    for name in _EVENT_TIMES:
        if name in value and value[name] != 0:
            try:
                return instant(value[name]) / 1e6
            except ValueError:
                return None
    return None


def _time(ms: int) -> str:
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{ms} ms"
