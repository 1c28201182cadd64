"""YAML text of a pack, and that of its parents, in; a `CompiledPack` out, or every error with its file and line."""

import re
from functools import lru_cache
from typing import Any, Final

import msgspec

from streams.experience.calendars import WorkingTime
from streams.experience.compiled import AT_RISK, CompiledPack, CompiledRule, CompiledSignal, CompiledWatch, version_of
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
from streams.experience.pack import PackFile, Signal
from streams.experience.pack_checks import check
from streams.experience.pack_inherit import Inherited, Parents, Source, inherit, no_parents
from streams.experience.pack_shape import problems
from streams.experience.place import Place, PlacedError
from streams.experience.yaml_places import Places

# What conditions read of a text, and of evidence that was there before.
OF_TEXT: Final = frozenset({"joined.sentiment", "joined.worst_aspect", "event.text", "event.language"})
OF_TONE: Final = frozenset(
    f"joined.{name}"
    for name in ("emotion", "emotion_level", "emotion_slope", "emotion_worst", "emotion_points", "peak_end")
)
OF_EVIDENCE: Final = frozenset({"joined.complaints", "joined.score", "score", "episode_open"})
TEXT_ALONE: Final = (
    "signal {!r} goes by what a text seems to say, and that alone may not cost anything; "
    "let a colleague look at it (another step, no amount), or follow the episode"
)


class PackErrors(ValueError):
    """A pack that cannot be used: every error with its place."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


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
                    version_of(spec),
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
