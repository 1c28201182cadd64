"""The command line: mounts the groups of `streams/commands`, and turns an error that a user can put right into a message.

Exit codes: 0 ok, 1 the answer is no, 2 usage or configuration, 3 something needed does not answer, 130 interrupted.
"""

import importlib
import sys
from typing import Annotated

import typer

from streams.errors import ExitCode, Unavailable, UserError

# In the order in which `touchstone --help` shows them: a module of streams/commands each.
GROUPS: tuple[str, ...] = (
    "demo",
    "up",
    "topics",
    "schemas",
    "send",
    "simulate",
    "tail",
    "migrate",
    "sink",
    "console",
    "reconcile",
    "worker",
    "packs",
    "decide",
    "gap",
    "promises",
    "value",
    "text",
    "calibrate",
    "uplift",
    "moments",
    "replay",
    "doctor",
)

HELP = """Real-time customer experience on Kafka: what customers do and what they say, joined per customer, acted on while it matters.

Results go to stdout, everything else to stderr. Settings come from the environment: TOUCHSTONE_KAFKA_BROKERS=host:port touchstone topics list

Exit codes: 0 ok, 1 the answer is no, 2 usage or configuration, 3 something needed does not answer.
"""

app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"touchstone {version('touchstone')}\n")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False,
) -> None: ...


for _group in GROUPS:
    importlib.import_module(f"streams.commands.{_group}").mount(app)


def main() -> None:
    """Entry point of `touchstone`."""
    from streams.terminal import say_error, speak_anywhere

    speak_anywhere()
    try:
        app()
    except UserError as error:
        say_error(error.what, error.fix)
        sys.exit(error.exit_code)
    except Unavailable as error:
        say_error(error.detail, "`touchstone doctor` says what answers and what does not")
        sys.exit(ExitCode.UNAVAILABLE)
