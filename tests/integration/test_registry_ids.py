"""With a registry configured: what is sent carries its ids, and every reader finds them."""

import json

from schemas.confluent import Registry
from schemas.registering import register
from schemas.registry import subjects
from streams.admin import TopicSpec
from streams.settings import Settings
from tests.examples import FOLDER, valid
from tests.kafka_service import Kafka
from tests.registry_service import RegistryService, serving
from tests.touchstone_command import touchstone

INPUTS = ("cx-touchpoints", "cx-feedback", "cx-customers", "cx-action-updates", "cx-controls")


def test_sent_with_the_registrys_ids_and_read_with_them(kafka: Kafka) -> None:
    with serving(RegistryService()) as service:
        service.schemas += ['"string"'] * 300  # others were there before us
        settings = kafka.settings(registry_url=service.url)
        with kafka.admin() as admin:
            admin.create(TopicSpec(settings.topic(name), 2, 1, {}) for name in INPUTS)
        send = ("send", FOLDER / "touchpoint.jsonl")
        refused = touchstone(*send, settings=settings)
        assert (refused.returncode, "touchstone schemas register" in refused.stderr) == (2, True)
        list(register(Registry(service.url), subjects(settings.kafka_prefix, ("care",))))
        done = touchstone(*send, settings=settings)
        assert done.returncode == 0, done.stderr
        ids = {int.from_bytes((message.value or b"")[1:5], "big") for message in kafka.read(settings.topic(INPUTS[0]))}
        assert ids == {301}
        expected = sorted(document["event_id"] for document in valid() if document["record"] == "touchpoint")
        assert read_by_tail(settings) == expected


def read_by_tail(settings: Settings) -> list[str]:
    """Event ids, as `touchstone tail` decodes them."""
    done = touchstone("tail", "cx-touchpoints", "--no-follow", "--json", settings=settings)
    assert done.returncode == 0, done.stderr
    return sorted(find(json.loads(line)) for line in done.stdout.splitlines())


def find(document: dict[str, object]) -> str:
    """The event id, wherever the line has it."""
    inner = [value for value in document.values() if isinstance(value, dict) and "event_id" in value]
    return str((inner[0] if inner else document)["event_id"])
