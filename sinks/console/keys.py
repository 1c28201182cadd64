"""What is signed and keyed: sessions, and the tokens that stand for customers in addresses.

A customer's id never stands in a URL: logs, histories and screenshots would keep it. The token is a keyed hash of it.
"""

import base64
import binascii
import hmac
import secrets
import time
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

import msgspec

from streams.settings import Settings

SESSION_SECONDS: Final = 12 * 3600
TOKEN_BYTES: Final = 16
_SIGNATURE_BYTES: Final = 32


class Session(msgspec.Struct, frozen=True):
    """Who signed in, and until when it holds (Unix seconds)."""

    name: str
    until: int


class Keys:
    """One secret, a key for each purpose. Without a secret in the settings sessions and links end with the process."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time) -> None:
        given = settings.console_secret.get_secret_value().encode()
        secret = blake2b(given or secrets.token_bytes(32), digest_size=32).digest()
        self._links = blake2b(b"links", key=secret, digest_size=32).digest()
        self._sessions = blake2b(b"sessions", key=secret, digest_size=32).digest()
        self._now = now

    def customer(self, subject_id: str) -> str:
        """The token of a subject: 32 hexadecimal digits."""
        return blake2b(subject_id.encode(), key=self._links, digest_size=TOKEN_BYTES).hexdigest()

    def session(self, name: str) -> str:
        """A cookie's value."""
        body = msgspec.json.encode(Session(name, int(self._now()) + SESSION_SECONDS))
        return base64.urlsafe_b64encode(self._signature(body) + body).decode()

    def who(self, cookie: str) -> str | None:
        """The name in a session that we gave and that still holds."""
        try:
            raw = base64.urlsafe_b64decode(cookie.encode())
        except (binascii.Error, ValueError):
            return None
        signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(body)):
            return None
        session = msgspec.json.decode(body, type=Session)
        return session.name if session.until > self._now() else None

    def _signature(self, body: bytes) -> bytes:
        return blake2b(body, key=self._sessions, digest_size=_SIGNATURE_BYTES).digest()
