"""Confluent's own client and deserialiser against the local schema endpoint, with the repository's schemas."""

import http.client
import threading
from collections.abc import Iterator

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from deploy.local.registry import server
from schemas.codec import Codec
from schemas.events import Touchpoint
from schemas.registry import local

CONTEXT = SerializationContext("cx-touchpoints", MessageField.VALUE)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with server(local(), 0) as bound:
        thread = threading.Thread(target=bound.serve_forever)
        thread.start()
        yield bound.server_address[1]
        bound.shutdown()
        thread.join()


@pytest.fixture
def client(port: int) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": f"http://127.0.0.1:{port}"}) as made:
        yield made


def test_every_subject_has_its_schema(client: SchemaRegistryClient) -> None:
    assert client.get_subjects() == local().subjects()
    for subject in client.get_subjects():
        latest = client.get_latest_version(subject)
        assert latest.schema.schema_str == local().schema(subject, latest.version).text
        assert client.get_schema(latest.schema_id).schema_str == latest.schema.schema_str


def test_confluents_deserialiser_reads_our_bytes(client: SchemaRegistryClient) -> None:
    record = Touchpoint(
        event_id="e1",
        subject_type="customer",
        subject_id="c1",
        occurred_at=1_700_000_000_000_000,
        touchpoint="checkout",
        outcome="failure",
    )
    datum = AvroDeserializer(client)(Codec().encode(record), CONTEXT)
    assert datum["event_id"] == "e1"
    assert datum["outcome"] == "failure"
    assert datum["occurred_at"].isoformat() == "2023-11-14T22:13:20+00:00"


def test_confluents_serialiser_finds_the_id_without_registering(client: SchemaRegistryClient) -> None:
    text = local().schema("cx-touchpoints-value", 1).text
    config = {"auto.register.schemas": False}
    serialise = AvroSerializer(client, text, conf=config)
    decoded = AvroDeserializer(client)(serialise(AvroDeserializer(client)(_message(), CONTEXT), CONTEXT), CONTEXT)
    assert decoded["event_id"] == "e2"


def _message() -> bytes:
    return Codec().encode(
        Touchpoint(
            event_id="e2", subject_type="customer", subject_id="c", occurred_at=1_700_000_000_000_000, touchpoint="t"
        )
    )


def test_registering_is_refused(client: SchemaRegistryClient) -> None:
    with pytest.raises(SchemaRegistryError) as refused:
        client.register_schema("cx-touchpoints-value", Schema('"string"', "AVRO"))
    assert refused.value.error_code == 42205


def test_a_body_without_end_is_refused(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.putrequest("POST", "/subjects/cx-touchpoints-value")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413
    answer.read()
    connection.close()
