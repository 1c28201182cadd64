"""`touchstone sink`: carries messages on to where people and programs look for them."""

import typer

from streams.commands import start

app = typer.Typer(no_args_is_help=True, help="Carry messages on: into ClickHouse.")


def mount(root: typer.Typer) -> None:
    root.add_typer(app, name="sink")


@app.command()
def clickhouse() -> None:
    """Store what the topics hold in ClickHouse, until SIGTERM or Ctrl-C. Start as many as there are partitions.

    It waits while ClickHouse is away, and stops with a message when an offset is gone. `touchstone migrate` comes first.

    Example: TOUCHSTONE_METRICS_PORT=9102 touchstone sink clickhouse
    """
    import asyncio
    import signal

    from sinks.clickhouse import run

    settings = start()

    async def until_signal() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run(settings, stop)

    asyncio.run(until_signal())
