"""What changes something: signing in and out, preferences, finding a customer, receipts, sending a refused message again."""

import asyncio
import logging
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from sinks.console.clock import Clock
from sinks.console.guard import COOKIE
from sinks.console.letters import Letters
from sinks.console.pages import Console, Pages, visitor_of
from sinks.console.reader import Question
from sinks.console.receipts import STATUSES, Forbidden, Receipts
from sinks.console.users import Users
from streams import metrics
from streams.errors import Unavailable, UserError

WRONG_TOKEN_SECONDS: Final = 1.0  # one wrong token at a time, each this slow
YEAR_SECONDS: Final = 365 * 24 * 3600
_PREFERENCES: Final = {"language": ("en", "zh"), "theme": ("light", "dark"), "wall": ("", "1")}

log = logging.getLogger(__name__)


class Deeds:
    """Handlers that do."""

    def __init__(self, console: Console, pages: Pages, users: Users, clock: Clock) -> None:
        self._console, self._pages, self._users, self._clock = console, pages, users, clock
        self._receipts = Receipts(console.settings, console.reader)
        self._letters = Letters(console.settings, console.reader)
        self._wrong_token = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """Addresses."""
        letter = "/letters/{topic}/{partition:\\d+}/{offset:\\d+}"
        return [
            web.get("/sign-in", self.sign_in_page),
            web.post("/sign-in", self.sign_in),
            web.post("/sign-out", self.sign_out),
            web.post("/prefer", self.prefer),
            web.post("/find", self.find),
            web.post("/receipts", self.receipt),
            web.get(letter, self.letter_page),
            web.post(letter, self.send_letter),
        ]

    async def sign_in_page(self, request: web.Request) -> web.Response:
        """Asks for the token."""
        return self._sign_in_page(request, wrong=False)

    def _sign_in_page(self, request: web.Request, *, wrong: bool) -> web.Response:
        around = {**self._pages.frame(request, "sign_in"), "user": None}
        text = self._console.renderer.page(
            "sign_in", None, self._pages.language(request), wrong=wrong, back="/", **around
        )
        return web.Response(text=text, content_type="text/html", status=401 if wrong else 200)

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """A token for a session."""
        form = await request.post()
        user = self._users.with_token(str(form.get("token", "")))
        if user is None:
            async with self._wrong_token:
                await asyncio.sleep(WRONG_TOKEN_SECONDS)
            metrics.console_sign_ins_total.labels("refused").inc()
            log.warning("somebody at %s gave a token that is none", request.remote)
            return self._sign_in_page(request, wrong=True)
        response = web.Response(status=303, headers={"Location": "/"})
        secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
        self._console.guard.signed_in(response, user, secure=secure)
        metrics.console_sign_ins_total.labels("given").inc()
        log.info("%s signed in", user.name)
        return response

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        """Ends the session in this browser."""
        response = web.Response(status=303, headers={"Location": "/sign-in"})
        response.del_cookie(COOKIE)
        return response

    async def prefer(self, request: web.Request) -> web.StreamResponse:
        """Language, theme, wall: kept in the browser."""
        form = await request.post()
        response = web.Response(status=303, headers={"Location": _back(str(form.get("back", "/")))})
        for name, allowed in _PREFERENCES.items():
            value = form.get(name)
            if value in allowed:
                response.set_cookie(f"touchstone_{name}", str(value), max_age=YEAR_SECONDS, samesite="Lax")
        return response

    async def find(self, request: web.Request) -> web.StreamResponse:
        """A customer by id: posted, so that the id is in no address."""
        visitor, form = visitor_of(request), await request.post()
        subject = str(form.get("subject", "")).strip()[:256]
        question = Question("seen", visitor.scope, (("subject", subject),))
        if not subject or not await asyncio.to_thread(self._console.reader.once, question):
            return self._pages.message(request, 404, "page.customer", "customer.none")
        raise web.HTTPSeeOther(f"/customers/{self._console.renderer.token(subject)}")

    async def receipt(self, request: web.Request) -> web.StreamResponse:
        """204 when Kafka has it; what became of it comes back through the stream."""
        visitor, form = visitor_of(request), await request.post()
        action, status, note = (str(form.get(name, "")).strip() for name in ("action", "status", "note"))
        at_us = self._clock.now_us()
        by_script = request.headers.get("X-Requested-With") == "console"

        def count(outcome: str) -> None:
            metrics.console_receipts_total.labels(status if status in STATUSES else "other", outcome).inc()

        try:
            await asyncio.to_thread(self._receipts.write, visitor.user, visitor.scope, action, status, note, at_us)
        except Forbidden:
            count("forbidden")
            return self._answer(request, 403, "error.forbidden", by_script=by_script)
        except UserError as error:
            count("refused")
            log.warning("a receipt of %s was not sent: %s", visitor.user.name, error.what)
            return self._answer(request, 400, "do.failed", by_script=by_script)
        except Unavailable as error:
            count("unavailable")
            log.warning("a receipt of %s was not sent: %s", visitor.user.name, error.detail)
            return self._answer(request, 503, "error.unavailable", by_script=by_script)
        count("sent")
        if by_script:
            return web.Response(status=204)
        referer = urlsplit(request.headers.get("Referer", ""))
        raise web.HTTPSeeOther(_back(referer.path + (f"?{referer.query}" if referer.query else "")))

    def _answer(self, request: web.Request, status: int, words: str, *, by_script: bool) -> web.Response:
        if by_script:
            t = self._console.renderer.speech(self._pages.language(request))
            return web.Response(status=status, text=t(words))
        return self._pages.message(request, status, "error.title", words)

    async def letter_page(self, request: web.Request) -> web.Response:
        """A refused message: its bytes, as far as they can be read."""
        return await self._letter(request, "", "")

    async def _letter(self, request: web.Request, result: str, text: str) -> web.Response:
        visitor = visitor_of(request)
        letter = await asyncio.to_thread(self._letters.read, visitor.scope, request.match_info)
        if letter is None:
            return self._pages.message(request, 404, "page.letter", "letter.none")
        around = self._pages.frame(request, "letter")
        shown = self._console.renderer.page(
            "letter",
            None,
            self._pages.language(request),
            letter=letter,
            result=result,
            text=text or letter.repair,
            operator=visitor.user.operator,
            **around,
        )
        return web.Response(text=shown, content_type="text/html")

    async def send_letter(self, request: web.Request) -> web.StreamResponse:
        """The repaired record, to the topic where it was refused."""
        visitor, form = visitor_of(request), await request.post()
        t = self._console.renderer.speech(self._pages.language(request))
        text = str(form.get("record", ""))
        if not visitor.user.operator or not visitor.scope.whole:
            return self._pages.message(request, 403, "error.title", "error.forbidden")
        try:
            await asyncio.to_thread(self._letters.send, request.match_info["topic"], text)
        except UserError as error:
            return await self._letter(request, t("letter.refused", why=error.what), text)
        log.info("%s sent a repaired message to %s", visitor.user.name, request.match_info["topic"])
        return await self._letter(request, t("letter.sent"), text)


def _back(path: str) -> str:
    """An address of ours: never another site's."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"
