"""What `touchstone gap` was asked, and the tables that answer it: one, or one for each unit, segment or customer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple, get_args

import msgspec

from schemas.events import FeedbackKind
from schemas.json_form import BadRecord, instant
from schemas.validate import LATEST
from streams.connect.level_table import read_levels
from streams.connect.rounds_file import beside, read_rounds
from streams.errors import ExitCode, UserError
from streams.experience import gap
from streams.experience.compiled import CompiledPack
from streams.experience.gap_answers import BY, VOICES, Answer, Answers, How, grouped, rows
from streams.experience.importance import METHOD, Derived, derived
from streams.experience.rounds import Played, play, unknown_rows
from streams.packs_folder import find_file
from streams.replay import gap_events
from streams.settings import Settings

IMPORTANCE: Final = ("stated", "derived")


class Asked(NamedTuple):
    """What the tables are to be."""

    by: tuple[str, ...]
    each: str | None
    weights: dict[str, float]
    derived: bool
    overall: FeedbackKind
    since: int | None
    until: int | None
    changes: dict[str, float]


class Group(msgspec.Struct, frozen=True):
    """A table with what it stands on. `of`: unit, segment or customer, None where there is but one table."""

    of: str | None
    levels: list[gap.Levels]
    table: gap.Table
    what_if: gap.Table | None
    answers: dict[str, int]
    voices: dict[str, dict[str, float]]
    importance: dict[str, Derived]


def asked(
    by: str,
    each: str | None,
    respondent: str,
    weigh: str | None,
    importance: str,
    overall: str,
    since: str | None,
    until: str | None,
    changes: dict[str, float],
) -> Asked:
    """Options as they were written. Raises UserError."""
    keys = tuple(one.strip() for one in by.split(","))
    for option, names in (("--by", keys), ("--each", () if each is None else (each,))):
        for name in names:
            _one_of(option, name, tuple(BY))
    _one_of("--respondent", respondent, VOICES)
    _one_of("--importance", importance, IMPORTANCE)
    _one_of("--overall", overall, get_args(FeedbackKind))
    return Asked(
        by=keys,
        each=each,
        weights={respondent: 1.0} if weigh is None else _weights(weigh),
        derived=importance == "derived",
        overall=next(kind for kind in get_args(FeedbackKind) if kind == overall),
        since=_instant("--since", since),
        until=_instant("--until", until),
        changes=changes,
    )


def _one_of(option: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        raise UserError(f"{option} {name}: there is no such thing", f"use one of {', '.join(known)}")


def _weights(text: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for part in text.split(","):
        voice, _, weight = part.partition("=")
        _one_of("--weigh", voice.strip(), VOICES)
        try:
            weights[voice.strip()] = float(weight)
        except ValueError:
            raise UserError(f"--weigh {part}: not voice=weight", "write --weigh customer=3,staff=1") from None
    if not all(0.0 <= one < 1e9 for one in weights.values()) or not any(weights.values()):
        raise UserError(f"--weigh {text}: weights cannot be negative, nor all of them 0", "write customer=3,staff=1")
    return weights


def _instant(option: str, text: str | None) -> int | None:
    try:
        return None if text is None else instant(text)
    except BadRecord as error:
        raise UserError(f"{option}: {error}", "write 2026-03-01T00:00:00Z") from None


def of_levels(file: Path | None, asked: Asked) -> list[Group]:
    """Of levels that somebody has put together. Raises UserError."""
    if file is None:
        raise UserError("--levels needs FILE", "touchstone gap examples/gap-levels.csv --levels")
    return [_group(None, Answers(read_levels(file), {}, {}), asked, {}, str(file))]


def of_answers(answers: Sequence[Answer], judge: CompiledPack, asked: Asked, where: str) -> list[Group]:
    """Of what was said and measured."""
    since, until = asked.since or 0, LATEST if asked.until is None else asked.until
    answers = [one for one in answers if since <= one.at < until]
    how = gap_events.how(judge, asked.weights)
    if asked.each is None:
        return [_of_answers(None, answers, asked, how, (), where)]
    segments = grouped(answers, "segment") if asked.each == "customer" else {}
    return [
        _of_answers(name, group, asked, how, segments.get(_segment_of(group), ()), where)
        for name, group in grouped(answers, asked.each).items()
    ]


def _segment_of(group: Sequence[Answer]) -> str:
    """The segment in which a customer was last; what nobody is in where that is not known."""
    return max(group, key=lambda one: one.at).segment or ""


def _of_answers(
    of: str | None, answers: Sequence[Answer], asked: Asked, how: How, above: Sequence[Answer], where: str
) -> Group:
    found = rows(answers, asked.by, how, above)
    importance = derived(answers, asked.by, asked.overall) if asked.derived else {}
    if asked.derived:
        found = found._replace(levels=[_with_importance(one, importance.get(one.name)) for one in found.levels])
    return _group(of, found, asked, importance, where)


def _with_importance(levels: gap.Levels, found: Derived | None) -> gap.Levels:
    """With --importance derived nothing that was stated stays: the two are not on one scale."""
    value = None if found is None else found.importance
    sources = (
        levels.sources
        if found is None or value is None
        else {**levels.sources, "importance": f"derived, {METHOD} {found.customers}"}
    )
    return msgspec.structs.replace(levels, importance=value, sources=sources)


def _group(of: str | None, found: Answers, asked: Asked, importance: dict[str, Derived], where: str) -> Group:
    names = {one.name for one in found.levels}
    changes = asked.changes if of is None else {name: to for name, to in asked.changes.items() if name in names}
    try:
        table = gap.table(found.levels)
        what_if = gap.what_if(found.levels, changes) if changes else None
    except ValueError as error:
        raise UserError(f"{where}: {error}", "levels and importance are 0 to 10, each row has one name") from None
    return Group(of, found.levels, table, what_if, found.counts, found.voices, importance)


def play_rounds(file: Path | None, pack: str, groups: Sequence[Group], settings: Settings) -> list[Played]:
    """Rounds on the one table that there is. Raises UserError."""
    if file is None and pack.endswith((".yaml", ".yml")):
        file = beside(find_file(pack, settings))
    if file is None:
        return []
    if len(groups) != 1:
        raise UserError(f"{file}: rounds are played on one table, not on {len(groups)}", "leave --each out")
    try:
        played = play(read_rounds(file), groups[0].levels)
    except ValueError as error:
        raise UserError(f"{file}: {error}", "levels and importance are 0 to 10") from None
    unknown = [line for one in played for line in unknown_rows(one)]
    if unknown:
        raise UserError(f"{file}: " + "\n".join(unknown), "a need is of a row of the table", exit_code=ExitCode.NO)
    return played
