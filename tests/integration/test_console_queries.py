"""The console's questions on the real ClickHouse engine: what they find, and that nobody finds what is another dealer's."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deploy.local import ports
from schemas.validate import LATEST
from sinks.answers import read_answers
from sinks.console.gap import ROWS
from sinks.console.reader import Question, Reader
from sinks.console.scope import Scope
from sinks.console.sql_texts import sql_texts
from sinks.database import connect
from sinks.events import read_events
from sinks.segments import read_customers
from streams.errors import Unavailable
from streams.packs_folder import find
from streams.replay import gap_events, gap_tables
from streams.settings import Settings
from tests.clickhouse_service import READER, ClickHouseService
from tests.console_scene import DEALERS, Asked, console_settings, fill, now_us

# Texts without a scope of their own: figures of the whole without names, or rows found by ids that a scoped query gave.
WITHOUT_SCOPE = {"answers", "clock", "health_throughput", "health_letters", "now_letters", "receipts_of_actions"}


@pytest.fixture(scope="module")
def asked(clickhouse_server: ClickHouseService) -> Iterator[Asked]:
    """One database for all: these tests only read."""
    name = f"console_{uuid.uuid4().hex[:8]}"
    settings = console_settings(clickhouse_server, name)
    fill(settings, now_us())
    yield Asked(settings)
    clickhouse_server.query(f"DROP DATABASE {name} SYNC")


EVERYTHING: list[tuple[str, dict[str, str]]] = [
    ("now", {}),
    ("episodes", {}),
    ("tasks", {}),
    ("touchpoints", {}),
    ("health", {}),
    *(("gap", {"by": by}) for by in ROWS),
    ("subjects", {}),
    *(("customer", {"subject": f"customer-{name}"}) for name in DEALERS.values()),
    *(("action", {"action": f"action-{name}"}) for name in DEALERS.values()),
    *(("seen", {"subject": f"customer-{name}"}) for name in DEALERS.values()),
]


def test_a_dealer_finds_nothing_of_another(asked: Asked) -> None:
    whole = "".join(repr(asked(kind, **options)) for kind, options in EVERYTHING)
    assert "One" in whole
    assert "Two" in whole
    for root in ("dealer-1", "north"):
        found = {f"{kind} {options}": repr(asked(kind, root, **options)) for kind, options in EVERYTHING}
        assert "One" in "".join(found.values())
        assert [name for name, text in found.items() if "Two" in text] == []
        assert asked("customer", root, subject="customer-Two") is None
        assert asked("action", root, action="action-Two") is None
        assert not asked("seen", root, subject="customer-Two")
        assert asked("touchpoints", root)["rows"][0]["contacts"] == 1
    assert asked("now", "north")["hurts"][0]["open"] == 1
    assert asked("now", "maker")["hurts"][0]["open"] == 2
    assert asked("episodes", "a unit that nobody knows")["rows"] == []


def test_every_text_asks_for_the_scope() -> None:
    texts = sql_texts()
    assert set(texts) > WITHOUT_SCOPE
    without = {name for name, text in texts.items() if "%(whole)s" not in text}
    assert without == WITHOUT_SCOPE


def test_what_is_an_undone_task_stands_once_and_in_three_texts() -> None:
    texts = sql_texts()
    one = "status NOT IN ('resolved', 'declined', 'compensated')"
    assert {name for name, text in texts.items() if one in text} == {"now_late", "now_open", "episodes_open"}
    assert not [name for name, text in texts.items() if "-- include" in text]


def test_values_cannot_leave_their_place(asked: Asked) -> None:
    hostile = "x' OR 1 = 1 --\\"
    assert asked("customer", subject=hostile) is None
    assert asked("episodes", touchpoint=hostile)["rows"] == []
    assert asked("episodes", hostile)["rows"] == []
    assert asked("action", action=hostile) is None


def test_what_a_customer_page_is_made_from(asked: Asked) -> None:
    found = asked("customer", "dealer-1", subject="customer-One")
    assert found["name"] == "Name One"
    assert [row["what"] for row in found["timeline"]] == ["receipt", "event", "action", "said", "opened", "event"]
    said = next(row for row in found["timeline"] if row["what"] == "said")
    assert [(piece.text, piece.marked) for piece in said["words"]] == [
        ("Oh, ", False),
        ("never", True),
        (" again!", False),
    ]
    action = found["actions"][0]
    assert {row["signal"]: row["origin"] for row in action["evidence"]} == {
        "failure": "inferred",
        "negative_text": "said",
    }
    assert action["losers"] == [{"kind": "voucher", "reason": "cap", "detail": "1 of 1", "rule": "r"}]
    assert [(point["level"], point["cause"]) for point in found["levels"] if point["what"] == "signal"] == [
        (0.5, "failure"),
        (0.8, "negative_text"),
    ]


def test_now_keeps_said_and_inferred_apart(asked: Asked) -> None:
    found = asked("now")
    row = found["signals"][0]
    assert row["touchpoint"] == "payment"
    assert sum(cell[0] for cell in row["inferred"] if cell) == 2
    assert sum(cell[0] for cell in row["said"] if cell) == 2
    assert {cell[1] for cell in row["said"] if cell} == {"negative_text"}
    assert found["hurts"][0]["recent"] == 2
    assert found["hurts"][0]["overdue"] == 2  # the tasks; the step that they are for is not counted a second time
    assert found["late_elsewhere"] == 0
    assert found["actions"][0]["both"].count(2) == 1
    assert {row["receipts"][-1]["by"] for row in found["told"]} == {"owner-One", "owner-Two"}
    assert [row["receipts"][-1]["by"] for row in asked("now", "dealer-2")["told"]] == ["owner-Two"]
    assert found["letters"] == {"messages": 0, "reasons": 0}


@pytest.mark.parametrize(
    ("by", "voice", "of", "segment"),
    [
        ("dimension", "customer", "tier", ""),
        ("touchpoint,dimension", "staff", "tier", ""),
        ("unit", "measured", "tier", ""),
        ("segment", "customer", "tier", ""),
        ("segment,touchpoint", "customer", "club", ""),
        ("segment", "measured", "tier", ""),
        ("dimension", "customer", "tier", "silver"),
        ("touchpoint", "customer", "club", "club-Two"),
        ("touchpoint", "measured", "tier", "gold"),
        ("unit,touchpoint,dimension", "customer", "tier", "–"),
    ],
)
def test_the_gap_is_that_of_the_command(asked: Asked, by: str, voice: str, of: str, segment: str) -> None:
    """By segments, too: each answer and each measurement in the segment in which the customer was then."""
    wanted = gap_tables.asked(by, "segment" if segment else None, voice, None, "stated", "nps", None, None, {})
    database, pack = connect(asked.settings), find("retail", asked.settings)
    experiences = list(read_answers(database, 0, LATEST))
    events: list[Any] = list(read_events(database, now_us() - 3_600_000_000, now_us(), said=False))
    segments = gap_events.segments(read_customers(database, of), of)
    database.disconnect()
    tables = gap_tables.of_answers(gap_events.answers(experiences, events, pack, segments), pack, wanted, "here")
    (one,) = [table for table in tables if (table.of or "") == segment]
    found = asked("gap", by=by, voice=voice, segment_by=of, segment=segment)
    assert found["table"].levels == one.levels
    assert found["table"].counts == one.answers
    assert found["table"].voices == one.voices
    assert found["judged"]


def test_segments_are_those_of_that_moment_and_of_the_scope(asked: Asked) -> None:
    def counted(root: str = "", **options: str) -> dict[str, int]:
        return asked("gap", root, **{"by": "segment", **options})["table"].counts

    assert counted() == {"gold": 1, "silver": 2, "–": 1}  # of her nothing is known any more
    assert counted("dealer-1") == {"gold": 1, "silver": 1}
    assert counted("dealer-1", segment_by="club") == {"club-One": 1, "–": 1}
    assert counted(voice="measured") == {
        "gold": 2,
        "silver": 4,
        "–": 2,
    }  # each event: did it fail, how long was the wait
    assert asked("gap", "dealer-1")["choices"]["segment_by"] == ["tier", "club"]
    assert asked("gap", "dealer-1", segment_by="club")["choices"]["segments"] == ["club-One", "–"]
    assert asked("gap", segment_by="diet")["segment_by"] == "tier"
    assert asked("gap", segment="iron")["choices"]["segments"] == ["gold", "iron", "silver", "–"]
    assert counted(segment="iron") == {}
    assert counted(segment_by="club", segment="gold") == counted(
        segment_by="club"
    )  # a segment of another kind counts as not given


def test_the_gap_of_a_dealer_and_of_a_region(asked: Asked) -> None:
    def counted(root: str = "", **options: str) -> dict[str, int]:
        return asked("gap", root, by="unit", **options)["table"].counts

    assert counted() == {"dealer-1": 2, "dealer-2": 2, "–": 4}  # web contacts are of no unit
    assert counted("dealer-1") == counted("maker", unit="north") == {"dealer-1": 2}
    assert counted("dealer-1", unit="dealer-2") == {}
    assert asked("gap", "dealer-1")["choices"]["units"] == ["dealer-1"]
    assert asked("gap", span="2h", voice="staff")["table"].levels[0].experience == 8.0
    assert asked("gap", brand="another")["table"].levels == []


def test_waiting_by_touchpoint_over_time(asked: Asked) -> None:
    (row,) = [one for one in asked("touchpoints")["rows"] if one["touchpoint"] == "payment"]
    assert {value for value in row["waits"] if value is not None} == {30.0}


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({}, 2),
        ({"unit": "dealer-1"}, 1),
        ({"touchpoint": "payment", "tier": "gold", "brand": "marlow", "origin": "inferred", "cause": "failure"}, 2),
        ({"tier": "silver"}, 0),
        ({"stage": "listen"}, 0),
        ({"state": "closed"}, 0),
        *(({"sort": order}, 2) for order in ("due", "score", "age", "new")),
    ],
)
def test_filters_of_episodes(asked: Asked, options: dict[str, str], count: int) -> None:
    found = asked("episodes", **options)
    assert found["total"] == len(found["rows"]) == count
    for row in found["rows"]:
        assert row["tasks"][0]["receipts"][-1]["status"] == "accepted"
        assert row["name"].startswith("Name ")


def test_tasks_of_one_member_of_staff(asked: Asked) -> None:
    assert [row["action_id"] for row in asked("tasks", "dealer-1", staff="dealer-1/1")["rows"]] == ["action-One"]
    assert asked("tasks", "dealer-1", staff="dealer-1/2")["rows"] == []


def test_the_reader_keeps_what_it_knows_while_clickhouse_is_away(
    new_clickhouse: Callable[..., ClickHouseService],
) -> None:
    server = new_clickhouse("--readonly-user", READER)
    settings = console_settings(server, "touchstone", clickhouse_timeout_seconds=3.0)
    fill(settings, now_us())
    one = Asked(settings)
    question = Question("episodes", Scope())
    one.reader.start()
    try:
        first = _until(lambda: one.reader.want(question))
        _until(lambda: (one.reader.want(question) or first).version > first.version)
        server.process.kill()
        _until(lambda: one.reader.trouble is not None)
        kept = one.reader.want(question)
        assert kept is not None
        assert len(kept.data["rows"]) == 2
        assert one.reader.read_at <= kept.read_at + 1
        with pytest.raises(Unavailable):
            one("seen", subject="customer-One")
        server.start()
        _until(lambda: one.reader.trouble is None and (one.reader.want(question) or kept).version > kept.version)
    finally:
        one.reader.stop()


def test_a_clickhouse_that_is_away_is_noticed_while_nobody_watches() -> None:
    one = Asked(Settings(clickhouse_port=ports.free_port(), clickhouse_timeout_seconds=2.0)).reader
    one.start()
    try:
        assert "does not answer" in _until(lambda: one.trouble)
    finally:
        one.stop()


def test_what_was_just_opened_comes_first(asked: Asked) -> None:
    one = Asked(asked.settings).reader
    order: list[str] = []
    answered = one._answer

    def noted(database: Any, question: Question) -> tuple[Any, int]:
        order.append(question.kind)
        if len(order) == 5:
            one.want(Question("tasks", Scope()))
        return answered(database, question)

    one._answer = noted  # type: ignore[method-assign]
    known = [Question("episodes", Scope(), (("tier", str(n)),)) for n in range(4)]
    database = connect(one._settings)
    for question in known:
        one.want(question)
    one._round(database, known)
    one._round(database, known)
    database.disconnect()
    assert order == ["episodes"] * 5 + ["tasks"] + ["episodes"] * 3


def test_one_that_fails_does_not_starve_the_rest(asked: Asked) -> None:
    one = Asked(asked.settings).reader
    broken = Question("episodes", Scope(), (("tier", "broken"),))
    fine = Question("tasks", Scope())
    answered = one._answer

    def fails(database: Any, question: Question) -> tuple[Any, int]:
        if question == broken:
            raise Unavailable("of this test", 0.0)
        return answered(database, question)

    one._answer = fails  # type: ignore[method-assign]
    one.want(broken)
    one.want(fine)
    database = connect(one._settings)
    for _ in range(3):
        with pytest.raises(Unavailable):
            one._round(database, [broken, fine])
    database.disconnect()
    assert one.want(fine) is not None
    assert one.want(broken) is None


def test_what_nobody_wants_is_not_asked(asked: Asked) -> None:
    one = Asked(asked.settings).reader
    one.start()
    try:
        _until(lambda: one.want(Question("tasks", Scope())))
        with one._lock:
            one._wanted.clear()
        _until(lambda: _rests(one))
    finally:
        one.stop()


def _rests(one: Reader) -> bool:
    before = one.queries
    time.sleep(0.6)
    return one.queries == before


def _until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "not within the deadline"
        time.sleep(0.02)
    return found
