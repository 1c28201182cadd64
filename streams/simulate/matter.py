"""What a customer is about: a session that becomes an order (a booking), with its promise and the contacts about it."""

from decimal import Decimal


class Matter:
    """`cause`, `touchpoint`, `event_id`: what last went wrong. `flight`: of an airline's booking only."""

    __slots__ = (
        "amount",
        "attempts",
        "cause",
        "channel",
        "contacts",
        "event_id",
        "flight",
        "id",
        "incident",
        "lines",
        "looks",
        "paid_event",
        "product",
        "promised_at",
        "settled",
        "touchpoint",
        "waited",
    )

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.id: str | None = None
        self.looks = 0
        self.product: str | None = None
        self.amount: Decimal | None = None
        self.attempts = 0
        self.contacts = 0
        self.lines: list[str] = []
        self.waited = 0.0
        self.promised_at: int | None = None
        self.paid_event = ""
        self.settled = False
        self.cause = ""
        self.touchpoint = ""
        self.event_id = ""
        self.incident: str | None = None
        self.flight: Flight | None = None


class Flight:
    """One departure, the same for all its passengers."""

    __slots__ = ("arrives_at", "cancelled", "incident", "number", "scheduled_at")

    def __init__(self, number: str, scheduled_at: int, arrives_at: int, cancelled: bool, incident: str | None) -> None:
        self.number = number
        self.scheduled_at = scheduled_at
        self.arrives_at = arrives_at
        self.cancelled = cancelled
        self.incident = incident
