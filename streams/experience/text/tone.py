"""What an analyser says about a text, and what an analyser is. Spans count the Unicode code points of the text as it came."""

from typing import NamedTuple, Protocol


class Span(NamedTuple):
    """Words that say so, with what modifies them: `text[start:end]`. `tone` −1 to 1, as much as it counts where it stands."""

    start: int
    end: int
    tone: float


class AspectTone(NamedTuple):
    """What is said about one aspect (`delivery`, `service`, …): tone −1 to 1, and the words that say it."""

    aspect: str
    tone: float
    start: int
    end: int


class Tone(NamedTuple):
    """`sentiment` −1 to 1; None: nothing recognised. `unsure`: it may be meant the other way round (sarcasm).

    `version` names the analyser, its data included: same version, same text, same answer.
    """

    sentiment: float | None
    unsure: bool
    spans: tuple[Span, ...]
    aspects: tuple[AspectTone, ...]
    version: str

    @property
    def label(self) -> str:
        """`positive`, `negative` or `neutral`."""
        level = self.sentiment or 0.0
        return "negative" if level <= -BLAME_FROM else "positive" if level >= PRAISE_FROM else "neutral"

    @property
    def sure(self) -> float | None:
        """The sentiment that conditions may go by: None where nothing was recognised or it may be sarcasm."""
        return None if self.unsure else self.sentiment

    @property
    def worst_aspect(self) -> str | None:
        """The aspect that is blamed most; None where none is, or it may be sarcasm."""
        blamed = [] if self.unsure else [one for one in self.aspects if one.tone <= -NEUTRAL]
        return min(blamed, key=lambda one: (one.tone, one.start)).aspect if blamed else None

    def span(self, sign: float | None = None) -> Span | None:
        """The words that say most: for the text as a whole, or (−1, 1) against and for."""
        wanted = sign if sign is not None else self.sentiment or -1.0
        there = [span for span in self.spans if span.tone * wanted > 0]
        return max(there, key=lambda span: (abs(span.tone), -span.start), default=None)


NEUTRAL = 0.25  # an aspect that is blamed less is not blamed
# |sentiment| below which a text is neutral: who writes without asking anything more often complains.
BLAME_FROM, PRAISE_FROM = 0.15, 0.2
SILENT = Tone(None, False, (), (), "")  # of no text


class Analyser(Protocol):
    """Anything that tells the tone of a text. Pure and offline; `version` changes whenever its answers may."""

    @property
    def version(self) -> str:
        """At most 64 characters."""
        ...

    def analyse(self, text: str) -> Tone:
        """The tone of a text."""
        ...
