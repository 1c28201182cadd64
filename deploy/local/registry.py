"""A read-only schema registry on loopback with the repository's schemas, for Confluent's clients: `python -m deploy.local.registry --port N`.

Paths, JSON and error codes are those of Confluent's registry. What would change it is refused as by a registry in read-only mode (42205).
"""

import argparse
import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from deploy.local.ports import HOST
from schemas.registry import RegisteredSchema, local

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
MAX_BODY_BYTES = 1024 * 1024
MAX_VERSION = 2**31 - 1


class Schemas(Protocol):
    """What is served: `schemas.registry.LocalRegistry`."""

    def subjects(self) -> list[str]: ...
    def versions(self, subject: str) -> list[int]: ...
    def schema(self, subject: str, version: int) -> RegisteredSchema: ...
    def by_id(self, schema_id: int) -> RegisteredSchema: ...


class Answer(NamedTuple):
    """A status and a JSON document."""

    status: int
    document: object


class Refusal(Exception):
    """An error in Confluent's form."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.answer = Answer(status, {"error_code": code, "message": message})


def _no_subject(subject: str) -> Refusal:
    return Refusal(404, 40401, f"Subject '{subject}' not found.")


class Endpoint:
    """Answers requests from `schemas`. `prefix` stands before topics on the cluster, and so before their subjects."""

    def __init__(self, schemas: Schemas, prefix: str = "") -> None:
        self._schemas = schemas
        self._prefix = prefix
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., object]]] = [
            (method, re.compile(pattern), handler)
            for method, pattern, handler in (
                ("GET", r"/", lambda query: {}),
                ("GET", r"/subjects", self._subjects),
                ("GET", r"/subjects/([^/]+)/versions", self._versions),
                ("GET", r"/subjects/([^/]+)/versions/([^/]+)", self._version),
                ("GET", r"/subjects/([^/]+)/versions/([^/]+)/schema", self._text),
                ("POST", r"/subjects/([^/]+)", self._lookup),
                ("GET", r"/schemas/ids/([^/]+)", self._by_id),
                ("GET", r"/schemas/ids/([^/]+)/schema", self._by_id_text),
                ("GET", r"/schemas/ids/([^/]+)/subjects", self._id_subjects),
                ("GET", r"/schemas/ids/([^/]+)/versions", self._id_versions),
                ("GET", r"/schemas/types", lambda query: ["AVRO"]),
                ("GET", r"/config(?:/([^/]+))?", lambda query, _: {"compatibilityLevel": "BACKWARD_TRANSITIVE"}),
                ("GET", r"/mode(?:/([^/]+))?", lambda query, _: {"mode": "READONLY"}),
            )
        ]

    def answer(self, method: str, target: str, body: bytes = b"") -> Answer:
        """The answer to a request; `target` is path and query."""
        split = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(split.query).items()}
        path = split.path.rstrip("/") or "/"
        known = False
        try:
            for wanted, pattern, handler in self._routes:
                match = pattern.fullmatch(path)
                if match is None:
                    continue
                known = True
                if wanted == method:
                    arguments = [part and unquote(part) for part in match.groups()]
                    extra = [body] if method == "POST" else []
                    return Answer(200, handler(query, *arguments, *extra))
        except Refusal as refusal:
            return refusal.answer
        if known:
            why = "This registry is read-only: its schemas are files of the repository, in schemas/."
            return Refusal(422, 42205, why).answer
        return Refusal(404, 404, "HTTP 404 Not Found").answer

    def _names(self) -> list[str]:
        return [self._prefix + subject for subject in self._schemas.subjects()]

    def _inner(self, subject: str) -> str:
        """The repository's name of a subject."""
        inner = subject.removeprefix(self._prefix)
        try:
            known = subject.startswith(self._prefix) and bool(self._schemas.versions(inner))
        except KeyError:
            known = False
        if not known:
            raise _no_subject(subject)
        return inner

    def _subjects(self, query: dict[str, str]) -> list[str]:
        start = query.get("subjectPrefix", "").removeprefix(":*:")
        return [name for name in self._names() if name.startswith(start)]

    def _versions(self, query: dict[str, str], subject: str) -> list[int]:
        return self._schemas.versions(self._inner(subject))

    def _find(self, subject: str, version: str) -> RegisteredSchema:
        inner = self._inner(subject)
        versions = self._schemas.versions(inner)
        if version in ("latest", "-1"):
            return self._schemas.schema(inner, max(versions))
        if not version.isascii() or not version.isdigit() or not 1 <= int(version) <= MAX_VERSION:
            message = f"The specified version '{version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\""
            raise Refusal(422, 42202, message)
        if int(version) not in versions:
            raise Refusal(404, 40402, f"Version {version} not found.")
        return self._schemas.schema(inner, int(version))

    def _version(self, query: dict[str, str], subject: str, version: str) -> dict[str, object]:
        return self._shown(self._find(subject, version), subject)

    def _text(self, query: dict[str, str], subject: str, version: str) -> object:
        return json.loads(self._find(subject, version).text)

    def _shown(self, schema: RegisteredSchema, subject: str) -> dict[str, object]:
        return {"subject": subject, "version": schema.version, "id": schema.id, "schema": schema.text}

    def _with_id(self, text: str) -> RegisteredSchema:
        try:
            return self._schemas.by_id(int(text))
        except (KeyError, ValueError):
            raise Refusal(404, 40403, f"Schema {text} not found") from None

    def _by_id(self, query: dict[str, str], schema_id: str) -> dict[str, object]:
        return {"schema": self._with_id(schema_id).text}

    def _by_id_text(self, query: dict[str, str], schema_id: str) -> object:
        return json.loads(self._with_id(schema_id).text)

    def _uses(self, schema_id: int) -> list[tuple[str, int]]:
        return [
            (self._prefix + subject, version)
            for subject in self._schemas.subjects()
            for version in self._schemas.versions(subject)
            if self._schemas.schema(subject, version).id == schema_id
        ]

    def _id_subjects(self, query: dict[str, str], schema_id: str) -> list[str]:
        return [subject for subject, _ in self._uses(self._with_id(schema_id).id)]

    def _id_versions(self, query: dict[str, str], schema_id: str) -> list[dict[str, object]]:
        uses = self._uses(self._with_id(schema_id).id)
        return [{"subject": subject, "version": version} for subject, version in uses]

    def _lookup(self, query: dict[str, str], subject: str, body: bytes) -> dict[str, object]:
        """Which version has this text? What a serializer asks that does not register."""
        inner = self._inner(subject)
        try:
            wanted = json.loads(json.loads(body)["schema"])
        except (ValueError, KeyError, TypeError):
            raise Refusal(422, 42201, "Invalid schema") from None
        for version in sorted(self._schemas.versions(inner), reverse=True):
            schema = self._schemas.schema(inner, version)
            if _same(json.loads(schema.text), wanted):
                return self._shown(schema, subject)
        raise Refusal(404, 40403, "Schema not found")


def _same(left: object, right: object) -> bool:
    """Equal as schemas: clients may have dropped or reordered what is only documentation."""
    return _bare(left) == _bare(right)


def _bare(node: object) -> object:
    if isinstance(node, dict):
        return {key: _bare(value) for key, value in node.items() if key != "doc"}
    if isinstance(node, list):
        return [_bare(item) for item in node]
    return node


def server(schemas: Schemas, port: int, *, prefix: str = "", host: str = HOST) -> ThreadingHTTPServer:
    """Bound, not yet serving; port 0 takes a free one."""
    endpoint = Endpoint(schemas, prefix)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30  # an idle connection does not hold its thread for ever

        def do_GET(self) -> None:
            self._reply(endpoint.answer("GET", self.path))

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "0")
            if not length.isdigit() or int(length) > MAX_BODY_BYTES:
                self.close_connection = True
                self._reply(Refusal(413, 413, f"A request may have {MAX_BODY_BYTES} bytes.").answer)
                return
            self._reply(endpoint.answer("POST", self.path, self.rfile.read(int(length))))

        def do_PUT(self) -> None:
            self.close_connection = True  # the body stays unread
            self._reply(endpoint.answer("PUT", self.path))

        def do_DELETE(self) -> None:
            self.close_connection = True
            self._reply(endpoint.answer("DELETE", self.path))

        def _reply(self, answer: Answer) -> None:
            content = json.dumps(answer.document, ensure_ascii=False).encode()
            self.send_response(answer.status)
            if self.close_connection:
                self.send_header("Connection", "close")
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: a deserializer asks once a schema."""

    ThreadingHTTPServer.daemon_threads = True
    return ThreadingHTTPServer((host, port), Handler)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--prefix", default="")
    options = parser.parse_args()
    with server(local(), options.port, prefix=options.prefix, host=options.host) as bound:
        bound.serve_forever()


if __name__ == "__main__":
    main()
