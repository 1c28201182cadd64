"""A schema registry in this process that answers as Confluent's does: paths, error codes, global ids, compatibility."""

import base64
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import fastavro

from schemas.compatibility import NO_SCHEMA, breaks

LEVELS = ("NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE")


class Refusal(Exception):
    """An error answer."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class RegistryService:
    """What the registry holds, and what it was asked. `user`: basic authentication; `fail`: status of every answer."""

    def __init__(self) -> None:
        self.schemas: list[str] = []  # id − 1 → text
        self.subjects: dict[str, list[int]] = {}
        self.levels: dict[str, str] = {}
        self.asked: list[str] = []
        self.user: tuple[str, str] | None = None
        self.fail: tuple[int, bytes] | None = None
        self.read_only = False
        self.url = ""
        self._lock = threading.Lock()

    def answer(self, method: str, path: str, authorization: str, body: bytes) -> tuple[int, bytes]:
        """Status and content."""
        with self._lock:
            path = path.partition("?")[0]
            self.asked.append(f"{method} {path}")
            if self.fail is not None:
                return self.fail
            try:
                self._authorise(authorization)
                return 200, json.dumps(self._handled(method, path, body)).encode()
            except Refusal as refusal:
                return refusal.status, json.dumps({"error_code": refusal.code, "message": str(refusal)}).encode()

    def _authorise(self, authorization: str) -> None:
        if self.user is not None:
            expected = base64.b64encode(":".join(self.user).encode()).decode()
            if authorization != f"Basic {expected}":
                raise Refusal(401, 401, "Unauthorized")

    def _handled(self, method: str, path: str, body: bytes) -> object:
        if self.read_only and method == "PUT":
            raise Refusal(422, 42205, "Subject is in read-only mode")
        for wanted, pattern, handler in (
            ("GET", r"/schemas/ids/(\d+)", self._by_id),
            ("POST", r"/subjects/([^/]+)", self._lookup),
            ("POST", r"/subjects/([^/]+)/versions", self._register),
            ("GET", r"/config/([^/]+)", self._level),
            ("PUT", r"/config/([^/]+)", self._set_level),
        ):
            match = re.fullmatch(pattern, path)
            if match and wanted == method:
                call: Callable[..., object] = handler
                return call(unquote(match[1]), *([json.loads(body)] if body else []))
        raise Refusal(404, 404, "HTTP 404 Not Found")

    def _by_id(self, schema_id: str) -> object:
        if not 1 <= int(schema_id) <= len(self.schemas):
            raise Refusal(404, 40403, f"Schema {schema_id} not found")
        return {"schema": self.schemas[int(schema_id) - 1]}

    def _same(self, text: str) -> int | None:
        wanted = json.loads(text)
        return next((number + 1 for number, one in enumerate(self.schemas) if json.loads(one) == wanted), None)

    def _lookup(self, subject: str, request: dict[str, Any]) -> object:
        if subject not in self.subjects:
            raise Refusal(404, 40401, f"Subject '{subject}' not found.")
        schema_id = self._same(request["schema"])
        if schema_id not in self.subjects[subject]:
            raise Refusal(404, 40403, "Schema not found")
        version = self.subjects[subject].index(schema_id) + 1
        return {"subject": subject, "version": version, "id": schema_id, "schema": self.schemas[schema_id - 1]}

    def _register(self, subject: str, request: dict[str, Any]) -> object:
        if self.read_only:
            raise Refusal(422, 42205, f"Subject {subject} is in read-only mode")
        text = request["schema"]
        try:
            fastavro.parse_schema(json.loads(text))
        except NO_SCHEMA as error:
            raise Refusal(422, 42201, f"Invalid schema {error}") from None
        schema_id = self._same(text)
        if schema_id is None:
            self._check(subject, json.loads(text))
            self.schemas.append(text)
            schema_id = len(self.schemas)
        versions = self.subjects.setdefault(subject, [])
        if schema_id not in versions:
            self._check(subject, json.loads(text))
            versions.append(schema_id)
        return {"id": schema_id}

    def _check(self, subject: str, newer: Any) -> None:
        level = self.levels.get(subject, "BACKWARD")
        older = [json.loads(self.schemas[number - 1]) for number in self.subjects.get(subject, [])]
        for one in older if level.endswith("TRANSITIVE") else older[-1:]:
            found = [] if level.startswith(("NONE", "FORWARD")) else breaks(newer, one)
            found += [] if level.startswith(("NONE", "BACKWARD")) else breaks(one, newer)
            if found:
                why = f'Schema being registered is incompatible with an earlier schema for subject "{subject}", details: [{found[0]}]'
                raise Refusal(409, 409, why)

    def _level(self, subject: str) -> object:
        if subject not in self.levels:
            raise Refusal(404, 40408, f"Subject '{subject}' does not have subject-level compatibility configured")
        return {"compatibilityLevel": self.levels[subject]}

    def _set_level(self, subject: str, request: dict[str, str]) -> object:
        if request["compatibility"] not in LEVELS:
            raise Refusal(422, 42203, "Invalid compatibility level")
        self.levels[subject] = request["compatibility"]
        return request


@contextmanager
def serving(registry: RegistryService, certificate: Path | None = None) -> Iterator[RegistryService]:
    """The registry on a free port; `certificate`: PEM with certificate and key, for https."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content = registry.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(content)))
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = _do

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    registry.url = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
