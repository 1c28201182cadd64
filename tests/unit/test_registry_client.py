"""The registry's client and the codec of a process with a registry: ids, unknown ids, and every way it can fail."""

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from schemas.codec import STRUCTS
from schemas.confluent import Credentials, Refused, Registry, Unauthorised, Unreachable
from schemas.decisions import Action
from schemas.events import Touchpoint
from schemas.registering import register
from schemas.registry import latest, subjects
from streams.codec import OUTPUTS, Fetch, codec, registry
from streams.errors import DeadLetterReason, ExitCode, InvalidEvent, Unavailable, UserError
from streams.settings import Settings, load
from tests.registry_service import RegistryService, serving

RECORD = Touchpoint(event_id="e", subject_type="customer", subject_id="c", occurred_at=1, touchpoint="t")
SUBJECTS = subjects("", ("care", "sales"))
PASSWORD = "a-secret-of-nobody"


@pytest.fixture
def service() -> Iterator[RegistryService]:
    with serving(RegistryService()) as running:
        yield running


def settings(service: RegistryService, **more: str) -> Settings:
    """Settings with that registry."""
    return load({"TOUCHSTONE_REGISTRY_URL": service.url} | {f"TOUCHSTONE_{key}": value for key, value in more.items()})


def filled(service: RegistryService, prefix: str = "") -> Registry:
    """The registry with our schemas, after others that took the first ids."""
    service.schemas += ['"string"', '"bytes"', '"long"']
    client = Registry(service.url)
    assert {row.outcome for row in register(client, subjects(prefix, ("care",)))} == {"registered"}
    return client


def test_registering_twice_changes_nothing(service: RegistryService) -> None:
    client = Registry(service.url)
    first = list(register(client, SUBJECTS))
    assert {row.outcome for row in first} == {"registered"}
    assert list(dict.fromkeys(row.subject for row in first)) == list(SUBJECTS)
    assert set(service.levels.values()) == {"BACKWARD_TRANSITIVE"}
    assert set(service.levels) == set(SUBJECTS)
    service.asked.clear()
    again = list(register(client, SUBJECTS))
    assert [(row.version, row.id, row.outcome) for row in again] == [(row.version, row.id, "there") for row in first]
    assert not [question for question in service.asked if question.startswith("PUT") or "/versions" in question]
    assert {row.id for row in first if row.schema == "notification"} == {
        row.id for row in first if "notify" in row.subject
    }


def test_confluents_own_client_sees_what_was_registered(service: RegistryService) -> None:
    client = filled(service)
    with SchemaRegistryClient({"url": service.url}) as theirs:
        text = latest("touchpoint").text
        known = theirs.lookup_schema("cx-touchpoints-value", Schema(text, "AVRO"))
        there = client.find("cx-touchpoints-value", text)
        assert there is not None
        assert (known.schema_id, known.version) == (there.id, there.version) == (4, 1)
        assert theirs.get_compatibility("cx-touchpoints-value") == "BACKWARD_TRANSITIVE"


def test_a_dry_run_changes_nothing(service: RegistryService) -> None:
    assert {row.outcome for row in register(Registry(service.url), SUBJECTS, dry_run=True)} == {"missing"}
    assert service.schemas == []
    assert service.levels == {}


def test_a_stricter_level_stays(service: RegistryService) -> None:
    service.levels = {"cx-actions-value": "FULL_TRANSITIVE", "cx-episodes-value": "NONE"}
    list(register(Registry(service.url), SUBJECTS))
    assert service.levels["cx-actions-value"] == "FULL_TRANSITIVE"
    assert service.levels["cx-episodes-value"] == "BACKWARD_TRANSITIVE"


def test_what_may_not_follow_is_told_and_the_rest_is_registered(service: RegistryService) -> None:
    other = json.loads(latest("touchpoint").text)
    other["fields"][0]["type"] = "long"
    Registry(service.url).register("cx-touchpoints-value", json.dumps(other))
    rows = list(register(Registry(service.url), SUBJECTS))
    refused = [row for row in rows if row.outcome == "refused"]
    assert [row.subject for row in refused] == ["cx-touchpoints-value"]
    assert "touchpoint.v1 may not follow what stands there" in refused[0].detail
    assert "event_id" in refused[0].detail
    assert {row.outcome for row in rows if row not in refused} == {"registered"}


def test_a_read_only_registry_refuses_each_schema(service: RegistryService) -> None:
    service.read_only = True
    rows = list(register(Registry(service.url), SUBJECTS))
    assert {row.outcome for row in rows} == {"refused"}
    assert "read-only" in rows[0].detail


def test_a_process_writes_with_the_registrys_ids(service: RegistryService) -> None:
    filled(service, prefix="test.")
    ours = codec(settings(service, KAFKA_PREFIX="test."), audiences=("care",))
    asked = len(service.asked)
    message = ours.encode(RECORD)
    assert message[:5] == bytes([0, 0, 0, 0, 4])
    assert ours.decode(message, Touchpoint) == RECORD
    assert len(service.asked) == asked, "ids are looked up once, at the start"
    reader = codec(settings(service, KAFKA_PREFIX="test."), writes=())
    assert len(service.asked) == asked
    assert reader.decode(message, Touchpoint) == RECORD
    assert reader.decode(message, Touchpoint) == RECORD
    assert service.asked[asked:] == ["GET /schemas/ids/4"]


def test_a_schema_that_is_not_registered_stops_the_start(service: RegistryService) -> None:
    with pytest.raises(UserError, match=r"does not have experience\.v4 under cx-experiences-value") as missing:
        codec(settings(service), OUTPUTS, ("care",))
    assert "touchstone schemas register" in missing.value.fix
    filled(service)
    with pytest.raises(UserError, match=r"notification\.v1 under cx-notify-purchasing-value"):
        codec(settings(service), OUTPUTS, ("purchasing",))
    assert codec(settings(service), OUTPUTS, ("purchasing", "care"))


def test_an_unknown_id_is_asked_for_again_after_a_while(service: RegistryService) -> None:
    clock = [0.0]
    fetch = Fetch(Registry(service.url), now=lambda: clock[0], forget_seconds=30)
    ours = codec(settings(service), writes=())
    with pytest.raises(InvalidEvent) as unknown:
        ours.decode(b"\0\0\0\0\x09\0", Touchpoint)
    assert unknown.value.reason is DeadLetterReason.UNKNOWN_SCHEMA
    service.asked.clear()
    assert [fetch(1), fetch(1)] == [None, None]
    assert len(service.asked) == 1
    service.schemas.append('"string"')
    clock[0] = 29.9
    assert fetch(1) is None
    clock[0] = 30.0
    assert fetch(1) == '"string"'
    assert fetch(2) is None
    assert len(service.asked) == 3


def test_a_registry_that_is_away_holds_and_does_not_dead_letter(service: RegistryService) -> None:
    filled(service)
    ours = codec(settings(service), writes=())
    for status, content in ((503, b"{}"), (404, b"<html>no such page</html>"), (200, b"[]"), (401, b"")):
        service.fail = (status, content)
        with pytest.raises(Unavailable):
            ours.decode(b"\0\0\0\0\x04\0", Touchpoint)
    service.fail = None
    with pytest.raises(InvalidEvent, match="malformed"):
        ours.decode(b"\0\0\0\0\x04\0", Touchpoint)


def test_user_and_password(service: RegistryService) -> None:
    service.user = ("anna", PASSWORD)
    for credentials in (None, Credentials("anna", "wrong"), Credentials("", "")):
        with pytest.raises(Unauthorised, match="401"):
            Registry(service.url, credentials).find("s", "{}")
    allowed = settings(service, REGISTRY_USERNAME="anna", REGISTRY_PASSWORD=PASSWORD)
    client = registry(allowed)
    assert client is not None
    assert client.find("s", "{}") is None
    with pytest.raises(UserError) as refused:
        codec(settings(service, REGISTRY_USERNAME="anna", REGISTRY_PASSWORD=PASSWORD + "!"))
    assert refused.value.exit_code == ExitCode.USAGE
    assert "user 'anna' (401)" in refused.value.what
    for text in (str(refused.value), repr(Credentials("anna", PASSWORD)), repr(allowed), repr(client)):
        assert PASSWORD not in text


def test_nothing_answers() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(Unreachable, match="does not answer: Connection refused"):
        Registry(address).schema(1)
    with pytest.raises(UserError) as away:
        codec(load({"TOUCHSTONE_REGISTRY_URL": address}))
    assert away.value.exit_code == ExitCode.UNAVAILABLE
    with pytest.raises(Unreachable, match="no such host"):
        Registry("http://registry.invalid").schema(1)


def test_a_registry_that_takes_the_request_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = Registry(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_seconds=0.2)
        with pytest.raises(Unreachable, match=r"within 0\.2 s"):
            client.schema(1)


@pytest.mark.parametrize(
    ("status", "content", "error", "words"),
    [
        (500, b'{"error_code": 50001, "message": "Error in the backend data store"}', Unreachable, "50001.*data store"),
        (429, b"", Unreachable, "429"),
        (302, b"", Unreachable, "status 302"),
        (404, b"not here", Unreachable, "no schema registry"),
        (200, b"not JSON", Unreachable, "no schema registry"),
        (200, b"{}", Unreachable, "no 'id'"),
        (403, b'{"error_code": 40301, "message": "Denied"}', Unauthorised, "403.*Denied"),
        (422, b'{"error_code": 42201, "message": "Invalid schema"}', Refused, "Invalid schema"),
        (404, b'{"error_code": 404, "message": "HTTP 404 Not Found"}', Refused, "404"),
    ],
)
def test_answers_that_are_errors(
    service: RegistryService, status: int, content: bytes, error: type[Exception], words: str
) -> None:
    service.fail = (status, content)
    with pytest.raises(error, match=words):
        Registry(service.url).register("s", "{}")


@pytest.mark.parametrize(
    "url", ["registry:8081", "ftp://registry", "http://", f"https://anna:{PASSWORD}@registry", "http://registry?x=1"]
)
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(UserError) as refused:
        registry(load({"TOUCHSTONE_REGISTRY_URL": url}))
    assert PASSWORD not in str(refused.value)


def test_a_path_before_the_registry(service: RegistryService) -> None:
    with pytest.raises(Refused, match="404"):
        Registry(f"{service.url}/behind/a/proxy/").schema(1)
    assert service.asked == ["GET /behind/a/proxy/schemas/ids/1"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, with its key."""
    if shutil.which("openssl") is None and os.environ.get("CI") != "true":
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=registry"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_text((folder / "certificate.pem").read_text() + (folder / "key.pem").read_text())
    return both


def test_https_trusts_only_the_given_authority(certificate: Path) -> None:
    with serving(RegistryService(), certificate) as running:
        with pytest.raises(Unreachable, match="its certificate is not trusted"):
            Registry(running.url).schema(1)
        trusted = settings(running, REGISTRY_CAFILE=str(certificate.with_name("certificate.pem")))
        client = registry(trusted)
        assert client is not None
        assert client.schema(1) is None


def test_https_to_a_port_that_speaks_http(service: RegistryService) -> None:
    with pytest.raises(Unreachable, match="does not answer"):
        Registry(service.url.replace("http", "https")).schema(1)


def test_without_a_registry_the_ids_are_the_repositorys() -> None:
    assert codec(load({})).encode(RECORD)[:5] == bytes([0, 0, 0, 0, 1])
    assert set(OUTPUTS) < set(STRUCTS)
    assert Action in {STRUCTS[name] for name in OUTPUTS}
