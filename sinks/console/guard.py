"""Before every handler: who is it, and may this request come from where it comes from? After it: headers that browsers heed.

Sign-in is by token (then a signed cookie), or by the word of a trusted proxy. Changes are POSTs from our own pages only.
"""

import logging
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sinks.console.keys import SESSION_SECONDS, Keys
from sinks.console.scope import Scope
from sinks.console.users import LOCAL, LOOPBACK, User, Users
from streams.errors import UserError
from streams.settings import Settings

COOKIE: Final = "touchstone_session"
OPEN_PATHS: Final = ("/static/", "/favicon.ico", "/sign-in", "/livez", "/readyz", "/prefer")
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

log = logging.getLogger(__name__)


class Visitor(NamedTuple):
    """Who asks. `by_cookie`: she signed in here, and can sign out."""

    user: User
    by_cookie: bool

    @property
    def scope(self) -> Scope:
        """What she sees."""
        return Scope(self.user.unit)


VISITOR: Final = web.RequestKey("visitor", Visitor)


class Guard:
    """One for the application."""

    def __init__(self, settings: Settings, users: Users, keys: Keys) -> None:
        self._users, self._keys = users, keys
        self._header = settings.console_proxy_header
        self._proxies = proxies(settings)

    def visitor(self, request: web.Request) -> Visitor | None:
        """None: she has to sign in."""
        if self._users.open:
            return Visitor(LOCAL, by_cookie=False)
        if self._header and self._header in request.headers and self._from_proxy(request.remote):
            names = request.headers.getall(self._header)
            # twice: the proxy added its word to one that it should have taken out, and which is which nobody knows
            named = self._users.named(names[0]) if len(names) == 1 else None
            return Visitor(named, by_cookie=False) if named is not None else None
        name = self._keys.who(request.cookies.get(COOKIE, ""))
        user = self._users.named(name) if name is not None else None
        return Visitor(user, by_cookie=True) if user is not None else None

    def _from_proxy(self, remote: str | None) -> bool:
        try:
            address = ip_address(remote or "")
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped  # so it looks where one socket listens for both
        return any(address in one for one in self._proxies)

    def signed_in(self, response: web.StreamResponse, user: User, *, secure: bool) -> None:
        """Gives the session."""
        response.set_cookie(
            COOKIE, self._keys.session(user.name), max_age=SESSION_SECONDS, httponly=True, samesite="Strict", secure=secure
        )  # fmt: skip

    @property
    def middleware(self) -> Middleware:
        """For aiohttp."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            wrong = self._wrong(request)
            if wrong is not None:
                return wrong
            visitor = self.visitor(request)
            if visitor is not None:
                request[VISITOR] = visitor
            elif not request.path.startswith(OPEN_PATHS):
                if request.path.startswith("/stream/") or request.method != "GET":
                    return web.Response(status=401, text="sign in\n")
                return web.Response(status=303, headers={"Location": "/sign-in"})
            return await handler(request)

        return check

    def _wrong(self, request: web.Request) -> web.Response | None:
        host = urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
        if self._users.open and host not in LOOPBACK:
            # a name that was made to point at this machine: without sign-in the browser's word is all there is
            return web.Response(status=421, text="this console is open to this machine only: use 127.0.0.1\n")
        if request.method not in ("GET", "HEAD") and not _from_our_pages(request):
            log.warning("a %s from another site was refused: %s", request.method, request.path.split("/")[1])
            return web.Response(status=403, text="not from this site\n")
        return None


def proxies(settings: Settings) -> list[IPv4Network | IPv6Network]:
    """Whose word about the visitor's name counts: addresses, or networks such as 10.0.3.0/24. Raises UserError."""
    found = []
    for one in filter(None, (part.strip() for part in settings.console_proxy_addresses.split(","))):
        try:
            found.append(ip_network(one))
        except ValueError as error:
            raise UserError(
                f"TOUCHSTONE_CONSOLE_PROXY_ADDRESSES: {error}",
                "addresses or networks, separated by commas: 10.0.3.17, 10.0.4.0/24",
            ) from None
    return found


def _from_our_pages(request: web.Request) -> bool:
    """Browsers say where a POST comes from; who says nothing at all is no browser and holds no cookie by accident."""
    origin = request.headers.get("Origin")
    if origin is not None:
        return urlsplit(origin).netloc == request.headers.get("Host", "")
    return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """For aiohttp's signal: every response, streams and refusals, too."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
