"""Who may come in, as what, and for which units. From TOUCHSTONE_CONSOLE_USERS, a list in YAML or JSON.

Without users whoever sits at the machine is operator of everything; the console then listens on loopback only.
"""

import hmac
from collections.abc import Sequence
from typing import Final, Literal

import msgspec
import yaml

from streams.errors import UserError
from streams.settings import Settings

TOKEN_LENGTH_MIN: Final = 16
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_FIX: Final = (
    'a list such as [{"name": "mara", "token": "…", "role": "operator", "unit": "store-7", "staff": "store-7/2"}]; '
    "docs/console.md"
)


class User(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`unit`: the unit that she sees, with everything below it; empty: all. `staff`: her id in assignments and receipts.

    Without a token she comes in through the proxy only.
    """

    name: str
    role: Literal["read", "operator"] = "read"
    token: str = ""
    unit: str = ""
    staff: str = ""

    @property
    def operator(self) -> bool:
        """May she write receipts?"""
        return self.role == "operator"


LOCAL: Final = User(name="local", role="operator")


class Users:
    """Those who are known. `open`: nobody has to sign in."""

    def __init__(self, users: Sequence[User]) -> None:
        self._by_name = {user.name: user for user in users}
        self.open = not users

    def named(self, name: str) -> User | None:
        """For a session, or the proxy's word."""
        return self._by_name.get(name)

    def with_token(self, token: str) -> User | None:
        """Compares with every token, in the same time whichever fits."""
        found = None
        for user in self._by_name.values():
            if user.token and hmac.compare_digest(user.token.encode(), token.encode()):
                found = user
        return found


def read_users(settings: Settings) -> Users:
    """Raises UserError for a list that cannot be used, and for an open console that others could reach."""
    text = settings.console_users.get_secret_value()
    if not text.strip():
        if settings.console_host not in LOOPBACK:
            raise UserError(
                f"TOUCHSTONE_CONSOLE_HOST is {settings.console_host}, which others can reach, and there are no users",
                "set TOUCHSTONE_CONSOLE_USERS (or …_USERS_FILE), or listen on 127.0.0.1",
            )
        return Users(())
    users = _parsed(text)
    for user in users:
        if user.token and len(user.token) < TOKEN_LENGTH_MIN:
            raise UserError(f"TOUCHSTONE_CONSOLE_USERS: {user.name}'s token is shorter than {TOKEN_LENGTH_MIN}", _FIX)
        if not user.token and not settings.console_proxy_header:
            raise UserError(f"TOUCHSTONE_CONSOLE_USERS: {user.name} has no token, and no proxy names users", _FIX)
    for what, values in (("name", [u.name for u in users]), ("token", [u.token for u in users if u.token])):
        if len(set(values)) != len(values):
            raise UserError(f"TOUCHSTONE_CONSOLE_USERS: two users have the same {what}", "each needs one of its own")
    return Users(users)


def _parsed(text: str) -> list[User]:
    """Errors never quote the text: it holds tokens."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise UserError(f"TOUCHSTONE_CONSOLE_USERS is no YAML{where}", _FIX) from None
    try:
        users = msgspec.convert(found, list[User])
    except msgspec.ValidationError as error:
        raise UserError(f"TOUCHSTONE_CONSOLE_USERS: {error}", _FIX) from None
    if not users or not all(user.name for user in users):
        raise UserError("TOUCHSTONE_CONSOLE_USERS: nobody, or somebody without a name", _FIX)
    return users
