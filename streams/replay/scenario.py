"""A pack's scenario run against its expected actions: rules are tested like code.

Beside `mine.yaml` stand `mine.scenario.jsonl` (events, as `decide` reads them) and `mine.expected.jsonl`: a line an action that must
follow, and no other. A line may leave out what it does not care about; `subject` and `rule` are needed.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from schemas.decisions import Action, Episode, Experience
from schemas.json_form import BadRecord, instant, instant_text
from streams.errors import UserError
from streams.replay.decide import Decided

UNTIL: Final = "+72h"
_BYTES_MAX: Final = 16 << 20
_INSTANTS: Final = ("at", "due_at", "deliver_not_before_at")


class Until(msgspec.Struct, forbid_unknown_fields=True):
    """First line of the expected actions: how long time goes on after the last event."""

    until: str


class Line(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """An action, as it is expected or as it came. `because`: its signals, the heaviest evidence first."""

    at: str | None = None
    subject: str
    rule: str
    audience: str | None = None
    kind: str | None = None
    channel: str | None = None
    origin: str | None = None
    score: float | None = None
    because: list[str] | None = None
    amount: str | None = None
    due_at: str | None = None
    deliver_not_before_at: str | None = None
    text: str | None = None


class Expected(NamedTuple):
    """`lines`: with their number in the file."""

    until: str
    lines: list[tuple[int, Line]]


class Difference(NamedTuple):
    """`fields`: name → (expected, came); `line` of the expected action; `why` a missing action lost, where that is known."""

    what: Literal["missing", "unexpected", "different"]
    action: Line
    line: int | None
    fields: dict[str, tuple[Any, Any]]
    why: str | None


def scenario_of(pack: Path) -> Path:
    """The events beside a pack."""
    return pack.with_suffix(".scenario.jsonl")


def expected_of(pack: Path) -> Path:
    """The expected actions beside a pack."""
    return pack.with_suffix(".expected.jsonl")


def read_expected(path: Path) -> Expected:
    """Raises UserError with file and line."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}", "`touchstone packs test --write` writes it") from None
    if len(content) > _BYTES_MAX:
        raise UserError(f"{path} is larger than {_BYTES_MAX >> 20} MiB", "make the scenario smaller")
    until, found = UNTIL, []
    for number, text in enumerate(content.splitlines(), 1):
        if not text.strip():
            continue
        try:
            if number == 1 and b'"until"' in text:
                until = msgspec.json.decode(text, type=Until).until
            else:
                found.append((number, _checked(msgspec.json.decode(text, type=Line))))
        except (msgspec.DecodeError, BadRecord, UnicodeDecodeError) as error:
            fix = f'write {{"subject": …, "rule": …}}; further fields are {", ".join(Line.__struct_fields__)}'
            raise UserError(f"{path}:{number}: {error}", fix) from None
    return Expected(until, found)


def _checked(line: Line) -> Line:
    for name in _INSTANTS:
        if getattr(line, name) is not None:
            setattr(line, name, instant_text(instant(getattr(line, name))))
    return line


def came(decided: Iterable[Decided]) -> list[Line]:
    """The actions in force at the end, in order of time."""
    held = {one.action_id: one for one in decided if isinstance(one, Action)}
    lines = [_line(one) for one in held.values() if not one.retracted]
    return sorted(lines, key=lambda line: (line.at or "", line.subject, line.rule))


def _line(action: Action) -> Line:
    return Line(
        at=instant_text(action.decided_at),
        subject=action.subject_id,
        rule=action.rule,
        audience=action.audience,
        kind=action.kind,
        channel=action.channel,
        origin=action.origin,
        score=round(action.score, 2),
        because=list(dict.fromkeys(row.signal for row in action.evidence)),
        amount=None if action.amount is None else f"{action.amount.normalize():f}",
        due_at=None if action.due_at is None else instant_text(action.due_at),
        deliver_not_before_at=None
        if action.deliver_not_before_at is None
        else instant_text(action.deliver_not_before_at),
        text=action.text,
    )


def written(until: str, lines: Sequence[Line]) -> str:
    """The file of expected actions."""
    rows = (Until(until), *lines)
    return "".join(f"{msgspec.json.format(msgspec.json.encode(row), indent=0).decode()}\n" for row in rows)


def compare(expected: Expected, lines: Sequence[Line], decided: Iterable[Decided]) -> list[Difference]:
    """What differs, by subject and time."""
    lost = _losers(decided)
    left = list(lines)
    found = []
    for number, line in sorted(expected.lines, key=lambda one: one[1].at is None):  # who says when may choose first
        match = _match(line, left)
        if match is None:
            found.append(Difference("missing", line, number, {}, lost.get((line.subject, line.rule))))
            continue
        left.remove(match)
        if fields := dict(_fields(line, match)):
            found.append(Difference("different", match, number, fields, None))
    found += [Difference("unexpected", line, None, {}, None) for line in left]
    return sorted(found, key=lambda one: (one.action.subject, one.action.at or "", one.action.rule, one.what))


def _match(line: Line, left: Sequence[Line]) -> Line | None:
    """The action that a line means: the same in most fields, then the earliest."""
    same = [one for one in left if (one.subject, one.rule) == (line.subject, line.rule)]
    return min(same, key=lambda one: (one.at != line.at, len(dict(_fields(line, one)))), default=None)


def _fields(line: Line, one: Line) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name in Line.__struct_fields__:
        wanted, got = getattr(line, name), getattr(one, name)
        if name == "score" and wanted is not None and got is not None and abs(wanted - got) < 0.0051:
            continue  # the file holds two decimals
        if wanted is not None and wanted != got:
            yield name, (wanted, got)


def _losers(decided: Iterable[Decided]) -> dict[tuple[str, str], str]:
    """(subject, rule) → why it lost."""
    return {
        (one.subject_id, loser.rule): f"{loser.reason}{f' ({loser.detail})' if loser.detail else ''}"
        for one in decided
        if isinstance(one, Action | Episode | Experience)
        for loser in one.losers
    }
