"""The gap table of what is in ClickHouse now, for pages: means by voice and row, and the events that measures read.

The same table as `touchstone gap`: a mean by voice stands for the answers that it was made of, so voices stay apart and an
empty cell stays empty.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from schemas.events import Touchpoint
from streams.connect.rounds_file import SUFFIX, beside, read_rounds
from streams.errors import UserError
from streams.experience import gap
from streams.experience.compiled import CompiledPack
from streams.experience.gap_answers import MEASURED, NONE, VOICES, Answer, How, Segments, measured, rows
from streams.experience.measures import promised_levels, readings
from streams.experience.rounds import Played, play, unknown_rows
from streams.packs_folder import find, find_file
from streams.replay.gap_events import TIER, as_of
from streams.settings import Settings

__all__ = [
    "KEYS", "NONE", "TIER", "VOICES", "LiveTable", "Played", "Spoken",
    "as_of", "judge", "judged", "live_table", "measuring", "rounds",
]  # fmt: skip

KEYS: Final = (
    "dimension",
    "reason",
    "touchpoint",
    "journey",
    "unit",
    "segment",
)  # what rows can be of, alone or several


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """What one voice says of one row. `touchpoint`: the row's, or the only one of its answers; empty: several."""

    voice: str
    answers: int
    touchpoint: str = ""
    dimension: str = ""
    reason: str = ""
    journey: str = ""
    unit: str = ""
    segment: str = ""
    experience: float | None = None
    expectation: float | None = None
    satisfaction: float | None = None
    importance: float | None = None
    ideal: float | None = None
    nothing_expected: bool = False


class LiveTable(NamedTuple):
    """Rows with what they stand on: answers (or measurements) by row, and what each voice says of its experience."""

    levels: list[gap.Levels]
    counts: dict[str, int]
    voices: dict[str, dict[str, float]]


def live_table(
    spoken: Iterable[Spoken],
    events: Iterable[Touchpoint],
    pack: CompiledPack | None,
    by: Sequence[str],
    voice: str,
    segment: Segments = lambda customer, at: None,
    only: str | None = None,
) -> LiveTable:
    """Rows by these keys, filled with the word of one voice; what was measured stands in where it says nothing.

    `segment`: what customers were in when something was measured; `only`: what was spoken is of this segment, of what was
    measured no other counts.
    """
    told = list(spoken)
    answers = [_answer(one) for one in told]
    if pack is not None:
        found_out = measured(readings(events, pack), pack, segment)
        answers += found_out if only is None else [one for one in found_out if (one.segment or NONE) == only]
    how = How(weights={voice: 1.0})
    if pack is not None:
        how = How(weights={voice: 1.0}, measures=pack.file.measures, promises=promised_levels(pack))
    found = rows(answers, by, how)
    heard = {_row(one, by): one.answers for one in told if one.voice == voice}
    counts = {
        one.name: heard[one.name] if one.sources.get("experience") != MEASURED and one.name in heard else found.counts[one.name]
        for one in found.levels
    }  # fmt: skip
    return LiveTable(found.levels, counts, found.voices)


def judged(levels: Sequence[gap.Levels], changes: Mapping[str, float]) -> tuple[gap.Table, gap.Table | None]:
    """The table, and the one that it would be if experience were so; changes of rows that are not there count nothing."""
    names = {one.name for one in levels}
    known = {name: level for name, level in changes.items() if name in names}
    return gap.table(levels), gap.what_if(levels, known) if known else None


def measuring(pack: CompiledPack) -> list[str]:
    """Touchpoints whose events the pack's measures read."""
    named = [name for one in pack.file.measures.values() for name in (one.touchpoint, one.since) if name]
    return sorted(set(named))


def judge(name: str, settings: Settings) -> CompiledPack | None:
    """A pack by its name; None: this process does not have it, or cannot use it."""
    try:
        return find(name, settings)
    except UserError:
        return None


def rounds(name: str, settings: Settings, levels: Sequence[gap.Levels]) -> list[Played]:
    """Steps 5 to 7 out of NAME.rounds.yaml, in the folder of one's own packs or beside the pack. Raises UserError."""
    file = _rounds_file(name, settings)
    if file is None:
        return []
    played = play(read_rounds(file), levels)
    unknown = [line for one in played for line in unknown_rows(one)]
    if unknown:
        raise UserError(f"{file.name}: {'; '.join(unknown)}", "a need is of a row of the table: choose other rows")
    return played


def _rounds_file(name: str, settings: Settings) -> Path | None:
    mine = settings.core_packs / f"{name}{SUFFIX}" if settings.core_packs is not None else None
    return mine if mine is not None and mine.is_file() else beside(find_file(name, settings))


def _answer(one: Spoken) -> Answer:
    """Its means as one answer: alone in its voice and row, it is their mean."""
    return Answer(
        voice=one.voice,
        at=0,
        customer=None,
        unit=one.unit or None,
        journey=one.journey or None,
        touchpoint=one.touchpoint,
        dimension=one.dimension or None,
        reason=one.reason or None,
        segment=one.segment or None,
        experience=_known(one.experience),
        expectation=_known(one.expectation),
        importance=_known(one.importance),
        ideal=_known(one.ideal),
        satisfaction=_known(one.satisfaction),
        expects="none" if one.nothing_expected else "unknown",
    )


def _known(level: float | None) -> float | None:
    """A mean of nothing is no number."""
    return level if level is not None and isfinite(level) else None


def _row(one: Spoken, by: Sequence[str]) -> str:
    return "/".join(getattr(one, key) or NONE for key in by)
