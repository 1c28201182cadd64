"""`touchstone demo`: the main job on the embedded stack, to watch."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands import start
from streams.commands.simulate import ScenarioOption
from streams.errors import ExitCode

if TYPE_CHECKING:
    from deploy.local.stack import Stack
    from streams.demo.screen import Shown


def mount(root: typer.Typer) -> None:
    root.command()(demo)


def demo(
    minutes: Annotated[
        float, typer.Option(min=0.1, max=60, help="Length of the story; a minute of it is an hour of the shop.")
    ] = 1.5,
    customers: Annotated[int, typer.Option(min=10, max=100_000, help="How many customers the shop has.")] = 200,
    scenario: Annotated[
        ScenarioOption, typer.Option(help="quiet, outage, late-courier, slow-hotline or all.")
    ] = ScenarioOption.all,
    seed: Annotated[int, typer.Option(help="Another seed, another story.")] = 1,
    workers: Annotated[int, typer.Option(min=1, max=8, help="Workers that share the partitions out among them.")] = 1,
    picture: Annotated[Path | None, typer.Option(help="Save the last screen as an SVG picture.")] = None,
    stay: Annotated[
        bool, typer.Option("--stay", help="Keep everything running after the story, until Ctrl-C.")
    ] = False,
) -> None:
    """Watch a shop's customers become unhappy, be noticed while it happens, and the people being told who can act.

    Starts the real Kafka, the real ClickHouse engine, a worker, a sink and the console on this machine (nothing has to be installed), plays a
    simulated shop at sixty times real time, and reconciles at the end. Data of an earlier demo are deleted; they lie in
    TOUCHSTONE_LOCAL_DIR/demo. Ctrl-C ends it early, with the summary.

    Example: touchstone demo --minutes 3 --scenario outage
    """
    settings = start()
    from streams.demo.run import Options
    from streams.demo.run import demo as run
    from streams.demo.summary import tell

    own = settings.model_copy(update={"local_dir": settings.local_dir / "demo", "console_clock": "stream"})
    options = Options(minutes, customers, scenario.value, seed, workers, stay)
    summary = run(options, own, lambda stack: _screen(stack, picture), lambda done: tell(done, own, stay=stay))
    if summary.reconciled is not None and not summary.reconciled.agree:
        raise typer.Exit(ExitCode.NO)


@contextlib.contextmanager
def _screen(stack: "Stack", picture: Path | None) -> Iterator["Shown"]:
    """The whole terminal; in a pipe, a line for each action."""
    from streams.demo.screen import Full, Lines
    from streams.terminal import err, out

    for title, address in stack.addresses.items():
        err().print(f"{title:<11}{address}", markup=False)
    shown: Shown
    try:
        if out().is_terminal:
            from rich.live import Live

            with Live(console=out(), screen=True, auto_refresh=False) as live:
                shown = Full(live)
                shown.page = stack.addresses.get("Console", "")
                yield shown
        else:
            yield (shown := Lines())
    finally:
        if picture is not None:
            shown.save(picture)
