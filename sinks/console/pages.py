"""The pages: what stands at each address. Reading only; what changes something is in `deeds.py`."""

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sinks.console import gap
from sinks.console.guard import VISITOR, Guard, Visitor
from sinks.console.hub import Hub
from sinks.console.keys import TOKEN_BYTES
from sinks.console.questions import FILTERS
from sinks.console.reader import Question, Reader
from sinks.console.render import Renderer, View
from sinks.console.scope import Scope
from sinks.console.topics import Topics
from sinks.console.words import LANGUAGES
from streams.errors import Unavailable
from streams.settings import Settings

FIRST_ANSWER_SECONDS: Final = 1.5  # how long a page waits for its first figures before it says that it is loading
KEEP_ALIVE_SECONDS: Final = 10.0
BETWEEN_FRAMES_SECONDS: Final = 0.25
STREAM_SECONDS: Final = 3600.0  # then the browser connects again, and is asked again who it is
STREAMS_MAX: Final = 2_000
VALUE_LENGTH_MAX: Final = 200
SIMPLE: Final = ("now", "touchpoints", "gap", "health", "tasks")


class Console(NamedTuple):
    """What handlers use."""

    settings: Settings
    guard: Guard
    reader: Reader
    renderer: Renderer
    hub: Hub
    topics: Topics
    build: str


def visitor_of(request: web.Request) -> Visitor:
    """Whoever passed the guard."""
    return request[VISITOR]


class Pages:
    """Handlers that show."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.streams: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        """Addresses."""
        return [
            web.get("/", self.root),
            *(web.get(f"/{page}", self.show) for page in (*SIMPLE, "episodes")),
            web.get("/customers/{token}", self.show),
            web.get("/stream/{page}", self.stream),
            web.get("/stream/customers/{token}", self.stream),
        ]

    async def root(self, request: web.Request) -> web.StreamResponse:
        """To where one looks first: the front line to its tasks."""
        user = visitor_of(request).user
        raise web.HTTPSeeOther("/tasks" if user.staff else "/now")

    async def show(self, request: web.Request) -> web.StreamResponse:
        """A page with what is known now; its stream brings the rest."""
        view = await self.view(request)
        if view is None:
            return self.message(request, 404, "page.customer", "customer.none")
        await self._first(view)
        return web.Response(
            text=self._console.renderer.page(
                "page",
                view,
                view.language,
                filters=dict(view.question.options),
                choices=self._choices(view),
                gap_rows=gap.ROWS,
                **self.frame(request, view.page, stream=_stream_address(request)),
            ),
            content_type="text/html",
        )

    async def view(self, request: web.Request) -> View | None:
        """None: no such customer, for this visitor."""
        visitor = visitor_of(request)
        page, options = _page(request), {}
        if page == "customer":
            subject = await self.subject(request.match_info["token"], visitor.scope)
            if subject is None:
                return None
            options = {"subject": subject}
        elif page == "episodes":
            options = {name: request.query[name][:VALUE_LENGTH_MAX] for name in FILTERS if request.query.get(name)}
        elif page == "gap":
            options = {name: request.query[name][:VALUE_LENGTH_MAX] for name in gap.OPTIONS if request.query.get(name)}
        elif page == "tasks":
            options = {"staff": visitor.user.staff} if visitor.user.staff else {}
        question = Question(page, visitor.scope, tuple(sorted(options.items())))
        changes = gap.changes(request.query) if page == "gap" else ()
        return View(page, question, self.language(request), visitor.user.operator, changes)

    async def subject(self, token: str, scope: Scope) -> str | None:
        """Whom a token stands for, among those whom this scope may see. One that nobody remembers is looked for."""
        renderer, reader = self._console.renderer, self._console.reader
        if len(token) != 2 * TOKEN_BYTES:
            return None
        subject = renderer.subject(token)
        if subject is None:
            known = await asyncio.to_thread(reader.once, Question("subjects", scope))
            subject = await asyncio.to_thread(renderer.search, token, known)
        if subject is None:
            return None
        seen = await asyncio.to_thread(reader.once, Question("seen", scope, (("subject", subject),)))
        return subject if seen else None

    def _choices(self, view: View) -> dict[str, list[str]]:
        """What there is to filter by; nothing before the first figures."""
        answer = self._console.reader.want(view.question)
        if answer is None or view.page not in ("episodes", "gap"):
            return {}
        choices: dict[str, list[str]] = answer.data["choices"]
        if view.page == "gap":  # of a region, too, not only of its dealers
            units = self._console.topics.units
            above = {up for unit in choices["units"] if unit in units for up in units[unit].parents}
            seen = {one for one in above if view.scope.covers(one, units)}
            return {**choices, "units": sorted({*choices["units"], *seen})}
        return choices

    async def _first(self, view: View) -> None:
        """Waits a little for the first figures."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + FIRST_ANSWER_SECONDS
        while True:
            news = self._console.hub.news
            left = deadline - loop.time()
            if self._console.reader.want(view.question) is not None or left <= 0:
                return
            if self._console.reader.trouble is not None:
                return
            try:
                await asyncio.wait_for(news.wait(), left)
            except TimeoutError:
                return

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: panels as they change, and how old everything is."""
        view = await self.view(request)
        if view is None:
            raise web.HTTPNotFound
        if len(self.streams) >= STREAMS_MAX:
            raise web.HTTPServiceUnavailable
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await response.prepare(request)
        task = asyncio.ensure_future(self._feed(view, response))
        self.streams.add(task)
        try:
            await task
        except (ConnectionError, asyncio.CancelledError):
            task.cancel()
        finally:
            self.streams.discard(task)
        return response

    async def _feed(self, view: View, response: web.StreamResponse) -> None:
        renderer, loop = self._console.renderer, asyncio.get_running_loop()
        sent: dict[str, bytes] = {}
        end = loop.time() + STREAM_SECONDS
        await response.write(b"retry: 1000\n\n")
        while loop.time() < end:
            news = self._console.hub.news
            panels = renderer.panels(view)
            changed = [panel for panel in panels if sent.get(panel.id) != panel.digest]
            await response.write(b"".join([*(panel.frame for panel in changed), renderer.state(view)]))
            sent.update((panel.id, panel.digest) for panel in changed)
            await asyncio.sleep(BETWEEN_FRAMES_SECONDS)
            try:
                await asyncio.wait_for(news.wait(), KEEP_ALIVE_SECONDS)
            except TimeoutError:
                continue

    def language(self, request: web.Request) -> str:
        """The visitor's choice, else the setting."""
        chosen = request.cookies.get("touchstone_language", "")
        return chosen if chosen in LANGUAGES else self._console.settings.console_language

    def frame(self, request: web.Request, page: str, stream: str = "") -> dict[str, object]:
        """What every page needs around its panels."""
        visitor = request.get(VISITOR)
        theme = request.cookies.get("touchstone_theme", "")
        return {
            "page": page,
            "user": visitor.user if visitor is not None else None,
            "can_sign_out": visitor is not None and visitor.by_cookie,
            "stream": stream,
            "theme": theme if theme in ("light", "dark") else "",
            "wall": bool(request.cookies.get("touchstone_wall")) or "wall" in request.query,
            "here": request.path_qs,
            "build": self._console.build,
        }

    def message(self, request: web.Request, status: int, heading: str, words: str) -> web.Response:
        """A page that says one thing."""
        language = self.language(request)
        t = self._console.renderer.speech(language)
        around = self.frame(request, "now")
        text = self._console.renderer.page("message", None, language, heading=t(heading), words=t(words), **around)
        return web.Response(text=text, content_type="text/html", status=status)

    @property
    def middleware(self) -> Middleware:
        """Errors as pages: what is missing, what does not answer."""

        @web.middleware
        async def tell(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                return await handler(request)
            except web.HTTPNotFound:
                if VISITOR not in request or request.path.startswith(("/stream/", "/static/")):
                    raise
                return self.message(request, 404, "error.title", "error.missing")
            except Unavailable:
                return self.message(request, 503, "error.title", "error.unavailable")

        return tell


def _page(request: web.Request) -> str:
    if "token" in request.match_info:
        return "customer"
    name = request.match_info.get("page", request.path.strip("/"))
    if name not in (*SIMPLE, "episodes"):
        raise web.HTTPNotFound
    return name


def _stream_address(request: web.Request) -> str:
    known = {*FILTERS, *gap.OPTIONS}
    wanted: Mapping[str, str] = {
        name: value for name, value in request.query.items() if value and (name in known or name.startswith(gap.CHANGE))
    }
    return f"/stream{request.path}" + (f"?{urlencode(wanted)}" if wanted else "")
