"""TLS with SASL against the real broker: both client libraries with the settings' words, and what a wrong password says."""

import datetime
import ipaddress
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.local import ports
from streams.admin import Admin, TopicSpec
from streams.errors import UserError
from streams.kafka_config import aiokafka_client_config, kafka_client_config
from streams.settings import Settings
from tests.kafka_service import Kafka

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required user_alice='{password}';"
PASSWORD = "Grüße-secret"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself; and a PEM file with its key, as Kafka's keystore."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    authority, store = folder / "ca.pem", folder / "store.pem"
    authority.write_bytes(pem)
    store.write_bytes(private + pem)
    return authority, store


@pytest.fixture
def secured(new_broker: Callable[..., Kafka], tmp_path: Path) -> dict[str, Any]:
    """Fields of Settings for a listener with TLS and SASL, for the user alice; her password works with both mechanisms."""
    from kafka import KafkaAdminClient
    from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

    authority, store = certificate(tmp_path)
    port = ports.free_port()
    listener = "listener.name.sasl_ssl"
    service = new_broker(
        extra={
            "listeners": f"SASL_SSL://127.0.0.1:{port}",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            f"{listener}.scram-sha-512.sasl.jaas.config": SCRAM,
            f"{listener}.plain.sasl.jaas.config": PLAIN.format(password=PASSWORD),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(store),
        }
    )
    admin = KafkaAdminClient(bootstrap_servers=[service.bootstrap])
    admin.alter_user_scram_credentials([UserScramCredentialUpsertion("alice", ScramMechanism.SCRAM_SHA_512, PASSWORD)])
    admin.close()
    return {
        "kafka_brokers": f"127.0.0.1:{port}",
        "kafka_security": "SASL_SSL",
        "kafka_sasl_username": "alice",
        "kafka_sasl_password": PASSWORD,
        "kafka_ssl_cafile": authority,
    }


async def test_tls_and_sasl(secured: dict[str, Any]) -> None:
    for mechanism in ("SCRAM-SHA-512", "PLAIN"):
        settings = Settings(**secured, kafka_sasl_mechanism=mechanism)
        topic = f"secured-{mechanism.lower()}"
        with Admin(settings) as admin:
            admin.create([TopicSpec(topic, 1, 1, {})])
            producer = AIOKafkaProducer(**aiokafka_client_config(settings))
            await producer.start()
            await producer.send_and_wait(topic, b"x")
            await producer.stop()
            assert admin.end_offsets([topic]) == {(topic, 0): 1}

    for wrong, words in (
        ({"kafka_sasl_password": "guessed"}, "does not answer as Kafka with SASL_SSL"),
        ({"kafka_ssl_cafile": ""}, "certificate verify failed"),
    ):
        code, said = create_topics({**secured, **wrong})
        assert code == 3
        assert words in said
        assert PASSWORD not in said
        assert "guessed" not in said


def create_topics(values: dict[str, Any]) -> tuple[int, str]:
    """Exit code and words of `touchstone topics create`. A process of its own: kafka-python leaks sockets when refused."""
    environment = {f"TOUCHSTONE_{name.upper()}": str(value) for name, value in values.items() if value}
    command = [sys.executable, "-c", "from streams.cli import main; main()", "topics", "create"]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


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
