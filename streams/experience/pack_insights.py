"""The part of a pack that says what is looked for over many customers and weeks: recurring causes, drivers by unit, coaching."""

from typing import Literal

import msgspec


class RecurringCause(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The same cause at the same touchpoint, over customers and again and again."""

    text: str  # name of a text
    customers: int = 5  # so many different ones in a window …
    windows: int = 3  # … in so many windows in a row; and so many after a fix, in all windows since
    after_fix: int = 3  # so many different ones after it was said to be put right
    text_after_fix: str | None = None  # name of a text; null: nobody is told
    kind: str = "recurring_cause"  # as downstream systems call it


class Drivers(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The touchpoint that explains most of what is worse in a unit than in those beside it."""

    text: str  # name of a text
    contacts: int = 50  # fewer at a touchpoint say nothing about a unit
    siblings: int = 3  # fewer units beside it say nothing about what is usual
    kind: str = "driver"  # as downstream systems call it


class Coaching(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A member of staff whose contacts end badly far more often than those of colleagues at the same touchpoint."""

    text: str  # name of a text
    audience: str  # who is told
    contacts: int = 40  # fewer say nothing about anybody
    peers: int = 4  # fewer colleagues say nothing about what is usual
    kind: str = "coaching"  # as downstream systems call it


class Insights(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What shows only over many customers and weeks."""

    audience: str  # who is told
    per: Literal["day", "week", "month"] = "week"  # a window
    over: int = 4  # so many windows together show what is usual, for drivers and coaching
    time_zone: str = "UTC"  # of the windows
    recurring: RecurringCause | None = None  # causes that come again
    drivers: Drivers | None = None  # what is worse in a unit
    coaching: Coaching | None = None  # for whom it may be good to talk
