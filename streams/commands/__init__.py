"""The commands of `touchstone`, one module a group. Each has `mount(app)`; `streams/cli.py` lists the modules.

Heavy libraries (Kafka, Faust, ClickHouse) are imported inside the commands, so that `touchstone --help` stays quick.
A command prints results with `terminal.out()` or `write_json`, raises `UserError` or `Unavailable` for what went wrong,
and `typer.Exit(ExitCode.NO)` when the answer is no.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.settings import Settings


def start() -> "Settings":
    """What each command does first: read the settings and direct the logs."""
    from streams import settings, terminal

    current = settings.current()
    terminal.configure_logs(current.log_level)
    return current
