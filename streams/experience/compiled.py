"""A pack ready to decide: conditions compiled, signals indexed by what can make them fire.

`compile_pack` takes YAML text, and that of the pack's parents, and gives a `CompiledPack`, or raises `PackErrors` with every
error, its file and line.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from schemas.events import Touchpoint
from schemas.validate import known_time_zone
from streams.experience.calendars import WorkingTime
from streams.experience.conditions import (
    DOUBLE,
    Condition,
    ConditionError,
    Environment,
    Expression,
    compile_condition,
    compile_value,
)
from streams.experience.days_off import NotCovered
from streams.experience.environments import environments
from streams.experience.fairness import unfair
from streams.experience.frame import OTHER, TouchpointView
from streams.experience.pack import ActionRule, PackFile, Signal, Watch
from streams.experience.pack_checks import check
from streams.experience.pack_inherit import Inherited, Parents, Source, inherit, no_parents
from streams.experience.pack_shape import problems
from streams.experience.place import Place, PlacedError
from streams.experience.spent import SPENT_SECONDS
from streams.experience.yaml_places import Places


class PackErrors(ValueError):
    """A pack that cannot be used: every error with its place."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


_OFTEN_NULL: Final = ("event.waiting_seconds", "event.matter")  # of a touchpoint event
AT_RISK: Final = "@risk"  # ends the name of the watch that says so; no name in a pack has an @
# What conditions read of a text, and of evidence that was there before.
OF_TEXT: Final = frozenset({"joined.sentiment", "joined.worst_aspect", "event.text", "event.language"})
OF_TONE: Final = frozenset(
    f"joined.{name}"
    for name in ("emotion", "emotion_level", "emotion_slope", "emotion_worst", "emotion_points", "peak_end")
)
OF_DAYS: Final = frozenset({"festival", "birthday"})
OF_EVIDENCE: Final = frozenset({"joined.complaints", "joined.score", "score", "episode_open"})
# What conditions ask about earlier contacts about a matter.
OF_MATTERS: Final = frozenset(
    {"self_service_failures", "asked_again", "staff", "staff_changed", "price_rise", "promise_moved_seconds"}
)
TEXT_ALONE: Final = (
    "signal {!r} goes by what a text seems to say, and that alone may not cost anything; "
    "let a colleague look at it (another step, no amount), or follow the episode"
)


class CompiledSignal(msgspec.Struct, frozen=True):
    """A signal and when it is given. `weight`: a number, or computed."""

    name: str
    spec: Signal
    when: Condition | None
    weight: float | Expression[float]
    by_text: bool = False  # goes by what somebody wrote, or by nothing but earlier evidence, which may be that


class CompiledWatch(msgspec.Struct, frozen=True):
    """A promise or a silence."""

    name: str
    spec: Watch
    opens: Condition
    kept: Condition


class CompiledRule(msgspec.Struct, frozen=True):
    """An action rule; `version` is the hash of what it says."""

    name: str
    version: str
    spec: ActionRule
    when: Condition | None
    amount: Expression[float] | None


class Contact(NamedTuple):
    """What an event at one touchpoint with one outcome can give rise to: signals, watches that it opens or keeps."""

    signals: tuple[CompiledSignal, ...]
    opening: tuple[CompiledWatch, ...]
    keeping: tuple[CompiledWatch, ...]


class CompiledPack:
    """A pack in force. `version` is the hash of its content: comments and order of keys do not count."""

    def __init__(
        self,
        file: PackFile,
        signals: list[CompiledSignal],
        watches: list[CompiledWatch],
        rules: list[CompiledRule],
        calendars: dict[str, WorkingTime],
    ) -> None:
        self.file = file
        self.name = file.pack
        self.calendars = calendars
        self.version = _hash(file, *(one.days.digest() for _, one in sorted(calendars.items()) if one.knows_days))
        self._working = calendars.get(file.treatment.calendar or "")
        self.signals = {signal.name: signal for signal in signals}
        self._causes = {one.spec.cause or one.name: one.spec.title for one in signals if one.spec.title}
        self.watches = tuple(watches)
        self.owing = tuple(
            (name, watch.owes, watch.signal) for name, watch in sorted(file.promises.items()) if watch.owes is not None
        )
        self.caps = tuple(sorted(file.caps.items()))
        insights = file.insights
        self.tells_causes = insights is not None and insights.recurring is not None
        self.tells_contacts = insights is not None and (insights.drivers is not None or insights.coaching is not None)
        self.limits = tuple(sorted(file.limits.items()))
        self.remembers_seconds = max([SPENT_SECONDS, *(cap.per_seconds for cap in file.caps.values())])
        self.values = file.delivered_value is not None or file.relation_value is not None
        self.valued_at = frozenset[str]() if file.relation_value is None else file.relation_value.touchpoints()
        self.curve = None if file.calibration is None else tuple(file.calibration.inferred)
        self._touchpoints = {
            name: TouchpointView(
                name=name,
                journey=entry.journey,
                dimension=entry.dimension,
                expectation=None if entry.expectation == "none" else entry.expectation,
                importance=entry.importance,
                ideal=entry.ideal,
                expects_nothing=entry.expectation == "none",
                asks_for_help=entry.asks_for_help,
                self_service=entry.self_service,
                names_price=entry.names_price,
                waiting_promised_seconds=entry.waiting_promised_seconds,
                owner=entry.owner,
            )
            for name, entry in file.touchpoints.items()
        }
        self._other = self._touchpoints.get(OTHER, TouchpointView())
        learnt = file.usual_waiting
        known = learnt is not None and known_time_zone(learnt.time_zone)  # else the checks say so
        self.zone = (
            ZoneInfo(learnt.time_zone) if learnt is not None and known else None
        )  # of what is usual; None: nothing is learnt
        self.signals_on_feedback = tuple(signal for signal in signals if signal.spec.on == "feedback")
        self.marks_days = any(signal.when is not None and signal.when.reads & OF_DAYS for signal in signals)
        self.counts_successes = any(signal.when is not None and "successes" in signal.when.reads for signal in signals)
        self.house_zone = file.quiet_hours.time_zone if file.quiet_hours is not None else "UTC"
        self.follows_matters = any(signal.when is not None and signal.when.reads & OF_MATTERS for signal in signals)
        self._contacts: dict[tuple[str, str, tuple[bool, bool]], Contact] = {}
        self._rules: dict[tuple[str, str | None], list[CompiledRule]] = {}
        for rule in rules:
            self._rules.setdefault((rule.spec.on, rule.spec.signal), []).append(rule)

    def touchpoint(self, name: str | None) -> TouchpointView:
        """What the pack says about a touchpoint; about `other` where it does not know it."""
        return self._touchpoints.get(name or OTHER) or self._other

    def journey(self, name: str | None, view: TouchpointView) -> str:
        """The journey that an event names, if the pack knows it; else that of its touchpoint."""
        return name if name in self.file.journeys else view.journey

    def contact(self, view: TouchpointView, event: Touchpoint) -> Contact:
        """What an event at a touchpoint of this pack can give rise to at all, by its outcome and by what it does not say."""
        silent = (event.waiting_seconds is None, event.matter is None)
        found = self._contacts.get((view.name, event.outcome, silent))
        if found is None:
            found = self._contacts[view.name, event.outcome, silent] = self._contact(view, event.outcome, silent)
        return found

    def _contact(self, view: TouchpointView, outcome: str, silent: tuple[bool, bool]) -> Contact:
        about = {f"touchpoint.{name}": getattr(view, name) for name in view.__struct_fields__}
        facts = {**about, "event.touchpoint": view.name, "event.outcome": outcome}
        facts |= {name: None for name, is_null in zip(_OFTEN_NULL, silent, strict=True) if is_null}
        return Contact(
            tuple(
                signal
                for signal in self.signals.values()
                if signal.spec.on == "touchpoint" and (signal.when is None or _possible(signal.when, facts))
            ),
            tuple(watch for watch in self.watches if _possible(watch.opens, facts)),
            tuple(watch for watch in self.watches if _possible(watch.kept, facts)),
        )

    def working(self, journey: str | None) -> WorkingTime | None:
        """The calendar that a journey is treated by; None: round the clock."""
        if self._working is None:
            return None
        entry = self.file.journeys.get(journey or "")
        return None if entry is not None and entry.round_the_clock else self._working

    def rules(self, on: str, signal: str | None = None) -> list[CompiledRule]:
        """The action rules that a trigger can fire, by name."""
        return self._rules.get((on, signal), [])

    def text(self, key: str, locale: str | None) -> tuple[str, str]:
        """(locale, text) of a text in the wanted language, else in the pack's default one."""
        texts = self.file.texts[key]
        for candidate in (locale, (locale or "").partition("-")[0]):
            if candidate in texts:
                return str(candidate), texts[str(candidate)]
        return self.file.default_locale, texts[self.file.default_locale]

    def cause(self, name: str, locale: str) -> str:
        """A cause in words, if one of its signals has a title in this language or in the default one."""
        titles = self._causes.get(name)
        return name if titles is None else titles.get(locale) or titles.get(self.file.default_locale) or name


def _at_risk(watch: CompiledWatch) -> list[CompiledWatch]:
    """A promise that may be at risk is watched twice: the earlier watch gives the other signal."""
    spec = watch.spec
    if spec.at_risk_seconds is None or spec.at_risk_signal is None:
        return []
    early = msgspec.structs.replace(
        spec,
        signal=spec.at_risk_signal,
        within_seconds=None if spec.within_seconds is None else spec.within_seconds - spec.at_risk_seconds,
        grace_seconds=spec.grace_seconds - spec.at_risk_seconds,
    )
    return [CompiledWatch(watch.name + AT_RISK, early, watch.opens, watch.kept)]


def _possible(condition: Condition, facts: Mapping[str, object]) -> bool:
    """Could a condition hold where these fields have these values, as far as its equalities and non-nulls tell?"""
    for field, operator, value in condition.conjuncts:
        if field in facts and (
            (operator == "==" and facts[field] != value)
            or (operator == "!=" and facts[field] is None)
            or (operator == "in" and isinstance(value, tuple) and facts[field] not in value)
        ):
            return False
    return True


def _hash(part: msgspec.Struct, *more: str) -> str:
    content = msgspec.json.encode(part, order="deterministic")
    return hashlib.sha256(content + "".join(more).encode()).hexdigest()[:16]


def by_tier(values: Mapping[str, float], tier: str | None) -> float:
    """The value for a tier; `other` for every one that is not named."""
    return values.get(tier or OTHER, values[OTHER])


def compile_pack(text: str, file: str, parents: Parents = no_parents) -> CompiledPack:
    """A pack from its YAML text. Raises PackErrors."""
    try:
        merged = inherit(Source(text, file), parents)
    except PlacedError as error:
        raise PackErrors([str(error)]) from None
    places = merged.places
    shape = [
        f"{places.keys_at.get(path) or _place(places, path, file)}: {what}"
        for path, what in problems(merged.data, PackFile)
    ]
    if shape:
        raise PackErrors(_told(shape, merged))
    pack = msgspec.convert(merged.data, PackFile)
    compiler = _Compiler(pack, places, file)
    compiled = compiler.compile()
    compiler.errors += [f"{_place(places, path, file)}: {what}" for path, what in check(pack)]
    if compiler.errors:
        raise PackErrors(_told(compiler.errors, merged))
    return compiled


def _told(errors: list[str], merged: Inherited) -> list[str]:
    """By file and line, the pack's own file first; what is wrong in a parent's file says which pack it comes from."""
    own, *above = merged.origins
    told: dict[str, list[str]] = {file: [] for file in (own, *above)}
    for error in sorted(errors, key=_by_line):
        told[next((file for file in above if error.startswith(f"{file}:")), own)].append(error)
    for file in above:
        hint = f"{merged.origins[own]} inherits this from {merged.origins[file]}: say otherwise, or remove it, in {own}"
        told[file] = [f"{error} ({hint})" for error in told[file]]
    return [error for found in told.values() for error in found]


class _Compiler:
    def __init__(self, pack: PackFile, places: Places, file: str) -> None:
        self.pack = pack
        self.places = places
        self.file = file
        self.errors: list[str] = []
        self.environments = environments(pack)

    def compile(self) -> CompiledPack:
        pack = self.pack
        signals = [self._signal(name, spec) for name, spec in sorted(pack.signals.items())]
        watches = [
            CompiledWatch(
                name,
                spec,
                self._needed(spec.opens, (section, name, "opens")),
                self._needed(spec.kept, (section, name, "kept")),
            )
            for section, part in (("promises", pack.promises), ("silences", pack.silences))
            for name, spec in sorted(part.items())
        ]
        watches += [early for one in watches for early in _at_risk(one)]
        of_text = {signal.name for signal in signals if signal.by_text}
        rules = []
        for name, spec in sorted(pack.actions.items()):
            if spec.costs and spec.signal in of_text:
                place = _place(self.places, ("actions", name, "signal"), self.file)
                self.errors.append(f"{place}: {TEXT_ALONE.format(spec.signal)}")
            environment = "signal" if spec.on == "signal" else "episode"
            amount = self._value(spec.amount, environment, ("actions", name, "amount"))
            rules.append(
                CompiledRule(
                    name,
                    _hash(spec),
                    spec,
                    self._condition(spec.when, environment, ("actions", name, "when")),
                    None if isinstance(amount, float | int) else amount,
                )
            )
        self.errors += [f"{_place(self.places, path, self.file)}: {what}" for path, what in unfair(pack, rules)]
        return CompiledPack(pack, signals, watches, rules, self._calendars())

    def _calendars(self) -> dict[str, WorkingTime]:
        found = {}
        for name, calendar in self.pack.calendars.items():
            try:
                found[name] = WorkingTime(name, calendar)
            except NotCovered as error:
                self.errors.append(f"{_place(self.places, ('calendars', name, 'years'), self.file)}: {error}")
            except ValueError:
                pass  # treatment_checks.py says which hours or days cannot be read
        return found

    def _signal(self, name: str, spec: Signal) -> CompiledSignal:
        when = self._condition(spec.when, spec.on, ("signals", name, "when"))
        weight = self._value(spec.weight, spec.on, ("signals", name, "weight")) or 0.0
        reads = frozenset[str]().union(*(part.reads for part in (when, weight) if isinstance(part, Expression)))
        by_text = bool(reads & (OF_TEXT | OF_TONE)) or (bool(reads) and reads <= OF_EVIDENCE)
        return CompiledSignal(name, spec, when, weight, by_text)

    def _needed(self, text: str, path: tuple[str, ...]) -> Condition:
        condition = self._condition(text, "touchpoint", path)
        return condition if condition is not None else _never()

    def _condition(self, text: str | None, environment: str, path: tuple[str, ...]) -> Condition | None:
        if text is None:
            return None
        try:
            return compile_condition(text, self.environments[environment], _place(self.places, path, self.file))
        except ConditionError as error:
            self.errors.append(str(error))
            return None

    def _value(self, value: Any, environment: str, path: tuple[str, ...]) -> Any:
        if not isinstance(value, str):
            return value if isinstance(value, float | int) else None
        try:
            return compile_value(
                value, self.environments[environment], _place(self.places, path, self.file), returns=DOUBLE
            )
        except ConditionError as error:
            self.errors.append(str(error))
            return None


@lru_cache(maxsize=1)
def _never() -> Condition:
    return compile_condition("false", Environment({}), Place("", 1, 1))


def _place(places: Places, path: tuple[str | int, ...], file: str) -> Place:
    """The place of a path, else of the nearest part around it."""
    while path and path not in places:
        path = path[:-1]
    return places.get(path, Place(file, 1, 1))


def _by_line(error: str) -> tuple[int, str]:
    match = re.search(r":(\d+):\d+:", error)
    return (int(match[1]) if match else 0, error)
