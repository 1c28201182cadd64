"""One customer's life in tests: inputs one by one, and what colleagues tell of them."""

from typing import Any

from schemas.controls import Control, Opening, Unit
from schemas.decisions import Action, Episode
from streams.engine.job import Output
from streams.experience.compiled import CompiledPack
from streams.replay.driver import Driver
from tests.builders import (
    SECOND,
    START,
    actions,
    driver,
    episodes,
    in_force,
    message,
    pack_with,
)

MINUTE, HOUR, DAY = 60, 3600, 86_400


class Life:
    """One customer's inputs, taken one by one; outputs collect."""

    def __init__(self, one: Driver | None = None, subject: str = "anna") -> None:
        self.driver = one or driver()
        self.subject = subject
        self.outputs: list[Output] = []
        self._offset = 0

    def take(self, record: str, at: int, **fields: Any) -> list[Output]:
        """An input; what came out."""
        self._offset += 1
        fields = {"event_id": f"e{self._offset}", "subject": self.subject, **fields}
        event_id = fields.pop("event_id")
        new = self.driver.take(message(record, event_id, at, self._offset, **fields))
        self.outputs += new
        return new

    def touch(self, at: int, touchpoint: str, outcome: str = "success", **fields: Any) -> list[Output]:
        return self.take("touchpoint", at, touchpoint=touchpoint, outcome=outcome, **fields)

    def say(self, at: int, kind: str, **fields: Any) -> list[Output]:
        return self.take("feedback", at, kind=kind, **fields)

    def until(self, at: int) -> list[Output]:
        new = self.driver.advance(START + at * SECOND)
        self.outputs += new
        return new

    def unhappy(self, at: int = 0) -> Action:
        """Two failed payments: an episode opens."""
        self.touch(at, "payment", "failure", matter="o1")
        new = self.touch(at + MINUTE, "payment", "failure", matter="o1")
        return next(action for action in actions(new) if action.kind == "call_back")

    def episode(self, journey: str = "purchase") -> Episode:
        return next(one for one in episodes(self.outputs).values() if one.journey == journey)

    def rules(self) -> list[str]:
        """Rules of the actions in force, by time."""
        held = [row for key, row in in_force(self.outputs).items() if key.startswith("cx-actions")]
        return [row["rule"] for row in sorted(held, key=lambda row: (row["decided_at"], row["rule"]))]


def receipt(life: Life, at: int, action: Action, status: str, **fields: Any) -> None:
    life.take("action_update", at, action_id=action.action_id, status=status, **fields)


def silent_pack() -> CompiledPack:
    """Retail in which a single failure and then nothing is enough."""
    return pack_with({"signals": {"gave_up": {"weight": 0.4}}})


def gave_up(life: Life) -> Action:
    """One failed payment and then nothing: a timer opens the episode (of silent_pack)."""
    life.touch(0, "payment", "failure")
    return next(action for action in actions(life.until(20 * MINUTE)) if action.kind == "call_back")


def unit(name: str, **fields: Any) -> Control:
    """A unit as it is from the beginning."""
    return Control(
        control_id=f"unit-{name}",
        in_force_at=0,
        written_at=START,
        unit=Unit(unit_id=name, opening_hours=[Opening(weekday=1, opens="09:00", closes="18:00")], **fields),
    )
