"""Every setting, once. Read from the environment as `TOUCHSTONE_<AREA>_<WHAT>`; unknown names are refused.

`TOUCHSTONE_…_FILE` names a file that holds a secret's value. Secrets print as `**********`.
"""

import os
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from streams.errors import UserError

PREFIX = "TOUCHSTONE_"
TEST_PREFIX = "TOUCHSTONE_TEST_"  # not settings: streams/engine/failpoints.py reads them, tests alone set them


class Settings(BaseSettings):
    """Defaults suit the local stack on loopback."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    # Kafka
    kafka_brokers: str = Field("127.0.0.1:19092", description="bootstrap servers, host:port, separated by commas")
    kafka_prefix: str = Field("", description="put before every topic, group and transactional id")
    kafka_partitions: int = Field(
        4, ge=1, le=1024, description="partitions of co-partitioned topics when they are created"
    )
    kafka_replication: int = Field(1, ge=1, description="replication factor of topics when they are created")
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="security protocol"
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="SASL mechanism"
    )
    kafka_sasl_username: str = Field("", description="SASL user")
    kafka_sasl_password: SecretStr = Field(SecretStr(""), description="SASL password")
    kafka_ssl_cafile: Path | None = Field(None, description="CA bundle, PEM")
    kafka_ssl_certfile: Path | None = Field(None, description="client certificate, PEM")
    kafka_ssl_keyfile: Path | None = Field(None, description="client key, PEM")
    kafka_ssl_key_password: SecretStr = Field(SecretStr(""), description="passphrase of the client key")

    # Schema registry
    registry_url: str = Field("", description="Confluent-compatible registry; empty: ids come from schemas/ids.yaml")
    registry_username: str = Field("", description="basic auth user")
    registry_password: SecretStr = Field(SecretStr(""), description="basic auth password")
    registry_cafile: Path | None = Field(None, description="CA bundle, PEM")

    # ClickHouse
    clickhouse_host: str = Field("127.0.0.1", description="host")
    clickhouse_port: int = Field(19000, ge=1, le=65535, description="native protocol port")
    clickhouse_database: str = Field("touchstone", description="database")
    clickhouse_user: str = Field("default", description="user that writes")
    clickhouse_password: SecretStr = Field(SecretStr(""), description="password")
    clickhouse_secure: bool = Field(False, description="TLS")
    clickhouse_cafile: Path | None = Field(None, description="CA bundle, PEM")
    clickhouse_timeout_seconds: float = Field(30.0, gt=0, description="longest wait for an answer to a query or INSERT")

    # Worker
    worker_commit_interval_ms: int = Field(
        1000, ge=5, description="longest time between two transactions under backlog"
    )
    worker_eager_commit_ms: int = Field(
        10, ge=1, description="shortest time between two transactions when actions wait"
    )
    worker_relaxed_commit_ms: int = Field(
        200, ge=1, description="the same when outputs wait for which nobody does: experiences, episodes, causes"
    )
    worker_delivery: Literal["exactly_once", "at_least_once"] = Field(
        "exactly_once", description="see docs/failures.md"
    )
    worker_state: Literal["memory", "rocksdb"] = Field(
        "memory",
        description="where a worker keeps its subjects; rocksdb: more of them than memory holds (docs/state.md)",
    )
    worker_state_dir: Path = Field(
        Path(".touchstone/state"), description="folder of rocksdb, one a worker; a copy of the changelog, not a backup"
    )
    worker_state_cache_mb: int = Field(256, ge=8, description="memory of a worker for what it read from rocksdb")
    worker_standbys: int = Field(
        0, ge=0, le=4, description="other workers that follow each partition's state, ready to take it over"
    )
    worker_traces: Literal["off", "carry", "otlp"] = Field(
        "off",
        description="carry: traceparent goes from the headers of inputs to those of actions and notifications; otlp: a span for "
        "each action, too (extra `traces`, OTEL_EXPORTER_OTLP_ENDPOINT; docs/traces.md)",
    )
    worker_align_wait_seconds: float = Field(
        5.0, gt=0, description="longest wait for an input that lags behind its siblings"
    )
    worker_future_limit_seconds: float = Field(300.0, gt=0, description="how far event time may be ahead of arrival")
    worker_session_seconds: float = Field(
        20.0,
        ge=6,
        description="a worker that is silent for so long loses its partitions (the broker sets a minimum, 6)",
    )
    worker_breaker_in_a_row: int = Field(500, ge=1, description="that many invalid messages in a row stop the worker")
    worker_breaker_share: float = Field(
        0.5, gt=0, le=1, description="that share of invalid messages, of the last 2,000, stops the worker"
    )

    # The core
    core_lateness_seconds: int = Field(
        3600, ge=0, description="how late, against the subject's newest event, an event may be and still count"
    )
    core_window_events: int = Field(500, ge=10, description="greatest length of a subject's window")
    core_packs: Path | None = Field(None, description="a folder of packs besides streams/packs")
    core_text_analyser: str = Field(
        "mixed",
        description="what reads texts: mixed (Chinese and English, comes with the product), none, or module:function "
        "of your own that gives an analyser (docs/text.md)",
    )

    # Sink
    sink_flush_rows: int = Field(20_000, ge=1, description="rows that make a flush")
    sink_flush_seconds: float = Field(0.7, gt=0, description="age that makes a flush")
    sink_flush_bytes: int = Field(32 * 1024 * 1024, ge=1, description="bytes of messages that make a flush")
    sink_segments: str = Field(
        "",
        description="attributes of customers that make segments, separated by commas: besides the tier nothing else of a "
        "customer is stored (docs/gap.md)",
    )

    # Console
    console_host: str = Field("127.0.0.1", description="address of the console; others than loopback need users")
    console_port: int = Field(18080, ge=1, le=65535, description="port of the console")
    console_users: SecretStr = Field(
        SecretStr(""),
        description="who may come in, as YAML or JSON (docs/console.md); empty: whoever sits at this machine, as operator",
    )
    console_secret: SecretStr = Field(
        SecretStr(""), description="key of sessions and of links to customers; empty: a new one at each start"
    )
    console_proxy_header: str = Field(
        "", description="header in which a trusted proxy names the user, such as X-Forwarded-User; empty: none"
    )
    console_proxy_addresses: str = Field(
        "127.0.0.1,::1", description="addresses or networks from which that header is believed, separated by commas"
    )
    console_clickhouse_user: str = Field("reader", description="ClickHouse user of the console: it only reads")
    console_clickhouse_password: SecretStr = Field(SecretStr(""), description="its password")
    console_refresh_seconds: float = Field(2.0, ge=0.2, le=60, description="pause between two readings of ClickHouse")
    console_clock: Literal["wall", "stream"] = Field(
        "wall",
        description="what ages, due times and receipts go by; stream: the newest event, for a story that is played faster than real time",
    )
    console_language: Literal["en", "zh"] = Field("en", description="language until somebody chooses another")

    # Observability, local stack
    metrics_host: str = Field("127.0.0.1", description="address of /metrics, /livez, /readyz")
    metrics_port: int = Field(0, ge=0, le=65535, description="port of /metrics, /livez, /readyz; 0: off")
    local_dir: Path = Field(Path(".touchstone"), description="data of the local stack")
    local_cache: Path | None = Field(
        None, description="Kafka's jars of the local stack; empty: $XDG_CACHE_HOME/touchstone/kafka"
    )
    local_registry_port: int = Field(18081, ge=1, le=65535, description="port of the local stack's schema endpoint")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="logs go to stderr")

    def topic(self, name: str) -> str:
        """The topic's (or group's) name on the cluster."""
        return self.kafka_prefix + name


def environment_names() -> dict[str, str]:
    """Environment variable → field name."""
    return {PREFIX + name.upper(): name for name in Settings.model_fields}


def load(environment: dict[str, str] | None = None) -> Settings:
    """Settings from `environment` (default: the process's). Raises UserError for an unknown name or a bad value."""
    env = dict(os.environ if environment is None else environment)
    names = environment_names()
    values: dict[str, str] = {}
    for variable, value in env.items():
        if not variable.startswith(PREFIX) or variable.startswith(TEST_PREFIX):
            continue
        field = names.get(variable) or names.get(variable.removesuffix("_FILE"))
        if field is None:
            near = get_close_matches(variable, names, 1)
            fix = f"did you mean {near[0]}? " if near else ""
            raise UserError(f"unknown setting {variable}", f"{fix}docs/settings.md lists them all")
        if field in values:
            raise UserError(f"{variable.removesuffix('_FILE')} is set twice", "set either it or …_FILE")
        values[field] = value if variable in names else _content(variable, value)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise UserError(
            f"{name}: {first['msg']}", str(Settings.model_fields[str(first["loc"][0])].description)
        ) from None


def _content(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(f"{variable}: cannot read {path}: {why}", "name a readable file") from None


@lru_cache(maxsize=1)
def current() -> Settings:
    """Settings of this process, read once."""
    return load()
