"""The tone of a text on the terminal, its words in colour, or as a JSON line."""

import sys

import msgspec
from rich.text import Text

from streams.experience.text import Tone
from streams.terminal import out

MARK = 0.05  # weaker words are not coloured


def show(text: str, tone: Tone) -> None:
    """The text with the words that say something in colour, then what they say."""
    shown = Text(text)
    for span in tone.spans:
        if abs(span.tone) >= MARK:
            shown.stylize("bold green" if span.tone > 0 else "bold red", span.start, span.end)
    out().print(shown)
    sentiment = "nothing recognised" if tone.sentiment is None else f"{tone.sentiment:+.2f}"
    unsure = "  unsure: it may be meant the other way round" if tone.unsure else ""
    out().print(Text(f"  {tone.label}  {sentiment}{unsure}  {tone.version}", "dim"))
    for span in tone.spans:
        out().print(Text(f"  {span.start:>5}–{span.end:<5} {span.tone:+.2f}  {text[span.start : span.end]}"))
    for one in tone.aspects:
        out().print(Text(f"  {one.aspect:<11} {one.tone:+.2f}  {text[one.start : one.end]}", "cyan"))


def json_line(number: int, text: str, tone: Tone) -> None:
    """One JSON object: line, text, sentiment, label, unsure, spans, aspects, analyser."""
    row = {
        "line": number,
        "text": text,
        "sentiment": tone.sentiment,
        "label": tone.label,
        "unsure": tone.unsure,
        "spans": [{**span._asdict(), "text": text[span.start : span.end]} for span in tone.spans],
        "aspects": [{**one._asdict(), "text": text[one.start : one.end]} for one in tone.aspects],
        "analyser": tone.version,
    }
    sys.stdout.write(msgspec.json.encode(row).decode() + "\n")
