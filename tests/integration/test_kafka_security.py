"""TLS against the real broker: SASL and client certificates, with both client libraries, worker and sink; TLS to ClickHouse;
secrets from files; what a wrong password or certificate says.
"""

import asyncio
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiokafka import AIOKafkaProducer
from cryptography.hazmat.primitives import serialization
from kafka import KafkaProducer

from deploy.local import ports
from schemas.events import Touchpoint
from sinks.database import ask, connect
from sinks.migrations import migrate
from streams import topics
from streams.admin import Admin, TopicSpec
from streams.errors import Unavailable, UserError
from streams.kafka_config import aiokafka_client_config, kafka_client_config, ssl_context
from streams.packs_folder import audiences, find
from streams.packs_in_force import activate
from streams.settings import Settings
from tests.builders import CODEC
from tests.certificates import certificate
from tests.clickhouse_service import ClickHouseService
from tests.kafka_service import Kafka, ensure_jars, start_broker
from tests.tls_relay import tls_relay
from tests.touchstone_command import TOUCHSTONE

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required user_alice='{password}';"
PASSWORD = "Grüße-secret"
PASSPHRASE = "Schlüssel-secret"


def encrypted_key(store: Path) -> Path:
    """The same key, with a passphrase."""
    key = serialization.load_pem_private_key(store.read_bytes(), None)
    encryption = serialization.BestAvailableEncryption(PASSPHRASE.encode())
    path = store.with_name("key.pem")
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    return path


class Secured(NamedTuple):
    """Fields of Settings for two listeners: TLS with SASL for the user alice, whose password works with both mechanisms; TLS
    for whoever shows a certificate. `pem`: key and certificate, for servers and clients alike.
    """

    sasl: dict[str, Any]
    mutual: dict[str, Any]
    pem: Path


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A broker of its own."""
    from kafka import KafkaAdminClient
    from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

    ensure_jars()
    folder = tmp_path_factory.mktemp("secured")
    authority, store = certificate(folder)
    port, mutual_port = ports.free_port(), ports.free_port()
    listener = "listener.name.sasl_ssl"
    service = Kafka(
        start_broker(
            folder / "kafka",
            {
                "listeners": f"SASL_SSL://127.0.0.1:{port},SSL://127.0.0.1:{mutual_port}",
                "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
                f"{listener}.scram-sha-512.sasl.jaas.config": SCRAM,
                f"{listener}.plain.sasl.jaas.config": PLAIN.format(password=PASSWORD),
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(store),
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(authority),
                "listener.name.ssl.ssl.client.auth": "required",
            },
        )
    )
    admin = KafkaAdminClient(bootstrap_servers=[service.bootstrap])
    admin.alter_user_scram_credentials([UserScramCredentialUpsertion("alice", ScramMechanism.SCRAM_SHA_512, PASSWORD)])
    admin.close()
    yield Secured(
        {
            "kafka_brokers": f"127.0.0.1:{port}",
            "kafka_security": "SASL_SSL",
            "kafka_sasl_username": "alice",
            "kafka_sasl_password": PASSWORD,
            "kafka_ssl_cafile": authority,
        },
        {
            "kafka_brokers": f"127.0.0.1:{mutual_port}",
            "kafka_security": "SSL",
            "kafka_ssl_cafile": authority,
            "kafka_ssl_certfile": authority,
            "kafka_ssl_keyfile": encrypted_key(store),
            "kafka_ssl_key_password": PASSPHRASE,
        },
        store,
    )
    service.close()


async def test_tls_and_sasl(secured: Secured) -> None:
    for mechanism in ("SCRAM-SHA-512", "PLAIN"):
        settings = Settings(**secured.sasl, kafka_sasl_mechanism=mechanism)
        topic = f"secured-{mechanism.lower()}"
        with Admin(settings) as admin:
            admin.create([TopicSpec(topic, 1, 1, {})])
            producer = AIOKafkaProducer(**aiokafka_client_config(settings))
            await producer.start()
            await producer.send_and_wait(topic, b"x")
            await producer.stop()
            assert admin.end_offsets([topic]) == {(topic, 0): 1}

    refused = (
        ({"kafka_sasl_password": "guessed"}, "does not answer as Kafka with SASL_SSL"),
        ({"kafka_ssl_cafile": ""}, "certificate verify failed"),
    )
    said = await asyncio.gather(*(asyncio.to_thread(create_topics, {**secured.sasl, **wrong}) for wrong, _ in refused))
    for (code, words), (_, wanted) in zip(said, refused, strict=True):
        assert code == 3
        assert wanted in words
        assert PASSWORD not in words
        assert "guessed" not in words


def test_worker_and_sink_with_certificates_scram_and_tls_to_clickhouse(
    secured: Secured, clickhouse_server: ClickHouseService, clickhouse_database: str, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n", encoding="utf-8")
    with ExitStack() as stack:
        port = stack.enter_context(tls_relay(clickhouse_server.host, clickhouse_server.port, secured.pem))
        clickhouse = {"clickhouse_port": port, "clickhouse_database": clickhouse_database, "clickhouse_secure": True}
        common: dict[str, Any] = {
            **clickhouse, "clickhouse_cafile": secured.mutual["kafka_ssl_cafile"], "kafka_partitions": 1, "sink_flush_seconds": 0.2,
        }  # fmt: skip
        settings = Settings(**secured.mutual, **common)
        prepare(settings)
        with pytest.raises(Unavailable, match="certificate verify failed"):  # nobody vouches for it
            ask(connect(Settings(**clickhouse)), "SELECT 1")
        with pytest.raises(Unavailable, match=r"certificate verify failed.*match"):  # another's name
            ask(connect(settings.model_copy(update={"clickhouse_host": "localhost"})), "SELECT 1")

        by_file = {**secured.sasl, **common}
        del by_file["kafka_sasl_password"]
        environments = [environment_of({**secured.mutual, **common}), environment_of(by_file)]
        environments[1]["TOUCHSTONE_KAFKA_SASL_PASSWORD_FILE"] = str(password)
        running = []
        for command, given in zip((["worker"], ["sink", "clickhouse"]), environments, strict=True):
            log = stack.enter_context((tmp_path / f"{command[0]}.log").open("wb"))
            running.append(subprocess.Popen([TOUCHSTONE, *command], env=given, stdout=log, stderr=log))
            stack.callback(end, running[-1])

        def said() -> str:
            return "".join(
                path.read_text(encoding="utf-8", errors="replace")[-3000:] for path in tmp_path.glob("*.log")
            )

        with closing(KafkaProducer(**kafka_client_config(settings))) as producer:
            now = time.time_ns() // 1_000
            for number in range(2):
                failed = Touchpoint(event_id=f"e{number}", subject_type="customer", subject_id="c", touchpoint="payment",
                    outcome="failure", occurred_at=now - 9_000_000 + number, matter="m")  # fmt: skip
                producer.send("cx-touchpoints", key=b"c", value=CODEC.encode(failed)).get(20)
        deadline = time.monotonic() + 60
        while clickhouse_server.query("SELECT count() FROM actions_final", clickhouse_database)[0][0] == 0:
            assert all(process.poll() is None for process in running), said()
            assert time.monotonic() < deadline, said()
            time.sleep(0.1)

        doctor = subprocess.run(
            [TOUCHSTONE, "doctor", "--json"], env=environments[1], capture_output=True, text=True, check=False
        )
        findings = {one["check"]: one["status"] for one in json.loads(doctor.stdout)["findings"]}
        assert {findings["Kafka"], findings["ClickHouse"]} == {"ok"}, doctor.stdout
        for secret in (PASSWORD, PASSPHRASE):
            assert secret not in doctor.stdout + doctor.stderr + said()


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def prepare(settings: Settings) -> None:
    """Topics, tables, a pack in force."""
    with Admin(settings) as admin:
        assert not topics.create(admin, settings, audiences(settings)).problems
    migrate(settings)
    activate(find("retail", settings), settings, at="beginning", brand=None)


def test_without_a_certificate_nobody_comes_in(secured: Secured) -> None:
    context = ssl.create_default_context(cafile=secured.mutual["kafka_ssl_cafile"])
    assert not answers(context, secured.mutual["kafka_brokers"])
    context.load_cert_chain(secured.pem)
    assert answers(context, secured.mutual["kafka_brokers"])


def answers(context: ssl.SSLContext, address: str) -> bool:
    """Does the broker say which requests it knows?"""
    host, _, port = address.partition(":")
    request = struct.pack(">ihhih", 10, 18, 0, 1, -1)
    try:
        with (
            socket.create_connection((host, int(port)), timeout=20) as plain,
            context.wrap_socket(plain, server_hostname=host) as encrypted,
        ):
            encrypted.sendall(request)
            return len(encrypted.recv(4)) > 0
    except (ssl.SSLError, ConnectionError):
        return False


def environment_of(values: dict[str, Any]) -> dict[str, str]:
    """Of a process with these settings."""
    return {**os.environ, **{f"TOUCHSTONE_{name.upper()}": str(value) for name, value in values.items() if value}}


def create_topics(values: dict[str, Any]) -> tuple[int, str]:
    """Exit code and words of `touchstone topics create`. A process of its own: kafka-python leaks sockets when refused."""
    command = [sys.executable, "-c", "from streams.cli import main; main()", "topics", "create"]
    done = subprocess.run(command, env=environment_of(values), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_key_with_a_passphrase(tmp_path: Path) -> None:
    authority, store = certificate(tmp_path)
    given: dict[str, Any] = {
        "kafka_security": "SSL", "kafka_ssl_certfile": authority, "kafka_ssl_keyfile": encrypted_key(store),
    }  # fmt: skip
    assert ssl_context(Settings(**given, kafka_ssl_key_password=PASSPHRASE)) is not None
    for wrong in ({}, {"kafka_ssl_key_password": "guessed"}):
        with pytest.raises(UserError) as refused:  # and nobody is asked on a terminal
            ssl_context(Settings(**given, **wrong))
        assert "TOUCHSTONE_KAFKA_SSL_KEY_PASSWORD" in refused.value.fix
        assert "guessed" not in str(refused.value)


@pytest.mark.parametrize("config", [kafka_client_config, aiokafka_client_config])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kafka_brokers": "broker"}, "'broker' is not host:port"),
        ({"kafka_brokers": "broker:99999"}, "is not host:port"),
        ({"kafka_brokers": " , "}, "TOUCHSTONE_KAFKA_BROKERS is empty"),
        ({"kafka_security": "SASL_PLAINTEXT"}, "there is no user"),
        ({"kafka_security": "SSL", "kafka_ssl_cafile": "/nowhere.pem"}, "TOUCHSTONE_KAFKA_SSL_CAFILE: cannot use"),
        ({"kafka_security": "SSL", "kafka_ssl_certfile": "/nowhere.pem"}, "TOUCHSTONE_KAFKA_SSL_CERTFILE: cannot use"),
    ],
)
def test_settings_that_cannot_be(config: Callable[[Settings], object], values: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        config(Settings(**values))
