"""What the cluster knows: topics with their ids and configuration, offsets, lag; and creating topics. Over kafka-python.

Names are the cluster's (with prefix). Raises UserError with exit code 3 where no broker answers.
"""

import socket
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from streams.errors import ExitCode, UserError
from streams.kafka_config import bootstrap_servers, kafka_client_config, ssl_context
from streams.settings import Settings

Partition = tuple[str, int]  # topic, partition

PROBE_SECONDS = 3.0
CONNECT_SECONDS = 6.0  # where something listens; where nothing does it is said at once
RETRY_SECONDS = 15.0  # a new cluster makes its internal topics at the first question
RETRY_PAUSE_SECONDS = 0.1

T = TypeVar("T")


class TopicSpec(msgspec.Struct, frozen=True):
    """A topic as it should be."""

    name: str
    partitions: int
    replication: int
    config: dict[str, str]


class TopicState(msgspec.Struct, frozen=True):
    """A topic as it is. `id` changes when a topic is deleted and made again."""

    name: str
    id: str
    partitions: int
    replication: int


class Cluster(msgspec.Struct, frozen=True):
    """Who answers. `version`: the newest release whose requests the broker takes, as kafka-python finds it."""

    id: str
    version: str
    brokers: int


class Admin:
    """A connection for questions and administration: `with Admin(settings) as admin`."""

    def __init__(self, settings: Settings, connect_seconds: float = CONNECT_SECONDS) -> None:
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        config = kafka_client_config(settings)
        must_accept_connections(settings)
        config["bootstrap_timeout_ms"] = int(connect_seconds * 1000)
        try:
            self._client = KafkaAdminClient(**config)
        except KafkaError as error:
            raise _not_let_in(settings, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def cluster(self) -> Cluster:
        """Its id, version and size."""
        found = self._ask(self._client.describe_cluster)
        version = ".".join(map(str, self._client._manager.broker_version))
        return Cluster(str(found["cluster_id"]), version, len(found["brokers"]))

    def topics(self) -> dict[str, TopicState]:
        """All topics except Kafka's own, by name."""
        found = {}
        for topic in self._ask(self._client.describe_topics):
            if topic["error_code"] == 0 and not topic["is_internal"]:
                partitions = topic["partitions"]
                replication = min((len(partition["replica_nodes"]) for partition in partitions), default=0)
                state = TopicState(topic["name"], str(topic["topic_id"]), len(partitions), replication)
                found[state.name] = state
        return found

    def configs(self, keys: Mapping[str, Iterable[str]]) -> dict[str, dict[str, str]]:
        """Topic → the values in force of the keys asked for. The topics must exist."""
        from kafka.admin import ConfigResource, ConfigResourceType

        if not keys:
            return {}
        resources = [ConfigResource(ConfigResourceType.TOPIC, name, list(wanted)) for name, wanted in keys.items()]
        answer = self._ask(lambda: self._client.describe_configs(resources, config_filter="all"))
        return {
            name: {key: entry["value"] for key, entry in values.items()} for name, values in answer["topic"].items()
        }

    def create(self, specs: Iterable[TopicSpec]) -> list[str]:
        """Creates what is not there yet, and waits until it can be used. The names that were created."""
        from kafka.errors import for_code

        wanted = {
            spec.name: {
                "num_partitions": spec.partitions,
                "replication_factor": spec.replication,
                "configs": spec.config,
            }
            for spec in specs
        }
        if not wanted:
            return []
        answer = self._ask(lambda: self._client.create_topics(wanted, raise_errors=False))
        created = []
        for topic in answer["topics"]:
            error = for_code(topic["error_code"]).__name__
            if error == "NoError":
                created.append(topic["name"])
            elif error != "TopicAlreadyExistsError":
                raise UserError(
                    f"cannot create topic {topic['name']}: {topic.get('error_message') or error}",
                    "check TOUCHSTONE_KAFKA_REPLICATION against the number of brokers, and the user's right to create",
                )
        self._client.wait_for_topics(list(wanted))
        return created

    def set_configs(self, configs: Mapping[str, Mapping[str, str]]) -> None:
        """Changes these keys of these topics, leaves the others. Waits until the brokers show it."""
        from kafka.admin import ConfigResource, ConfigResourceType

        if not configs:
            return
        resources = [ConfigResource(ConfigResourceType.TOPIC, name, dict(values)) for name, values in configs.items()]
        self._ask(lambda: self._client.alter_configs(resources, incremental=True))
        deadline = time.monotonic() + RETRY_SECONDS
        while self.configs(configs) != configs and time.monotonic() < deadline:
            time.sleep(RETRY_PAUSE_SECONDS)  # brokers learn of it a little later than the controller

    def delete(self, names: Iterable[str]) -> None:
        """Deletes topics with all they hold."""
        self._ask(lambda: self._client.delete_topics(list(names)))

    def begin_offsets(self, topics: Iterable[str]) -> dict[Partition, int]:
        """The oldest offset that is still there."""
        from kafka.admin import OffsetSpec

        return self._offsets(topics, OffsetSpec.EARLIEST, committed=False)

    def end_offsets(self, topics: Iterable[str], *, committed: bool = True) -> dict[Partition, int]:
        """The offset after the last message; with `committed`, after the last that a read-committed reader may see."""
        from kafka.admin import OffsetSpec

        return self._offsets(topics, OffsetSpec.LATEST, committed=committed)

    def offsets_since(self, topics: Iterable[str], since_ms: int) -> dict[Partition, int]:
        """The first offset that arrived at or after `since_ms`, Unix milliseconds; the end where there is none yet."""
        names = list(topics)
        found, ends = self._offsets(names, since_ms, committed=True), self.end_offsets(names)
        return {at: offset if offset >= 0 else ends[at] for at, offset in found.items()}

    def _offsets(self, topics: Iterable[str], spec: int, *, committed: bool) -> dict[Partition, int]:
        from kafka import IsolationLevel, TopicPartition

        known = self.topics()
        partitions = [TopicPartition(name, number) for name in topics for number in range(known[name].partitions)]
        isolation = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        answer = self._ask(
            lambda: self._client.list_partition_offsets(dict.fromkeys(partitions, spec), isolation_level=isolation)
        )
        return {(partition.topic, partition.partition): found.offset for partition, found in answer.items()}

    def group_offsets(self, group: str) -> dict[Partition, int]:
        """What a consumer group has committed; empty for one that never did."""
        answer = self._ask(lambda: self._client.list_group_offsets({group: None}))
        return {(at.topic, at.partition): found.offset for at, found in answer.get(group, {}).items()}

    def lag(self, group: str, topics: Iterable[str]) -> dict[Partition, int]:
        """Messages that the group has not committed yet; all that are there when it never did."""
        names = list(topics)
        ends, begins, done = self.end_offsets(names), self.begin_offsets(names), self.group_offsets(group)
        return {at: max(0, end - done.get(at, begins[at])) for at, end in ends.items()}

    def members(self, group: str) -> int:
        """How many consumers a group has now."""
        from kafka.errors import NotCoordinatorError

        def question() -> int:
            found = self._client.describe_groups([group])[group]
            if "NotCoordinator" in str(found["error"]):  # a new cluster: asked again
                raise NotCoordinatorError(found["error"])
            return len(found["members"])

        return self._ask(question)

    def newest_ms(self, topics: Iterable[str]) -> int | None:
        """Arrival of the newest message of all, Unix milliseconds by the brokers' clock; None where there is none."""
        from kafka import TopicPartition
        from kafka.admin import OffsetSpec

        known = self.topics()
        partitions = [TopicPartition(name, number) for name in topics for number in range(known[name].partitions)]
        spec = dict.fromkeys(partitions, OffsetSpec.MAX_TIMESTAMP)
        answer = self._ask(lambda: self._client.list_partition_offsets(spec))
        return max((found.timestamp for found in answer.values() if found.timestamp >= 0), default=None)

    def _ask(self, question: Callable[[], T]) -> T:
        """Repeats a question that a cluster cannot answer yet."""
        from kafka.errors import KafkaError

        deadline = time.monotonic() + RETRY_SECONDS
        while True:
            try:
                return question()
            except KafkaError as error:
                if not error.retriable or time.monotonic() > deadline:
                    raise UserError(f"Kafka: {error}", exit_code=ExitCode.UNAVAILABLE) from error
                time.sleep(RETRY_PAUSE_SECONDS)


def must_accept_connections(settings: Settings) -> None:
    """Says at once that nothing listens, or that TLS fails; kafka-python would try until its time is up, and not say why."""
    context, failures = ssl_context(settings), []
    for server in bootstrap_servers(settings):
        host, _, port = server.rpartition(":")
        host = host.strip("[]")
        try:
            with socket.create_connection((host, int(port)), timeout=PROBE_SECONDS) as connection:
                if context is not None:
                    context.wrap_socket(connection, server_hostname=host).close()
                return
        except OSError as error:
            failures.append(f"{server}: {error.strerror or error}")
    raise _no_broker(settings, "; ".join(failures))


def _no_broker(settings: Settings, reason: str) -> UserError:
    return UserError(
        f"no Kafka answers at {settings.kafka_brokers} ({settings.kafka_security}): {reason}",
        "start the local stack with `touchstone up`, or set TOUCHSTONE_KAFKA_BROKERS (and …_SECURITY) to your cluster",
        exit_code=ExitCode.UNAVAILABLE,
    )


def _not_let_in(settings: Settings, error: Exception) -> UserError:
    return UserError(
        f"{settings.kafka_brokers} accepts connections, but does not answer as Kafka with {settings.kafka_security}: {error}",
        "check TOUCHSTONE_KAFKA_SECURITY, …_SASL_MECHANISM, …_SASL_USERNAME and …_SASL_PASSWORD against its listener",
        exit_code=ExitCode.UNAVAILABLE,
    )
