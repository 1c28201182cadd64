"""Trace context through the real worker: from a producer's headers to those that a subscriber reads."""

from tests.console_live import Live

PARENT = b"00-000000000000000000000000000000c5-00000000000000ab-01"


def test_headers_go_from_events_to_actions_and_notifications(live: Live) -> None:
    live.unhappy("traced-1", "dealer-1", "Tia Traced", (("traceparent", PARENT), ("tracestate", b"shop=1")))
    live.unhappy("traced-2", "dealer-1", "Tom Traced")

    def read(topic: str, subject: bytes) -> list[dict[str, bytes]]:
        found = live.product.kafka.read(live.product.settings.topic(topic))
        return [dict(record.headers) for record in found if record.key == subject]

    for topic in ("cx-actions", "cx-notify-care"):
        carried = live.until(lambda name=topic: read(name, b"traced-1"), f"{topic} about her")
        assert carried[0]["traceparent"] == PARENT
        assert carried[0]["tracestate"] == b"shop=1"
        assert live.until(lambda name=topic: read(name, b"traced-2"), f"{topic} about him")[0] == {}
