"""Who may connect: user names with a password each, and what a read-only user is bound to."""

import hashlib
import hmac
from dataclasses import dataclass, field

from .errors import AUTHENTICATION_FAILED, error


@dataclass(frozen=True, slots=True)
class User:
    """`readonly` is the engine's setting: 0 everything, 1 only queries, 2 queries and settings."""

    name: str
    password: str = field(default="", repr=False)
    readonly: int = 0
    settings: dict[str, str] = field(default_factory=dict)  # limits, set when a session begins


class Users:
    """The users of one server."""

    def __init__(self, users: list[User]) -> None:
        self._by_name = {user.name: user for user in users}

    def authenticate(self, name: str, password: str) -> User:
        """Raises the error of a real server; it does not say whether the name or the password is wrong."""
        user = self._by_name.get(name or "default")
        expected = user.password if user else ""
        if user is None or not hmac.compare_digest(_digest(expected), _digest(password)):
            raise error(
                AUTHENTICATION_FAILED,
                f"{name or 'default'}: Authentication failed: password is incorrect, "
                "or there is no user with such name.",
            )
        return user


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode("utf-8", "surrogateescape")).digest()
