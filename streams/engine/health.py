"""/livez, /readyz and /metrics of a worker. Alive: the loop turns and commits do not stall while there is lag. The database is nobody's business here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from streams.errors import UserError
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.engine.worker import Worker

STALL_SECONDS = 60.0


class Health:
    """Of the worker's present life."""

    def __init__(self) -> None:
        self.worker: Worker | None = None

    def stalled(self) -> list[str]:
        """Tasks that have lag and have not committed for a while, though nothing outside holds them."""
        membership = self.worker.membership if self.worker else None
        if membership is None:
            return []
        return [
            f"{task.where}: no commit for {task.seconds_without_progress():.0f} s"
            for tasks in membership.tasks.values()
            for task in tasks
            if not task.held and task.lags() and task.seconds_without_progress() > STALL_SECONDS
        ]

    def not_ready(self) -> list[str]:
        """Why this worker does not process all that it should; empty when it does."""
        membership = self.worker.membership if self.worker else None
        if membership is None:
            return ["no broker yet"]
        if not membership.assigned:
            return ["waiting for partitions, or restoring"]
        held = [f"{task.where} is held" for tasks in membership.tasks.values() for task in tasks if task.held]
        return held + self.stalled()


@asynccontextmanager
async def serve(health: Health, settings: Settings) -> AsyncIterator[int]:
    """Serves until the block ends; gives the port. Port 0 in the settings: off, gives 0."""
    if settings.metrics_port == 0:
        yield 0
        return

    async def livez(_: web.Request) -> web.Response:
        return _answer(health.stalled())

    async def readyz(_: web.Request) -> web.Response:
        return _answer(health.not_ready())

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await _listen(runner, settings)
        yield settings.metrics_port
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, settings: Settings) -> None:
    where = f"{settings.metrics_host}:{settings.metrics_port}"
    try:
        await web.TCPSite(runner, settings.metrics_host, settings.metrics_port).start()
    except OSError as error:
        raise UserError(
            f"cannot serve metrics and health at {where}: {error.strerror}",
            "set TOUCHSTONE_METRICS_HOST and TOUCHSTONE_METRICS_PORT to a free port of this machine; each worker needs its own",
        ) from None


def _answer(problems: list[str]) -> web.Response:
    return web.Response(text="\n".join(problems or ["ok"]) + "\n", status=503 if problems else 200)
