"""/livez, /readyz and /metrics of a process, over HTTP. The part that runs says what is wrong; nothing wrong is 200, anything else 503."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from streams import metrics
from streams.errors import UserError
from streams.settings import Settings


class Health(Protocol):
    """What a part knows of itself: a sentence for each thing that is wrong."""

    def measure(self) -> None:
        """Set the metrics that go on changing while nothing happens: how old is what waits?"""
        ...

    def stalled(self) -> list[str]:
        """Why it should be restarted."""
        ...

    def not_ready(self) -> list[str]:
        """Why it does not do all its work now."""
        ...


@asynccontextmanager
async def serve(health: Health, settings: Settings) -> AsyncIterator[int]:
    """Serves until the block ends; gives the port. Port 0 in the settings: off, gives 0."""
    if settings.metrics_port == 0:
        yield 0
        return

    async def livez(_: web.Request) -> web.Response:
        return answer(health.stalled())

    async def readyz(_: web.Request) -> web.Response:
        return answer(health.not_ready())

    async def scrape(_: web.Request) -> web.Response:
        health.measure()
        metrics.process_ready.set(not health.not_ready())
        metrics.process_stalled.set(bool(health.stalled()))
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", scrape)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, settings.metrics_host, settings.metrics_port).start()
        except OSError as error:
            raise UserError(
                f"cannot serve metrics and health at {settings.metrics_host}:{settings.metrics_port}: {error.strerror}",
                "set TOUCHSTONE_METRICS_HOST and TOUCHSTONE_METRICS_PORT to a free port of this machine (each process needs its own), or to 0 for none",
            ) from None
        yield settings.metrics_port
    finally:
        await runner.cleanup()


def answer(problems: list[str]) -> web.Response:
    """200, or 503 with a line for each problem."""
    return web.Response(text="\n".join(problems or ["ok"]) + "\n", status=503 if problems else 200)
