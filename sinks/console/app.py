"""Wires the console and runs it: reader, topics, backlog, pages; until it is told to stop."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

from aiohttp import web

from sinks.console.backlog import Backlog
from sinks.console.clock import Clock
from sinks.console.deeds import Deeds
from sinks.console.follower import Background
from sinks.console.gap import Gap
from sinks.console.guard import Guard, add_headers
from sinks.console.health import Health
from sinks.console.hub import Hub
from sinks.console.keys import Keys
from sinks.console.pages import Console, Pages
from sinks.console.questions import QUESTIONS
from sinks.console.reader import Reader
from sinks.console.render import Renderer
from sinks.console.topics import Topics
from sinks.console.users import read_users
from sinks.console.words import Titles
from streams import probes
from streams.errors import UserError
from streams.settings import Settings

FORM_BYTES_MAX: Final = 1024 * 1024
SHUTDOWN_SECONDS: Final = 1.0
_STATIC: Final = Path(__file__).parent / "static"

log = logging.getLogger(__name__)


class Running(NamedTuple):
    """A console that runs, for tests and benchmarks to look into."""

    reader: Reader
    topics: Topics
    backlog: Backlog
    renderer: Renderer
    url: str


@asynccontextmanager
async def serve(settings: Settings) -> AsyncIterator[Running]:
    """Serves until the block ends. Raises UserError for users that cannot be used and a port that is taken."""
    users = read_users(settings)
    hub, clock, keys = Hub(), Clock(settings.console_clock), Keys(settings)
    topics, backlog = Topics(settings, hub.tell), Backlog(settings, hub.tell)
    reader = Reader(settings, {**QUESTIONS, "gap": Gap(settings, topics)}, lambda: topics.units, clock, hub.tell)
    renderer = Renderer(reader, topics, backlog, clock, keys, Titles(settings))
    guard = Guard(settings, users, keys)
    console = Console(settings, guard, reader, renderer, hub, topics, _build())
    pages = Pages(console)
    deeds = Deeds(console, pages, users, clock)
    health = Health(reader, topics, backlog, pages.streams)
    app = web.Application(middlewares=[guard.middleware, pages.middleware], client_max_size=FORM_BYTES_MAX)
    app.on_response_prepare.append(add_headers)
    app.add_routes(
        [
            *pages.routes(),
            *deeds.routes(),
            web.get("/livez", lambda request: _alive(health)),
            web.get("/readyz", lambda request: _ready(health)),
            web.get("/favicon.ico", _icon),
            web.static("/static", _STATIC),
        ]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    threads: list[Background] = [reader, topics, backlog]
    try:
        await _listen(runner, settings)
        for thread in threads:
            thread.start()
        async with probes.serve(health, settings):
            yield Running(reader, topics, backlog, renderer, address(settings))
    finally:
        for task in pages.streams:
            task.cancel()
        await runner.cleanup()
        await asyncio.gather(*(asyncio.to_thread(thread.stop) for thread in threads if thread.started))


async def run(settings: Settings, stop: asyncio.Event, ready: Callable[[str], None]) -> None:
    """Until `stop` is set; `ready` gets the address."""
    async with serve(settings) as running:
        ready(running.url)
        log.info("the console listens at %s", running.url)
        await stop.wait()


def address(settings: Settings) -> str:
    """What to type into a browser on this machine."""
    host = "127.0.0.1" if settings.console_host in ("", "0.0.0.0") else settings.console_host  # noqa: S104 - compared, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.console_port}"


async def _listen(runner: web.AppRunner, settings: Settings) -> None:
    try:
        await web.TCPSite(runner, settings.console_host, settings.console_port).start()
    except OSError as error:
        with contextlib.suppress(Exception):
            await runner.cleanup()
        raise UserError(
            f"cannot listen at {settings.console_host}:{settings.console_port}: {error.strerror}",
            "set TOUCHSTONE_CONSOLE_HOST and TOUCHSTONE_CONSOLE_PORT to a free port of this machine",
        ) from None


async def _alive(health: Health) -> web.Response:
    return probes.answer(health.stalled())


async def _icon(_: web.Request) -> web.FileResponse:
    """What browsers ask for where a page names none."""
    return web.FileResponse(_STATIC / "icon.svg")


async def _ready(health: Health) -> web.Response:
    return probes.answer(health.not_ready())


def _build() -> str:
    """Changes when a static file does, so that browsers fetch it anew."""
    files = sorted(path for path in _STATIC.iterdir() if path.is_file())
    return blake2b(b"".join(path.read_bytes() for path in files), digest_size=4).hexdigest()
