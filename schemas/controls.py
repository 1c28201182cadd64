"""What judging goes by, topic cx-controls: packs in force, units, limits, what the second job has found. As the schema file has it.

Instants are integers, µs since 1970 UTC; money is Decimal. A test compares structs and schema files field by field.
"""

from decimal import Decimal

import msgspec


class PackInForce(msgspec.Struct, gc=False, kw_only=True):
    """A pack comes into force."""

    name: str
    version: str


class Staff(msgspec.Struct, gc=False, kw_only=True):
    """A member of staff."""

    staff_id: str
    role: str
    name: str | None = None


class Opening(msgspec.Struct, gc=False, kw_only=True):
    """A span in which the unit is open, local time."""

    weekday: int
    opens: str
    closes: str


class Unit(msgspec.Struct, gc=False, kw_only=True):
    """A shop, dealer, branch or team as it is from now on."""

    unit_id: str
    name: str | None = None
    parents: list[str] = []
    staff: list[Staff] = []
    opening_hours: list[Opening] = []
    time_zone: str = "UTC"


class Limit(msgspec.Struct, gc=False, kw_only=True):
    """A limit on what may be spent or sent."""

    name: str
    most: Decimal
    period_seconds: int
    currency: str | None = None


class Incident(msgspec.Struct, gc=False, kw_only=True):
    """Many customers are hit by the same cause at one touchpoint."""

    incident_id: str
    revision: int
    retracted: bool = False
    touchpoint: str
    cause: str
    unit: str | None = None
    started_at: int
    ended_at: int | None = None
    subjects: int
    sample: list[str] = []


class UsualWaiting(msgspec.Struct, gc=False, kw_only=True):
    """How long people usually wait at a touchpoint in one hour of the week, until the next such control."""

    touchpoint: str
    hour_of_week: int
    revision: int
    median_seconds: float
    deviation_seconds: float
    waits: int


class UsedSpan(msgspec.Struct, gc=False, kw_only=True):
    """From one claim on, until another, what is left is too little for a claim of more than `room`."""

    from_at: int
    from_place: str
    until_at: int | None = None
    until_place: str = ""
    room: Decimal | None = None


class LimitUsed(msgspec.Struct, gc=False, kw_only=True):
    """When a limit is used up in a period, as its claims in order of event time tell."""

    limit: str
    group: str = ""
    begins_at: int
    ends_at: int
    revision: int
    spans: list[UsedSpan] = []
    granted: Decimal


class Control(msgspec.Struct, gc=False, kw_only=True):
    """What steers the decisions: a pack in force, a unit, a limit, an incident, what is usual, what is used up. A copy on every partition of cx-controls."""

    control_id: str
    in_force_at: int
    written_at: int
    brand: str | None = None
    pack: PackInForce | None = None
    unit: Unit | None = None
    limit: Limit | None = None
    incident: Incident | None = None
    usual_waiting: UsualWaiting | None = None
    used: LimitUsed | None = None
