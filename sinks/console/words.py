"""What pages say in each language: words/<language>.yaml, and the names that packs give to touchpoints, journeys and audiences."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from streams.packs_folder import files
from streams.settings import Settings

LANGUAGES: Final = ("en", "zh")
MINUTES_ALONE_SECONDS: Final = 300  # from so long on seconds are left out
_FOLDER: Final = Path(__file__).parent / "words"


@lru_cache(maxsize=len(LANGUAGES))
def texts(language: str) -> Mapping[str, str]:
    """Key → text."""
    found: dict[str, str] = yaml.safe_load((_FOLDER / f"{language}.yaml").read_text(encoding="utf-8"))
    return found


class Titles:
    """Names and promises of touchpoints as packs give them. Two packs may name the same thing differently: those in force come first, with what they inherit."""

    def __init__(self, settings: Settings) -> None:
        self._packs: dict[str, Any] = {}
        self.in_force: tuple[str, ...] = ()
        for path in files(settings):
            pack = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
            if isinstance(pack, dict):  # what is no pack is the worker's to refuse
                self._packs[str(pack.get("pack", path.stem))] = pack

    def _found(self, section: str, name: str, field: str) -> Any:
        for pack in (*self._with_parents(), *self._packs):
            entry = ((self._packs.get(pack) or {}).get(section) or {}).get(name)
            if isinstance(entry, dict) and field in entry:
                return entry[field]
        return None

    def _with_parents(self) -> list[str]:
        """The packs in force, each followed by those that it inherits from."""
        found: list[str] = []
        for pack in self.in_force:
            name: object = pack
            while isinstance(name, str) and name in self._packs and name not in found:
                found.append(name)
                name = self._packs[name].get("inherits")
        return found

    def title(self, section: str, name: str, language: str) -> str:
        """In this language, else in English, else the name itself."""
        titles = self._found(section, name, "title")
        found = (titles.get(language) or titles.get("en")) if isinstance(titles, dict) else None
        return str(found) if found else plain(name)

    def promised(self, touchpoint: str) -> float | None:
        """The waiting that is promised there, seconds."""
        found = self._found("touchpoints", touchpoint, "waiting_promised_seconds")
        return None if found is None else float(found)


class Speech:
    """Everything that a page says in one language. Called with a key and the values for its holes."""

    def __init__(self, language: str, titles: Titles) -> None:
        self.language = language
        self._texts, self._titles = texts(language), titles

    def __call__(self, key: str, **values: object) -> str:
        """The text, filled in. A key that does not exist is a defect, found by the tests of each page."""
        text = self._texts[key]
        return text.format(**values) if values else text

    def known(self, area: str, name: str) -> str:
        """A word of an open set (a cause, a kind): its text, or the name itself, readable."""
        return self._texts.get(f"{area}.{name}") or plain(name)

    def touchpoint(self, name: str) -> str:
        return self._titles.title("touchpoints", name, self.language)

    def journey(self, name: str) -> str:
        return self._titles.title("journeys", name, self.language)

    def audience(self, name: str) -> str:
        return self._titles.title("audiences", name, self.language)

    def span(self, seconds: float) -> str:
        """A length of time in one or two units: 40 s, 1 min 8 s, 12 min, 3 h 5 min, 2 d 4 h."""
        total = int(abs(seconds))
        if 60 < total < MINUTES_ALONE_SECONDS and total % 60:
            return f"{total // 60} {self._texts['unit.minute']} {total % 60} {self._texts['unit.second']}"
        parts = ((total // 86400, "day"), (total % 86400 // 3600, "hour"), (total % 3600 // 60, "minute"))
        given = [(count, unit) for count, unit in parts if count]
        if not given:
            return f"{total} {self._texts['unit.second']}"
        first = next(index for index, part in enumerate(parts) if part[0])
        shown = [one for one in parts[first : first + 2] if one[0]]
        return " ".join(f"{count} {self._texts[f'unit.{unit}']}" for count, unit in shown)

    def seconds(self, value: float | None) -> str:
        """A latency: 35 ms, 1.4 s, 12 min."""
        if value is None or value != value:
            return "–"
        if value == 0:
            return "0 s"
        if value < 1:
            return f"{value * 1000:.0f} ms"
        return f"{value:.1f} s" if value < 60 else self.span(value)


def plain(name: str) -> str:
    """An id as words."""
    return name.replace("_", " ")
