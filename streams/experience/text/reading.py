"""A text as sentences of clauses of marks: each mark is a word of the lexicon, or an emoji, with its place in the text."""

import re
from typing import Final

import rjieba

from streams.experience.text.lexicon import Entry, Lexicon

TEXT_MAX: Final = 2_000  # characters looked at: the first and the last half of it
_PIECES: Final = re.compile(
    r"(?P<word>/s\b|\#?[a-z0-9]+(?:['\-][a-z0-9]+)*\+?)"
    r"|(?P<han>[\u3400-\u9fff]+)"
    r"|(?P<picture>\[[a-z\u4e00-\u9fff]{1,4}\]|[:;=]['\-]?[()dp/](?![a-z0-9/])|<3|\^_?\^|-_-"
    r"|[\u2600-\u27bf\u2b50\u2b55\U0001f300-\U0001faff])"
    r"|(?P<end>[.!?。！？；;\n…]+)"
    r"|(?P<pause>[,，、:：—()（）~～]+|\s-+\s)"
    r"|(?P<quote>[\"“”「」『』])"
)
_FUNCTION: Final = frozenset("不太很最真好挺更超较还没无点得的了又都也就死贼巨略偏蛮是有")
_MODIFYING: Final = frozenset("不没无未太很最真好挺更超较巨")
_NEGATING: Final = frozenset("不没")
_QUESTION: Final = frozenset("?？")


Toned = tuple[int, int, float, str | None]  # from, to, tone, aspect


class Mark:
    """A word of the lexicon where it stands. `at`: its number among the words of the clause, for distances."""

    __slots__ = ("at", "end", "entry", "han", "quoted", "start", "words")

    def __init__(self, start: int, end: int, entry: Entry, at: int, words: int, han: bool, quoted: bool) -> None:
        self.start, self.end, self.entry, self.at, self.words, self.han = start, end, entry, at, words, han
        self.quoted = quoted


class Clause:
    """A stretch between pauses. `latin`: its words; `han`: its runs of Chinese characters."""

    __slots__ = (
        "asks",
        "doubtful",
        "end",
        "first",
        "han",
        "inquires",
        "latin",
        "marks",
        "roles",
        "sentence",
        "start",
        "tones",
        "weight",
    )

    def __init__(self, start: int, sentence: int) -> None:
        self.start, self.end, self.sentence = start, start, sentence
        self.first = -1  # where its first word begins
        self.latin: list[str] = []
        self.han: list[str] = []
        self.marks: list[Mark] = []
        self.tones: list[Toned] = []  # of emoji and turns of phrase
        self.roles: set[str] = set()
        self.asks = self.doubtful = False
        self.inquires = False  # 请问, do you: a question that wants to know
        self.weight = 1.0


def read(text: str, lexicon: Lexicon) -> list[Clause]:
    """The clauses of a normalised text."""
    return _Reader(lexicon).read(text)


class _Reader:
    """The clause that is being read, and those before it."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._entries, self._lengths, self._lexicon = lexicon.entries, lexicon.lengths, lexicon
        self._clauses: list[Clause] = []
        self._clause = Clause(0, 0)
        self._words: list[tuple[str, int, int]] = []
        self._place = self._sentence = 0
        self._quoted = False

    def read(self, text: str) -> list[Clause]:
        for match in _PIECES.finditer(text):
            kind = match.lastgroup
            start, end = match.span()
            if kind == "word":
                self._words.append((match.group(), start, end))
            elif kind == "han":
                self._latin()
                self._han(match.group(), start)
            elif kind == "quote":
                self._latin()
                self._quoted = not self._quoted and match.group() not in "”」』"
            elif kind == "picture":
                self._latin()
                self._picture(match.group(), start, end)
            elif not (text[start:end] == "." and text[end : end + 1].isalnum()):  # not 3.5
                self._latin()
                self._clause.asks = kind == "end" and not _QUESTION.isdisjoint(match.group())
                self._sentence += kind == "end"
                self._next(end)
        self._latin()
        self._next(len(text))
        return self._clauses

    def _next(self, start: int) -> None:
        clause = self._clause
        if clause.first >= 0:
            self._clauses.append(clause)
        self._clause, self._place = Clause(start, self._sentence), 0

    def _mark(self, mark: Mark) -> None:
        self._clause.marks.append(mark)
        if mark.entry.roles:
            self._clause.roles |= mark.entry.roles

    def _picture(self, picture: str, start: int, end: int) -> None:
        self._clause.first = start if self._clause.first < 0 else self._clause.first
        self._clause.doubtful |= picture in self._lexicon.doubt
        tone = self._lexicon.emoji.get(picture)
        if tone is not None:
            self._clause.tones.append((start, end, tone, None))
        self._clause.end = end

    def _latin(self) -> None:
        """Entries of several words before those of one; the longest first. A turn begins a clause."""
        words, index = self._words, 0
        if not words:
            return
        count = len(words)
        while index < count:
            step, entry = self._latin_entry(index)
            if entry is not None:
                start, end = words[index][1], words[index + step - 1][2]
                if "turns" in entry.roles and (self._clause.latin or self._clause.han):
                    self._next(start)
                self._mark(Mark(start, end, entry, self._place, step, False, self._quoted))
            if self._clause.first < 0:
                self._clause.first = words[index][1]
            self._clause.latin += [word[0] for word in words[index : index + step]]
            self._place += step
            index += step
            self._clause.end = words[index - 1][2]
        self._words = []

    def _latin_entry(self, index: int) -> tuple[int, Entry | None]:
        words = self._words
        for length in self._lengths.get(words[index][0], ()):
            if length == 1:
                return 1, self._entries.get(words[index][0])
            if index + length <= len(words):
                found = self._entries.get(" ".join([word[0] for word in words[index : index + length]]))
                if found is not None:
                    return length, found
        return 1, None

    def _han(self, run: str, offset: int) -> None:
        """The longest entries first, but none that cuts through the words that the segmentation sees."""
        bounds, at = {0}, 0
        for word in rjieba.cut(run, False):
            if (
                word[0] in _MODIFYING
                and len(word) > 1
                and word not in self._entries
                and (word[1:] in self._entries or (word[0] in _NEGATING and len(word) == 2))
            ):
                bounds.add(at + 1)  # 很差 is 很 and 差, 没洗 is 没 and 洗
            at += len(word)
            bounds.add(at)
        index, begun, count, entries, lengths = 0, 0, len(run), self._entries, self._lengths
        while index < count:
            step = 1
            for length in lengths.get(run[index], ()):
                entry = entries.get(run[index : index + length]) if index + length <= count else None
                if entry is not None and _whole(run, index, index + length, bounds):
                    if "turns" in entry.roles and (index > begun or self._clause.latin or self._clause.han):
                        self._close_run(run, begun, index, offset)
                        self._next(offset + index)
                        begun = index
                    start = offset + index
                    self._mark(Mark(start, start + length, entry, self._place + index, length, True, self._quoted))
                    step = length
                    break
            index += step
        self._close_run(run, begun, count, offset)
        self._place += count

    def _close_run(self, run: str, start: int, end: int, offset: int) -> None:
        if end > start:
            self._clause.han.append(run[start:end])
            if self._clause.first < 0:
                self._clause.first = offset + start
            self._clause.end = offset + end


def _whole(run: str, start: int, end: int, bounds: set[int]) -> bool:
    """Does an entry agree with the segmentation? One character must be a word, or stand with nothing but function words."""
    at_start, at_end = start in bounds, end in bounds
    if at_start and at_end:
        return True
    if end - start > 1:
        return not any(place in bounds for place in range(start + 1, end))
    left, right = start, end
    while left not in bounds:
        left -= 1
    while right not in bounds:
        right += 1
    return all(character in _FUNCTION for character in run[left:start] + run[end:right])
