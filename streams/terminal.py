"""Where words go: results on stdout, everything else (logs, progress, errors) on stderr.

`out()` and `err()` are rich consoles: colours and progress bars on a terminal, plain text in a pipe.
"""

import codecs
import io
import logging
import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.progress import Progress

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@lru_cache(maxsize=1)
def out() -> Console:
    """Results. In a pipe nothing is wrapped or cut."""
    return _console(stderr=False)


@lru_cache(maxsize=1)
def err() -> Console:
    """Progress, notices and errors."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 10_000
    return Console(stderr=stderr, highlight=False, emoji=False, soft_wrap=not stream.isatty(), width=width)


def progress_bar(*, quiet: bool) -> "Progress":
    """A bar with `counts` (a field of its task) behind it, on a terminal only. Not started yet."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeElapsedColumn(),
        console=err(),
        transient=True,
        disable=quiet or not err().is_terminal,
    )


def write_json(document: object) -> None:
    """One line of JSON on stdout, for machines. Takes structs, instants, and the like."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(document, enc_hook=str).decode() + "\n")


def speak_anywhere() -> None:
    """Results and errors are in any language, whatever the locale: in a pipe UTF-8, on a terminal what it cannot show is a `?`."""
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper) or codecs.lookup(stream.encoding).name == "utf-8":
            continue
        if stream.isatty():
            stream.reconfigure(errors="replace")
        else:
            stream.reconfigure(encoding="utf-8")


def forget_stdout() -> None:
    """The reader has gone (`| head`): let Python end without a complaint about what it cannot write."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say_error(what: str, fix: str = "") -> None:
    """An error for a person: what is wrong in red, what to do below it."""
    err().print(f"error: {what}", style="bold red", markup=False)
    if fix:
        err().print(f"  {fix}", markup=False)


def configure_logs(level: str) -> None:
    """Logs of this process on stderr. Libraries speak only from WARNING up, unless `level` is DEBUG."""
    logging.basicConfig(level=level, format=LOG_FORMAT, stream=sys.stderr, force=True)
    if level != "DEBUG":
        for name in ("aiokafka", "faust", "mode", "urllib3", "asyncio"):
            logging.getLogger(name).setLevel(logging.WARNING)
    # These log each failed attempt as an error and raise besides; kafka-python's DEBUG lines hold passwords.
    for name in ("kafka", "clickhouse_driver"):
        logging.getLogger(name).setLevel("INFO" if level == "DEBUG" else "CRITICAL")
