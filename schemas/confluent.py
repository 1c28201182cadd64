"""A client of Confluent-compatible schema registries: look up, register, compatibility. Nothing is retried or kept.

No redirects (they would carry the password elsewhere) and no proxies; secrets stand in no message.
"""

import base64
import http.client
import json
import socket
import ssl
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit

CONTENT_TYPE: Final = "application/vnd.schemaregistry.v1+json"
COMPATIBILITY: Final = "BACKWARD_TRANSITIVE"
STRONG_ENOUGH: Final = (COMPATIBILITY, "FULL_TRANSITIVE")
ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024
_UNSENT: Final = object()

# Error codes of the protocol.
SUBJECT_NOT_FOUND: Final = 40401
SCHEMA_NOT_FOUND: Final = 40403
LEVEL_NOT_SET: Final = 40408
INCOMPATIBLE: Final = (409, 40901)


class RegistryError(Exception):
    """What the registry, or the way to it, did not do. The message names the registry and never a secret."""


class Unreachable(RegistryError):
    """No answer, no TLS, no registry, or one that cannot work now: the same question may be answered later."""


class Unauthorised(RegistryError):
    """The registry does not know the user, or does not let it do this."""


class Refused(RegistryError):
    """The registry understood and said no. `code` is Confluent's, else HTTP's."""

    def __init__(self, detail: str, code: int) -> None:
        super().__init__(detail)
        self.code = code


class Registered(NamedTuple):
    """A schema under a subject."""

    id: int
    version: int


class Credentials(NamedTuple):
    """Basic authentication."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, '**********')"


class Registry:
    """One registry. `url` http or https, without user and password. Raises ValueError for another."""

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        *,
        cafile: Path | None = None,
        timeout_seconds: float = 5.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("a registry's address looks like https://registry.example:8081")
        if "@" in parts.netloc:
            raise ValueError("user and password do not belong into a registry's address")
        self.name = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._host, self._port = parts.hostname, parts.port
        self._path = parts.path.rstrip("/")
        self._tls = ssl.create_default_context(cafile=cafile) if parts.scheme == "https" else None
        self._credentials = credentials
        self._timeout = timeout_seconds

    def schema(self, schema_id: int) -> str | None:
        """Text of a schema, None where the registry has none of this id."""
        answer = self._ask("GET", f"/schemas/ids/{schema_id}", missing=(SCHEMA_NOT_FOUND,))
        return None if answer is None else str(self._field(answer, "schema"))

    def find(self, subject: str, text: str) -> Registered | None:
        """Where a schema stands under a subject, None where it does not."""
        path = f"/subjects/{quote(subject, safe='')}"
        answer = self._ask("POST", path, {"schema": text}, missing=(SUBJECT_NOT_FOUND, SCHEMA_NOT_FOUND))
        if answer is None:
            return None
        return Registered(int(self._field(answer, "id")), int(self._field(answer, "version")))

    def register(self, subject: str, text: str) -> int:
        """Adds a schema to a subject; its id."""
        answer = self._ask("POST", f"/subjects/{quote(subject, safe='')}/versions", {"schema": text})
        return int(self._field(answer, "id"))

    def level(self, subject: str) -> str | None:
        """The subject's own rule of compatibility, None: it has none and the registry's holds."""
        path = f"/config/{quote(subject, safe='')}"
        answer = self._ask("GET", path, missing=(SUBJECT_NOT_FOUND, LEVEL_NOT_SET))
        return None if answer is None else str(self._field(answer, "compatibilityLevel"))

    def set_level(self, subject: str, level: str) -> None:
        """Sets the subject's rule of compatibility."""
        self._ask("PUT", f"/config/{quote(subject, safe='')}", {"compatibility": level})

    def _field(self, answer: Any, name: str) -> Any:
        if not isinstance(answer, dict) or name not in answer:
            raise Unreachable(f"{self.name} does not answer as a schema registry does: no {name!r}")
        return answer[name]

    def _ask(self, method: str, path: str, body: object = _UNSENT, missing: tuple[int, ...] = ()) -> Any:
        """The answer, None for one of the `missing` codes."""
        status, content = self._exchange(method, path, body)
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        if status == 200 and answer is not None:
            return answer
        code = answer.get("error_code") if isinstance(answer, dict) else None
        if code in missing:
            return None
        said = str(answer.get("message", ""))[:500] if isinstance(answer, dict) else ""
        raise self._error(status, code, said)

    def _error(self, status: int, code: int | None, said: str) -> RegistryError:
        if status in (401, 403):
            who = f"user {self._credentials.username!r}" if self._credentials else "a request without user"
            return Unauthorised(f"{self.name} refuses {who} ({status}){f': {said}' if said else ''}")
        if status == 429 or status >= 500:
            return Unreachable(f"{self.name} cannot answer now ({code or status}){f': {said}' if said else ''}")
        if code is None:
            return Unreachable(f"{self.name} is no schema registry: it answers with status {status}")
        return Refused(f"{self.name}: {said} ({code})", code)

    def _exchange(self, method: str, path: str, body: object) -> tuple[int, bytes]:
        headers = {"Accept": f"{CONTENT_TYPE}, application/json"}
        content = None
        if body is not _UNSENT:
            content = json.dumps(body).encode()
            headers["Content-Type"] = CONTENT_TYPE
        if self._credentials is not None:
            pair = f"{self._credentials.username}:{self._credentials.password}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        connection = self._connection()
        try:
            connection.request(method, self._path + path, content, headers)
            response = connection.getresponse()
            answer = response.read(ANSWER_BYTES_MAX)
        except ssl.SSLCertVerificationError as error:
            raise Unreachable(f"{self.name}: its certificate is not trusted: {error.verify_message}") from None
        except TimeoutError:
            raise Unreachable(f"{self.name} does not answer within {self._timeout:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{self.name} does not answer: {_reason(error)}") from None
        finally:
            connection.close()
        return response.status, answer

    def _connection(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._tls)


def _reason(error: OSError | http.client.HTTPException) -> str:
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
