"""How this process reaches Kafka: the options of aiokafka's and kafka-python's clients, from the settings."""

import time
from typing import Any

from aiokafka.helpers import create_ssl_context

from streams.settings import Settings

Options = dict[str, Any]  # keyword arguments of foreign constructors

GROUP = "touchstone-worker"


def servers(settings: Settings) -> list[str]:
    """Bootstrap servers."""
    return [each.strip() for each in settings.kafka_brokers.split(",") if each.strip()]


def aiokafka_options(settings: Settings) -> Options:
    """For AIOKafkaConsumer and AIOKafkaProducer."""
    options: Options = {
        "bootstrap_servers": servers(settings),
        "security_protocol": settings.kafka_security,
        "client_id": settings.topic(GROUP),
    }
    if "SSL" in settings.kafka_security:
        options["ssl_context"] = create_ssl_context(
            cafile=_path(settings.kafka_ssl_cafile),
            certfile=_path(settings.kafka_ssl_certfile),
            keyfile=_path(settings.kafka_ssl_keyfile),
        )
    if settings.kafka_security.startswith("SASL"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = settings.kafka_sasl_password.get_secret_value()
    return options


def admin_options(settings: Settings) -> Options:
    """For kafka-python's KafkaAdminClient."""
    options: Options = {"bootstrap_servers": servers(settings), "security_protocol": settings.kafka_security}
    if "SSL" in settings.kafka_security:
        options["ssl_cafile"] = _path(settings.kafka_ssl_cafile)
        options["ssl_certfile"] = _path(settings.kafka_ssl_certfile)
        options["ssl_keyfile"] = _path(settings.kafka_ssl_keyfile)
    if settings.kafka_security.startswith("SASL"):
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = settings.kafka_sasl_password.get_secret_value()
    return options


def _path(path: object) -> str | None:
    return None if path is None else str(path)


def wall_us() -> int:
    """Wall clock, µs since 1970."""
    return time.time_ns() // 1000
