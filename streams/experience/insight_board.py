"""State of insights: what was told by window, and what is out. Windows close when nothing in them can come late any more.

What comes later than that does not count; so what a window showed is final, and an insight is only revised by later windows.
"""

from typing import Final, Literal

import msgspec

from schemas.decisions import Cause
from streams.experience.incident_board import subject_mark
from streams.experience.periods import Per, Period, period_of
from streams.experience.state import Row
from streams.experience.state_format import StateFormat

FORMAT: Final = 1
CELLS_MAX: Final = 4_000  # (who, where) of one window; contacts of more are left out
SEEN_MAX: Final = 2_000  # contributions of one window that are remembered; so many customers say enough
FIXES_MAX: Final = 8
TOLD_MAX: Final = 256  # insights of one key that may still go on
# Of a closed window; of more units, staff and touchpoints than are told apart.
LeftOut = Literal["too_late", "too_many"]
OF: Final = "\x1f"  # between a unit and a member of its staff


class Window(Row):
    """One window. `cells`: (unit, or unit and staff; touchpoint) → contacts, bad ones; `seen`: customer and instant, 16 bytes."""

    ends_at: int
    cells: dict[tuple[str, str], tuple[int, int]] = msgspec.field(default_factory=dict)
    seen: set[bytes] = msgspec.field(default_factory=set)


class Told(Row):
    """What is out of an insight. `since` tells it from earlier ones of the name; `until`: end of the latest window that showed it."""

    name: str
    since: int
    decided_at: int
    until: int
    revision: int = 0
    hash: bytes = b""


class InsightBoard(Row):
    """State of one cause at a touchpoint, or of the contacts of a group. `closed_to`: end of the last closed window."""

    format: int = FORMAT
    brand: str | None = None
    touchpoint: str = ""
    cause: str = ""
    pack: tuple[str, str] = ("", "")  # of the newest
    newest_at: int = 0
    ticked_to: int = 0
    closed_to: int = 0
    windows: dict[int, Window] = msgspec.field(default_factory=dict)  # by begin
    told: list[Told] = msgspec.field(default_factory=list)
    run: int = 0  # windows in a row in which the cause came
    run_ends_at: int = 0
    run_since: int = 0
    fixes: list[int] = msgspec.field(default_factory=list)
    fixed_at: int = 0
    after_fix: int = 0  # customers, counted a window


load_insights: Final = StateFormat(InsightBoard, FORMAT, "the changelog of the incidents holds insights").load


def note(board: InsightBoard, cause: Cause, per: Per, time_zone: str) -> LeftOut | None:
    """Counts one thing that was told; taken back it counts no more. Gives why it does not count, where it does not."""
    at = cause.occurred_at
    board.brand, board.touchpoint, board.cause = cause.brand, cause.touchpoint, cause.cause
    if at >= board.newest_at:
        board.newest_at, board.pack = at, (cause.pack, cause.pack_version)
    begin, end = period_of(at, per, time_zone)
    if end <= board.closed_to:
        return "too_late"
    window = board.windows.setdefault(begin, Window(end))
    if cause.fixed:
        fixes = {*board.fixes, at} - ({at} if cause.retracted else set())
        board.fixes = sorted(fixes)[-FIXES_MAX:]
    elif cause.value is not None:
        return _count(window, cause)
    else:
        _see(window, subject_mark(cause) + at.to_bytes(8, "big"), retracted=cause.retracted)
    return None


def _see(window: Window, mark: bytes, *, retracted: bool) -> None:
    if retracted:
        window.seen.discard(mark)
    elif len(window.seen) < SEEN_MAX:
        window.seen.add(mark)


def _count(window: Window, cause: Cause) -> LeftOut | None:
    """A contact, a bad one, or that a known one was bad."""
    who = cause.unit or ""
    where = (who if cause.staff is None else f"{who}{OF}{cause.staff}", cause.touchpoint)
    if where not in window.cells and len(window.cells) >= CELLS_MAX:
        return "too_many"
    sign = -1 if cause.retracted else 1
    contacts, bad = window.cells.get(where, (0, 0))
    window.cells[where] = (contacts + sign * int(cause.value or 0), bad + sign * int(cause.weight))
    return None


def together(
    board: InsightBoard, until: Period, over: int, per: Per, time_zone: str
) -> dict[tuple[str, str], tuple[int, int]]:
    """What the window and those before it, `over` in all, have counted. What is older is forgotten."""
    begin = until[0]
    for _ in range(over - 1):
        begin = period_of(begin - 1, per, time_zone)[0]
    board.windows = {at: window for at, window in board.windows.items() if at >= begin}
    total: dict[tuple[str, str], tuple[int, int]] = {}
    for at, window in board.windows.items():
        for where, (contacts, bad) in window.cells.items() if at <= until[0] else ():
            known = total.get(where, (0, 0))
            total[where] = (known[0] + contacts, known[1] + bad)
    return total


def customers(window: Window, after: int = 0) -> int:
    """Different ones in a window, after an instant."""
    return len({mark[:8] for mark in window.seen if int.from_bytes(mark[8:], "big") > after})
