"""`touchstone console`: the live pages for those who watch and act."""

import typer

from streams.commands import start


def mount(root: typer.Typer) -> None:
    root.command()(console)


def console() -> None:
    """Serve the live console: what is going wrong, where, for whom, and whether somebody is on it. Until SIGTERM or Ctrl-C.

    It reads ClickHouse as a user who only reads, follows topics, and writes receipts to cx-action-updates. Without
    TOUCHSTONE_CONSOLE_USERS it is open to this machine only. docs/console.md says who may see and do what.

    Example: TOUCHSTONE_CONSOLE_PORT=18080 touchstone console
    """
    import asyncio
    import signal

    from sinks.console.app import run
    from streams.terminal import err

    settings = start()

    async def until_signal() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run(settings, stop, lambda url: err().print(f"Console    {url}", markup=False))

    asyncio.run(until_signal())
