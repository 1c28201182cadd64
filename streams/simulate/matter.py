"""What a customer is about: a session that becomes an order (a booking, a repair, a report), with its promise and the contacts about it."""

from decimal import Decimal


class Matter:
    """`cause`, `touchpoint`, `event_id`: what last went wrong. `asking`: as what a contact is noted. `flight`: of an airline's booking only."""

    __slots__ = (
        "amount",
        "asking",
        "attempts",
        "cause",
        "channel",
        "contacts",
        "event_id",
        "flight",
        "id",
        "incident",
        "lines",
        "looked",
        "looks",
        "paid_event",
        "product",
        "promised_at",
        "settled",
        "touchpoint",
    )

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.id: str | None = None
        self.looks = 0
        self.looked = 0
        self.product: str | None = None
        self.amount: Decimal | None = None
        self.attempts = 0
        self.contacts = 0
        self.asking = "ask"
        self.lines: list[str] = []
        self.promised_at: int | None = None
        self.paid_event = ""
        self.settled = False
        self.cause = ""
        self.touchpoint = ""
        self.event_id = ""
        self.incident: str | None = None
        self.flight: Flight | None = None


class Flight:
    """One flight, the same for all its passengers. Instants in µs; it leaves and lands `delay_us` after the schedule."""

    __slots__ = ("cancelled", "delay_us", "departs_at", "incident", "lands_at", "number")

    def __init__(
        self, number: str, departs_at: int, lands_at: int, delay_us: int, cancelled: bool, incident: str | None
    ) -> None:
        self.number = number
        self.departs_at = departs_at
        self.lands_at = lands_at
        self.delay_us = delay_us
        self.cancelled = cancelled
        self.incident = incident
