"""Kafka's jars from a mirror on loopback: fetched once, checked, refused when altered, and what is said when nothing can be reached."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.local import jars, ports
from deploy.local.jars import Jar
from streams.errors import UserError
from tests import left_open
from tests.certificates import certificate
from tests.tls_relay import tls_relay

CONTENT = {"a": b"jar a" * 1000, "b": b"jar b" * 2000}
JARS = [Jar(hashlib.sha256(content).hexdigest(), len(content), "org.x", name, "1") for name, content in CONTENT.items()]


class Mirror:
    """A Maven repository; `files` is what it serves, by path; `failures` how many requests it refuses first."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.failures = 0
        self.asked: list[str] = []
        for jar in JARS:
            self.put(jar, CONTENT[jar.artifact])

    def put(self, jar: Jar, content: bytes) -> None:
        path = f"/{jar.maven_path.as_posix()}"
        self.files[path] = content
        self.files[f"{path}.sha1"] = hashlib.sha1(content, usedforsecurity=False).hexdigest().encode()

    def answer(self, path: str) -> bytes | None:
        self.asked.append(path)
        if self.failures:
            self.failures -= 1
            return None
        return self.files.get(path)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """Named in jgo's settings as any user's mirror would be; the list of jars is that of the test."""
    made = Mirror()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = made.answer(self.path)
            self.send_response(200 if content is not None else 503)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        use_mirror(tmp_path, monkeypatch, f"http://127.0.0.1:{server.server_address[1]}")
        yield made
        server.shutdown()
        thread.join()
    left_open.collect()


def use_mirror(folder: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    config = folder / "jgo.conf"
    config.write_text(f"[repositories]\ncentral = {url}\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(config))
    monkeypatch.setenv("M2_REPO", str(folder / "m2"))
    monkeypatch.setattr(jars, "pinned", lambda: JARS)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_fetched_once(mirror: Mirror, cache: Path) -> None:
    assert jars.missing(cache) == JARS
    came: list[int] = []
    jars.fetch(JARS, cache, came.append)
    assert sum(came) == sum(map(len, CONTENT.values()))
    assert jars.missing(cache) == []
    assert {path.name for path in cache.iterdir()} == {"a-1.jar", "b-1.jar"}  # no scratch left
    assert all(Path(part).exists() for part in jars.class_path(cache).split(":"))


def test_a_damaged_jar_is_fetched_again(mirror: Mirror, cache: Path) -> None:
    jars.fetch(JARS, cache)
    (cache / "a-1.jar").write_bytes(CONTENT["a"][:-1])
    (cache / "b-1.jar").write_bytes(CONTENT["b"].replace(b"b", b"x", 1))
    assert jars.missing(cache) == JARS
    jars.fetch(JARS, cache)
    assert jars.missing(cache) == []


def test_a_short_failure_is_survived(mirror: Mirror, cache: Path) -> None:
    mirror.failures = 1
    jars.fetch(JARS, cache)
    assert jars.missing(cache) == []


def test_an_altered_jar_is_refused(mirror: Mirror, cache: Path) -> None:
    mirror.put(JARS[0], b"something else")
    with pytest.raises(UserError, match=r"a-1\.jar: the repository sent a file whose SHA-256"):
        jars.fetch(JARS[:1], cache)
    assert list(cache.iterdir()) == []


def test_a_jar_of_the_local_maven_repository_is_taken(mirror: Mirror, cache: Path, tmp_path: Path) -> None:
    for jar in JARS:
        path = tmp_path / "m2" / jar.maven_path
        path.parent.mkdir(parents=True)
        path.write_bytes(CONTENT[jar.artifact] if jar.artifact == "a" else b"wrong")
    jars.fetch(JARS, cache)
    assert jars.missing(cache) == []
    assert not any("/a/" in path for path in mirror.asked)


def test_who_vouches_for_a_repository_is_the_system(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    """As in a company's network, whose proxy shows a certificate that only its own machines believe."""
    authority, pem = certificate(tmp_path)
    http_port = int((tmp_path / "jgo.conf").read_text().rsplit(":", 1)[1])
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    with tls_relay("127.0.0.1", http_port, pem) as port:
        use_mirror(tmp_path, monkeypatch, f"https://127.0.0.1:{port}")
        with pytest.raises(UserError, match="certificate"):
            jars.fetch(JARS, cache)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        jars.fetch(JARS, cache)
    assert jars.missing(cache) == []


def test_no_repository_can_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    use_mirror(tmp_path, monkeypatch, f"http://127.0.0.1:{ports.free_port()}")
    with pytest.raises(UserError, match=r"cannot fetch Kafka \(org\.x:a:1\) from Maven Central") as failed:
        jars.fetch(JARS, cache)
    assert "TOUCHSTONE_KAFKA_BROKERS=host:port" in failed.value.fix
    assert failed.value.exit_code == 3


def test_a_cache_that_cannot_be_written(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write Kafka's jars") as failed:
        jars.fetch(JARS, tmp_path / "file")
    assert "TOUCHSTONE_LOCAL_CACHE" in failed.value.fix


def test_the_list_is_whole() -> None:
    listed = jars.pinned()
    names = {f"{jar.group}:{jar.artifact}" for jar in listed}
    assert {"org.apache.kafka:kafka_2.13", "org.apache.kafka:kafka-clients", "org.slf4j:slf4j-api"} <= names
    assert len({jar.file_name for jar in listed}) == len(listed)
    assert all(len(jar.sha256) == 64 for jar in listed)
