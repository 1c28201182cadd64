"""`touchstone tail TOPIC`: what stands in a topic and what arrives in it, decoded."""

from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands import start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.engine.job import Message
    from streams.tail.decode import Decoder
    from streams.tail.read import Reading

INTERRUPTED = 130


def mount(root: typer.Typer) -> None:
    root.command()(tail)


def tail(
    topic: Annotated[str, typer.Argument(help="A topic (cx-actions, or actions), or a pattern: 'cx-notify-*'.")],
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="beginning, end, an instant of arrival, or how long ago (15m, 2h, 1d). "
            "By default the end, with --no-follow the beginning.",
        ),
    ] = None,
    key: Annotated[str | None, typer.Option(help="Only messages with this key.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many messages.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each message.")] = False,
    follow: Annotated[bool, typer.Option(help="Wait for more, or stop at what is there now.")] = True,
    mask: Annotated[bool, typer.Option("--mask", help="Hide personal data: what the schemas mark as pii.")] = False,
) -> None:
    """Show a topic's messages, as subscribers see them: committed only. Times are of arrival, UTC.

    A message that does not decode is shown as far as it goes, with the reason; a dead letter with why it was refused.

    Example: touchstone tail actions --from 15m --mask
    """
    from streams.codec import codec
    from streams.tail.decode import Decoder
    from streams.tail.read import Reading, start_from
    from streams.terminal import err, forget_stdout

    settings = start()
    position = start_from(from_ or ("end" if follow else "beginning"))
    decoder = Decoder(codec(settings, writes=()), mask=mask, prefix=settings.kafka_prefix)
    try:
        with Reading(
            settings, topic, position, follow=follow, notice=lambda text: err().print(text, markup=False)
        ) as reading:
            _print(reading, decoder, key, limit, as_json=as_json)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        forget_stdout()


def _print(reading: "Reading", decoder: "Decoder", key: str | None, limit: int | None, *, as_json: bool) -> None:
    import sys

    from streams.tail.lines import line
    from streams.terminal import out, write_json

    for message in _wanted(reading, key, limit):
        if message is None:
            sys.stdout.flush()
            continue
        shown = decoder.show(message)
        if as_json:
            write_json(shown)
            continue
        text = line(shown, with_topic=len(reading.topics) > 1)
        if out().is_terminal:
            out().print(text, soft_wrap=True)
        else:
            sys.stdout.write(text.plain + "\n")
    sys.stdout.flush()


def _wanted(reading: "Reading", key: str | None, limit: int | None) -> "Iterator[Message | None]":
    """Messages with the key, up to the limit; None when a poll's are through."""
    left = limit
    for messages in reading.batches():
        for message in messages:
            if key is None or message.key == key.encode():
                yield message
                left = None if left is None else left - 1
                if left == 0:
                    return
        yield None
