"""`touchstone text`: what the words of a text say, and which words say it; no Kafka, no network."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from streams.commands import start
from streams.errors import UserError


def mount(root: typer.Typer) -> None:
    root.command("text")(text)


def text(
    words: Annotated[list[str] | None, typer.Argument(help="A text, in quotes.", metavar="[TEXT]")] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Many texts: one a line, or JSON lines with `text`; - is standard input."),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Default: UTF-8 or GB18030, whichever fits.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line a text.")] = False,
) -> None:
    """Show the tone of texts, Chinese and English: sentiment from -1 to 1, aspects, and the words that say so.

    The analyser is the one that decisions use (TOUCHSTONE_CORE_TEXT_ANALYSER). Its version goes with each result.

    Example: touchstone text "快递太慢了, but the quality is great"
    """
    settings = start()
    from streams.analysers import analyser
    from streams.connect.text_report import json_line, show

    if bool(words) == (file is not None):
        raise UserError(
            "give a text, or --file FILE, one of the two", 'touchstone text "房间很干净" or --file reviews.txt'
        )
    reader = analyser(settings)
    for number, one in _numbered(words, file, encoding):
        tone = reader.analyse(one)
        if as_json:
            json_line(number, one, tone)
        else:
            show(one, tone)


def _numbered(words: list[str] | None, file: Path | None, encoding: str | None) -> Iterator[tuple[int, str]]:
    from streams.connect.texts import read_texts

    return iter([(1, " ".join(words or []))]) if file is None else read_texts(file, encoding)
