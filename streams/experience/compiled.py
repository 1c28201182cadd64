"""A pack ready to decide: conditions compiled, signals indexed by what can make them fire. pack_compile.py makes it of YAML."""

import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from schemas.events import Touchpoint
from schemas.validate import known_time_zone
from streams.experience.calendars import WorkingTime
from streams.experience.conditions import Condition, Expression
from streams.experience.frame import OTHER, TouchpointView
from streams.experience.pack import ActionRule, PackFile, Signal, Texts, Watch
from streams.experience.spent import SPENT_SECONDS

_OFTEN_NULL: Final = ("event.waiting_seconds", "event.matter")  # of a touchpoint event
AT_RISK: Final = "@risk"  # ends the name of the watch that says so; no name in a pack has an @
OF_DAYS: Final = frozenset({"festival", "birthday"})
# What conditions ask about earlier contacts about a matter.
OF_MATTERS: Final = frozenset(
    {"self_service_failures", "asked_again", "staff", "staff_changed", "price_rise", "promise_moved_seconds"}
)

NumberT = TypeVar("NumberT", int, float)


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
        self.version = version_of(file, *(one.days.digest() for _, one in sorted(calendars.items()) if one.knows_days))
        self._working = calendars.get(file.treatment.calendar or "")
        self.signals = {signal.name: signal for signal in signals}
        titles = {one.spec.cause or one.name: one.spec.title for one in signals if one.spec.title}
        self._causes = titles | file.causes
        self.watches = tuple(watches)
        self.owing = tuple(
            (name, watch.owes, watch.signal) for name, watch in sorted(file.promises.items()) if watch.owes is not None
        )
        self.caps = tuple(sorted(file.caps.items()))
        insights = file.insights
        self.folds_members = file.incidents is not None and file.incidents.folds
        self.tells_causes = insights is not None and insights.recurring is not None
        self.tells_contacts = insights is not None and (insights.drivers is not None or insights.coaching is not None)
        self.limits = tuple(sorted(file.limits.items()))
        self.remembers_seconds = max([SPENT_SECONDS, *(cap.per_seconds for cap in file.caps.values())])
        self.values = file.delivered_value is not None or file.relation_value is not None
        self.valued_at = frozenset[str]() if file.relation_value is None else file.relation_value.touchpoints()
        calibration = file.calibration
        self.curve = None if calibration is None else tuple(calibration.inferred)
        # Of an answer about a contact that gave no evidence; None: the same curve.
        self.earlier = (
            tuple(calibration.earlier) if calibration is not None and calibration.earlier is not None else None
        )
        self.watch_signals = frozenset(one.name for one in signals if one.spec.on == "watch")
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
        # Of what is usual; None: nothing is learnt.
        self.zone = ZoneInfo(learnt.time_zone) if learnt is not None and known else None
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

    def incident_of(self, signal: str) -> str:
        """The cause that a signal counts as when many have it."""
        found = self.signals.get(signal)
        return signal if found is None else found.spec.incident or found.spec.cause or signal

    def cause(self, name: str, locale: str) -> str:
        """A cause in words, if it or one of its signals has a title in this language or in the default one."""
        return self._in_words(name, self._causes.get(name), locale)

    def signal(self, name: str, locale: str | None = None) -> str:
        """A signal in words of a language, else of the default one, if it has a title."""
        found = self.signals.get(name)
        return self._in_words(name, None if found is None else found.spec.title, locale or self.file.default_locale)

    def _in_words(self, name: str, titles: Texts | None, locale: str) -> str:
        return name if not titles else titles.get(locale) or titles.get(self.file.default_locale) or name


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


def version_of(part: msgspec.Struct, *more: str) -> str:
    """The hash of what a part says."""
    content = msgspec.json.encode(part, order="deterministic")
    return hashlib.sha256(content + "".join(more).encode()).hexdigest()[:16]


def by_tier(values: Mapping[str, NumberT], tier: str | None) -> NumberT:
    """The value for a tier; `other` for every one that is not named."""
    return values.get(tier or OTHER, values[OTHER])


def priority_of(spec: ActionRule, tier: str | None) -> int:
    """How much an action of this rule matters for a customer of this tier."""
    return by_tier(spec.priority, tier) if isinstance(spec.priority, dict) else spec.priority
