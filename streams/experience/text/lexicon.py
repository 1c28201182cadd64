"""The word lists (lexicon.*.yaml, emoji.yaml, general.tsv) as one table: word → what it does in a sentence."""

from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

DATA: Final = Path(__file__).parent
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
ROLES: Final = (
    "negations",
    "turns",
    "weak_turns",
    "concessions",
    "hypotheticals",
    "reproaches",
    "sarcasm",
    "praise",
    "middling",
    "final",
)


class Entry(NamedTuple):
    """What a word does: its own tone, how it scales what follows, which aspect it names, its roles."""

    tone: float = 0.0
    degree: float = 0.0  # 0: none
    aspect: str | None = None
    roles: frozenset[str] = frozenset()


class Lexicon(NamedTuple):
    """`lengths`: first word (or Chinese character) → how many words (characters) entries have that begin so, longest first."""

    entries: dict[str, Entry]
    lengths: dict[str, tuple[int, ...]]
    emoji: dict[str, float]
    doubt: frozenset[str]


@cache
def lexicon() -> Lexicon:
    """The lexicon of this version."""
    entries: dict[str, Entry] = {word: Entry(tone=tone) for word, tone in _general()}
    for language in ("en", "zh"):
        _families(entries, _document(f"families.{language}.yaml"))
    for language in ("en", "zh"):
        _add(entries, _document(f"lexicon.{language}.yaml"))
    for word, entry in list(entries.items()):
        if not word.isascii() and entry.tone and entry.aspect is None:
            entries[word] = entry._replace(aspect=_contained(word, entries))
    pictures = _document("emoji.yaml")
    emoji = {word.lower(): float(tone) for tone, words in pictures["tones"].items() for word in words}
    return Lexicon(entries, _lengths(entries), emoji, frozenset(word.lower() for word in pictures["doubt"]))


def _document(name: str) -> Any:
    return yaml.load((DATA / name).read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506  a safe loader, in C where it is there


def _general() -> list[tuple[str, float]]:
    rows = (DATA / "general.tsv").read_text(encoding="utf-8").splitlines()
    return [(word, float(tone)) for word, tone in (row.split("\t") for row in rows if not row.startswith("#"))]


def _families(entries: dict[str, Entry], document: Any) -> None:
    """Words by what they are about: names of an aspect, and words with a tone and mostly an aspect of their own."""
    for family in document["tones"]:
        about = None if family["about"] == "-" else family["about"]
        for word in family["words"]:
            entries[word] = Entry(tone=float(family["tone"]), aspect=about)
    for aspect, words in document["names"].items():
        for word in words:
            entries[word] = entries.get(word, Entry())._replace(aspect=aspect)


def _add(entries: dict[str, Entry], document: Any) -> None:
    for tone, words in document["tones"].items():
        for word in words:
            entries[word] = entries.get(word, Entry())._replace(tone=float(tone))
    for degree, words in document["degrees"].items():
        for word in words:
            entries[word] = entries.get(word, Entry())._replace(degree=float(degree))
    for role in ROLES:
        for word in document.get(role, ()):
            entry = entries.get(word, Entry())
            entries[word] = entry._replace(roles=entry.roles | {role})
    for aspect, words in document["aspects"].items():
        for word in words:
            entries[word] = entries.get(word, Entry())._replace(aspect=aspect)


def _contained(word: str, entries: dict[str, Entry]) -> str | None:
    """The aspect that a part of a Chinese word names: 网速 in 网速慢."""
    parts = (word[start:end] for start in range(len(word)) for end in range(start + 2, len(word) + 1))
    return max(
        ((len(part), entries[part].aspect) for part in parts if part in entries and entries[part].aspect),
        default=(0, None),
        key=lambda found: found[0],
    )[1]


def _lengths(entries: dict[str, Entry]) -> dict[str, tuple[int, ...]]:
    found: dict[str, set[int]] = {}
    for word in entries:
        pieces = word.split(" ") if word.isascii() else list(word)
        found.setdefault(pieces[0], set()).add(len(pieces))
    return {first: tuple(sorted(lengths, reverse=True)) for first, lengths in found.items()}
