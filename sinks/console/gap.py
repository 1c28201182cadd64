"""The gap table's question: what customers, staff and management say and what was measured, by row; needs and initiatives.

One brand at a time, judged by its pack in force. Cheap where answers are few beside contacts; of the events that measures
read the newest count.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from schemas.events import Touchpoint
from sinks.console.reader import Ask, Row
from sinks.console.scope import Scope
from sinks.console.topics import Pack, Topics, packs_in_force
from streams.errors import UserError
from streams.replay import gap_live
from streams.settings import Settings

ROWS: Final = (
    "dimension",
    "dimension,reason",
    "touchpoint",
    "touchpoint,dimension",
    "journey",
    "unit",
    "unit,dimension",
    "unit,touchpoint",
    "unit,touchpoint,dimension",
    "segment",
    "segment,dimension",
    "segment,touchpoint",
)
SPANS_US: Final = {"2h": 7_200_000_000, "24h": 86_400_000_000, "7d": 604_800_000_000, "30d": 2_592_000_000_000}
SPAN: Final = "7d"  # until another is chosen
OPTIONS: Final = ("brand", "unit", "by", "voice", "span", "segment_by", "segment")
CHANGE: Final = "if."  # begins a parameter of an address: what if experience were so, `if.payment=9`
NO_BRAND: Final = "–"  # in addresses
NO_SEGMENT: Final = gap_live.NONE
CHANGES_MAX: Final = 50
EVENTS_MAX: Final = 20_000
LEVEL_MAX: Final = 10.0
_TEXTS: Final = (
    "outcome",
    "touchpoint",
    "subject_type",
    "subject_id",
    "event_id",
    "waiting_seconds",
    "duration_seconds",
)


class Chosen(NamedTuple):
    """What is looked at. `by`: what makes a row; `segment_by`: what makes segments; `segment`: the only one, empty: all."""

    by: tuple[str, ...]
    voice: str
    span: str
    brand: str
    unit: str
    segment_by: str
    segment: str

    @property
    def asks_for(self) -> str:
        """What makes segments, where the table needs it."""
        return self.segment_by if self.segment or "segment" in self.by else ""


class Gap:
    """Called by the reader. `topics`: packs in force and units."""

    def __init__(self, settings: Settings, topics: Topics) -> None:
        self._settings, self._topics = settings, topics
        self._judge = lru_cache(maxsize=16)(lambda name: gap_live.judge(name, settings))

    def __call__(self, ask: Ask, options: Mapping[str, str], now_us: int) -> dict[str, Any]:
        """Levels by row."""
        choices = ask("gap_choices")[0]
        segments = _segments(ask("gap_segment_choices"))
        one = _chosen(options, choices["brands"], segments)
        of = {
            "brand": one.brand,
            "since": now_us - SPANS_US[one.span],
            "within": one.unit,
            "below": Scope(one.unit or "-").units(self._topics.units.values()),
            "segments": one.asks_for,
        }
        pack = self._pack(one.brand, now_us)
        name = pack.pack.name if pack is not None else ""
        judge = self._judge(name) if pack is not None else None
        measured = tuple(gap_live.measuring(judge)) if judge is not None else ()
        only = {"every_segment": int(not one.segment), "segment": "" if one.segment == NO_SEGMENT else one.segment}
        spoken = ask("gap_voices", **of, **only, **{f"by_{key}": int(key in one.by) for key in gap_live.KEYS})
        events = ask("gap_events", measured=measured, rows=EVENTS_MAX, **of) if measured else []
        whose = ask("gap_segments", measured=measured, **of) if one.asks_for and events else []
        table = gap_live.live_table(
            [gap_live.Spoken(**row) for row in spoken],
            [_event(row) for row in events],
            judge,
            one.by,
            one.voice,
            gap_live.as_of((row["subject_id"], _us(row["since_at"]), row["value"]) for row in whose),
            one.segment or None,
        )
        return {
            **one._asdict(),
            "choices": {
                **choices,
                "brands": [brand or NO_BRAND for brand in _in_order(choices["brands"])],
                "segment_by": list(segments),
                "segments": segments.get(one.segment_by, []),
            },
            "table": table,
            "events": len(events),
            "pack": name,
            "judged": judge is not None,
            **self._rounds(name, table),
        }

    def _pack(self, brand: str, now_us: int) -> Pack | None:
        """The brand's own, else that of all brands."""
        found = packs_in_force(tuple(self._topics.packs.values()), now_us)
        return found.get(brand) or found.get("")

    def _rounds(self, pack: str, table: gap_live.LiveTable) -> dict[str, Any]:
        """A file that cannot be used is told, not raised: it is nobody's fault who watches."""
        try:
            return {"rounds": gap_live.rounds(pack, self._settings, table.levels) if pack else [], "rounds_wrong": ""}
        except UserError as error:
            return {"rounds": [], "rounds_wrong": f"{error.what} ({error.fix})"}


def _chosen(options: Mapping[str, str], brands: Iterable[str], segments: Mapping[str, Sequence[str]]) -> Chosen:
    """Values of options that are none of ours count as not given."""
    by = options["by"] if options.get("by") in ROWS else ROWS[0]
    voice = options["voice"] if options.get("voice") in gap_live.VOICES else gap_live.VOICES[0]
    span = options["span"] if options.get("span") in SPANS_US else SPAN
    brand = options.get("brand") or next(iter(_in_order(brands)), "")
    segment_by = options["segment_by"] if options.get("segment_by") in segments else next(iter(segments), "")
    segment = options["segment"] if options.get("segment") in segments.get(segment_by, ()) else ""
    return Chosen(
        tuple(by.split(",")),
        voice,
        span,
        "" if brand == NO_BRAND else brand,
        options.get("unit", ""),
        segment_by,
        segment,
    )


def _segments(rows: Iterable[Row]) -> dict[str, list[str]]:
    """What makes segments, the tier first → the segments in order; last those of whom nothing is known."""
    found = {row["name"]: sorted(value for value in row["found"] if value) for row in rows}
    names = sorted(found, key=lambda name: (name != gap_live.TIER, name))
    return {name: [*found[name], NO_SEGMENT] for name in names}


def _in_order(brands: Iterable[str]) -> list[str]:
    """Answers of no brand are the last choice."""
    return sorted(brands, key=lambda one: (one == "", one))


def changes(query: Mapping[str, str]) -> tuple[tuple[str, float], ...]:
    """What if: levels by row out of an address; what is no level is left out."""
    found: dict[str, float] = {}
    for name, text in query.items():
        if name.startswith(CHANGE) and len(found) < CHANGES_MAX:
            try:
                level = float(text)
            except ValueError:
                continue
            if 0.0 <= level <= LEVEL_MAX:
                found[name.removeprefix(CHANGE)[:256]] = level
    return tuple(sorted(found.items()))


def _event(row: Row) -> Touchpoint:
    promised = row["promised_at"]
    return Touchpoint(
        **{name: row[name] for name in _TEXTS},
        occurred_at=_us(row["occurred_at"]),
        promised_at=None if promised is None else _us(promised),
        matter=row["matter"] or None,
        unit=row["unit"] or None,
    )


def _us(at: Any) -> int:
    return int(at.timestamp() * 1_000_000)
