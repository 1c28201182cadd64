"""The connection settings of TOUCHSTONE_KAFKA_… in the words of each client library: addresses, TLS, SASL.

These dicts hold the password: pass them on, never log them.
"""

import ssl
from pathlib import Path

from streams.errors import UserError
from streams.settings import Settings


def bootstrap_servers(settings: Settings) -> list[str]:
    """host:port each. Raises UserError for anything else."""
    servers = [server.strip() for server in settings.kafka_brokers.split(",") if server.strip()]
    for server in servers:
        host, _, port = server.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise UserError(f"TOUCHSTONE_KAFKA_BROKERS: {server!r} is not host:port", "for example broker-1:9092")
    if not servers:
        raise UserError("TOUCHSTONE_KAFKA_BROKERS is empty", "for example broker-1:9092,broker-2:9092")
    return servers


def ssl_context(settings: Settings) -> ssl.SSLContext | None:
    """Checks the broker's certificate and name; None without TLS."""
    if not settings.kafka_security.endswith("SSL"):
        return None
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ssl_cafile)
    except OSError as error:
        raise _unreadable("TOUCHSTONE_KAFKA_SSL_CAFILE", settings.kafka_ssl_cafile, error) from None
    if settings.kafka_ssl_certfile is not None:
        _show_certificate(context, settings.kafka_ssl_certfile, settings)
    return context


def _show_certificate(context: ssl.SSLContext, certificate: Path, settings: Settings) -> None:
    """To brokers that ask for one."""
    password = settings.kafka_ssl_key_password.get_secret_value()
    try:
        # always given: without one OpenSSL would ask for it on the terminal, and wait
        context.load_cert_chain(certificate, settings.kafka_ssl_keyfile, password=lambda: password)
    except ssl.SSLError as error:
        raise UserError(
            f"TOUCHSTONE_KAFKA_SSL_CERTFILE, …_KEYFILE: cannot use {certificate} with {settings.kafka_ssl_keyfile or 'the key in it'}: "
            f"{error.strerror or error}",
            "the key must belong to the certificate; if it has a passphrase, TOUCHSTONE_KAFKA_SSL_KEY_PASSWORD (or …_FILE) must be it",
        ) from None
    except OSError as error:
        raise _unreadable("TOUCHSTONE_KAFKA_SSL_CERTFILE", certificate, error) from None


def _unreadable(variable: str, path: object, error: OSError) -> UserError:
    return UserError(f"{variable}: cannot use {path}: {error.strerror or error}", "name a readable PEM file")


def _security(settings: Settings) -> dict[str, object]:
    """What kafka-python and aiokafka call by the same names."""
    config: dict[str, object] = {
        "bootstrap_servers": bootstrap_servers(settings),
        "security_protocol": settings.kafka_security,
    }
    context = ssl_context(settings)
    if context is not None:
        config["ssl_context"] = context
    if settings.kafka_security.startswith("SASL"):
        if not settings.kafka_sasl_username:
            raise UserError(
                f"TOUCHSTONE_KAFKA_SECURITY is {settings.kafka_security}, but there is no user",
                "set TOUCHSTONE_KAFKA_SASL_USERNAME and TOUCHSTONE_KAFKA_SASL_PASSWORD (or …_PASSWORD_FILE)",
            )
        config |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": settings.kafka_sasl_password.get_secret_value(),
        }
    return config


def kafka_client_config(settings: Settings) -> dict[str, object]:
    """For kafka-python: `KafkaAdminClient`, `KafkaConsumer`, `KafkaProducer`."""
    return _security(settings)


def aiokafka_client_config(settings: Settings) -> dict[str, object]:
    """For aiokafka: `AIOKafkaConsumer`, `AIOKafkaProducer`."""
    return _security(settings)
