"""The console's parts without servers: who may come in, what is signed, what a scope covers, words and charts."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import yaml

from schemas.controls import Incident, Unit
from schemas.events import ActionUpdate, FeedbackKind
from schemas.refusals import DeadLetterReason
from sinks.console import charts, questions, words
from sinks.console.backlog import Group
from sinks.console.clock import Clock
from sinks.console.customer import marked
from sinks.console.guard import proxies
from sinks.console.keys import SESSION_SECONDS, Keys
from sinks.console.panels import PAGES, Seen, context, with_news
from sinks.console.questions import key_experience
from sinks.console.reader import pause_after
from sinks.console.scope import Scope
from sinks.console.topics import Known
from sinks.console.users import read_users
from streams.errors import UserError
from streams.settings import Settings
from tests.builders import PACKS, pack

FOLDER = Path(words.__file__).parent
TOKEN = "0123456789abcdef"
LOST = (
    "no_customer",
    "text_alone",
    "open_episode",
    "compensated",
    "ceiling",
    "quiet_hours",
    "cap",
    "consent",
    "outranked",
    "holdout",
    "budget",
    "capacity",
)  # streams/experience/arbiter.py
UNITS = {name: Unit(unit_id=name, parents=parents) for name, parents in (("m", []), ("n", ["m"]), ("d", ["n", "m"]))}


def users_of(text: str, **values: str) -> Settings:
    return Settings(console_users=text, **values)  # type: ignore[arg-type]


def test_a_token_finds_its_user_and_no_other() -> None:
    users = read_users(
        users_of(f"[{{name: mara, token: {TOKEN}, role: operator, unit: d}}, {{name: ben, token: {TOKEN}x}}]")
    )
    mara = users.with_token(TOKEN)
    assert mara is not None
    assert (mara.name, mara.operator, mara.unit) == ("mara", True, "d")
    ben = users.with_token(f"{TOKEN}x")
    assert ben is not None
    assert not ben.operator
    assert users.with_token("") is None
    assert users.with_token("0123456789abcdeg") is None
    assert not users.open


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("[{name: a, token: short}]", {}),
        ("[{name: a}]", {}),
        (f"[{{name: a, token: {TOKEN}}}, {{name: b, token: {TOKEN}}}]", {}),
        (f"[{{name: a, token: {TOKEN}}}, {{name: a, token: {TOKEN}x}}]", {}),
        (f"[{{name: a, token: {TOKEN}, role: king}}]", {}),
        (f"[{{name: a, token: {TOKEN}, units: d}}]", {}),
        ("[", {}),
        ("[]", {}),
        ("", {"console_host": "0.0.0.0"}),  # noqa: S104 - must be refused
    ],
)
def test_users_that_cannot_be_used(text: str, values: dict[str, str]) -> None:
    with pytest.raises(UserError) as caught:
        read_users(users_of(text, **values))
    assert TOKEN not in str(caught.value)


def test_addresses_of_proxies() -> None:
    found = proxies(Settings(console_proxy_addresses="10.0.3.17, 10.0.4.0/24,::1"))
    assert [str(one) for one in found] == ["10.0.3.17/32", "10.0.4.0/24", "::1/128"]
    assert proxies(Settings(console_proxy_addresses="")) == []
    for wrong in ("proxy.internal", "10.0.4.1/24", "10.0.4.0/33"):
        with pytest.raises(UserError, match="TOUCHSTONE_CONSOLE_PROXY_ADDRESSES"):
            proxies(Settings(console_proxy_addresses=wrong))


def test_without_users_this_machine_is_the_operator() -> None:
    assert read_users(users_of("")).open
    assert not read_users(users_of("[{name: a}]", console_proxy_header="X-User")).open


def test_sessions_are_signed_and_end() -> None:
    now = [1000.0]
    keys = Keys(Settings(console_secret="s"), lambda: now[0])  # type: ignore[arg-type]
    cookie = keys.session("mara")
    assert keys.who(cookie) == "mara"
    assert Keys(Settings(console_secret="other")).who(cookie) is None  # type: ignore[arg-type]
    for place in range(0, len(cookie), 7):
        changed = cookie[:place] + ("A" if cookie[place] != "A" else "B") + cookie[place + 1 :]
        assert keys.who(changed) is None
    for junk in ("", "é", "AAAA", cookie[:40]):
        assert keys.who(junk) is None
    now[0] += SESSION_SECONDS
    assert keys.who(cookie) is None


def test_a_customers_token_gives_nothing_away_and_holds_with_its_secret() -> None:
    first, second = Keys(Settings(console_secret="s")), Keys(Settings(console_secret="s"))  # type: ignore[arg-type]
    assert first.customer("c-1") == second.customer("c-1")
    assert re.fullmatch(r"[0-9a-f]{32}", first.customer("c-1"))
    assert first.customer("c-1") != first.customer("c-2")
    assert Keys(Settings()).customer("c-1") != Keys(Settings()).customer("c-1")


def test_a_scope_is_a_unit_and_what_is_below_it() -> None:
    assert Scope("n").units(UNITS.values()) == ("d", "n")
    assert Scope("d").units(UNITS.values()) == ("d",)
    assert Scope("m").units(UNITS.values()) == ("d", "m", "n")
    assert Scope("n").units([]) == ("n",)  # while units are not known yet it is narrower, never wider
    assert Scope().parameters(UNITS) == {"whole": 1, "units": ("",)}
    assert Scope("n").covers("d", UNITS)
    assert not Scope("d").covers("n", UNITS)
    assert not Scope("d").covers(None, UNITS)
    assert Scope().covers(None, UNITS)


def test_the_clock_of_a_story_follows_its_events_and_is_never_ahead() -> None:
    clock = Clock("stream", lambda: 1000.0)
    clock.set(400_000_000, 990_000_000)
    assert clock.now_us() == 410_000_000
    clock.set(2_000_000_000, 990_000_000)
    assert clock.now_us() == 1_000_000_000
    wall = Clock("wall", lambda: 1000.0)
    wall.set(400_000_000, 990_000_000)
    assert wall.now_us() == 1_000_000_000


@pytest.mark.parametrize(
    ("text", "spans", "wanted"),
    [
        ("abcdef", [], [("abcdef", False)]),
        ("abcdef", [(0, 2)], [("ab", True), ("cdef", False)]),
        ("abcdef", [(4, 99)], [("abcd", False), ("ef", True)]),
        ("abcdef", [(1, 3), (2, 4)], [("a", False), ("bc", True), ("d", True), ("ef", False)]),
        ("等了一个小时", [(1, 3)], [("等", False), ("了一", True), ("个小时", False)]),
        ("", [(0, 1)], []),
    ],
)
def test_words_are_marked_by_code_points(
    text: str, spans: list[tuple[int, int]], wanted: list[tuple[str, bool]]
) -> None:
    assert [tuple(piece) for piece in marked(text, spans)] == wanted


def test_both_languages_say_the_same_things() -> None:
    texts = {language: words.texts(language) for language in words.LANGUAGES}
    assert set(texts["en"]) == set(texts["zh"])
    for key, text in texts["en"].items():
        holes = {language: sorted(re.findall(r"\{(\w+)\}", texts[language][key])) for language in words.LANGUAGES}
        assert holes["en"] == holes["zh"], key
        assert isinstance(text, str), key


def test_every_text_is_used_and_every_used_text_is_there() -> None:
    source = "".join(
        path.read_text(encoding="utf-8") for path in FOLDER.rglob("*") if path.suffix in (".html", ".py", ".js")
    )
    known = set(yaml.safe_load((FOLDER / "words/en.yaml").read_text(encoding="utf-8")))
    open_sets = re.compile(
        r"^(page|role|origin|state|stage|status|what|outcome|sort|cause|kind|lost|field|do|unit|said|reason|table|dimension|source|voice|span|fits?|decision|health\.group)\."
    )
    quoted = set(re.findall(r"""["']([a-z_]+(?:\.[a-z_0-9]+)+)["']""", source))
    assert {key for key in known if not open_sets.match(key) and key not in quoted} <= {
        "loading",
        "do.accepted",
        "language",
        "title",
    }
    used = set(re.findall(r"""\bt\(\s*["']([a-z_.0-9]+)["']\s*[,)]""", source))
    assert used - known == set()


def test_names_are_those_of_the_packs_in_force() -> None:
    titles = words.Titles(Settings())
    titles.in_force = ("airline",)
    assert titles.title("audiences", "customers", "en") == "Passengers"
    titles.in_force = ("retail",)
    assert titles.title("audiences", "customers", "en") == "Customers"  # inherited from standard
    assert titles.title("touchpoints", "payment", "zh") == "支付"
    assert titles.title("touchpoints", "no_such_place", "zh") == "no such place"
    assert titles.promised("payment") == 15


def test_one_slow_round_keeps_nobody_waiting() -> None:
    assert pause_after([0.05, 0.04], 2.0) == 2.0
    assert pause_after([0.05, 0.04, 2.5], 2.0) == 2.0
    assert pause_after([1.5, 1.0, 2.5], 2.0) == 4.0  # all of them: asking costs that much
    assert pause_after([60.0], 2.0) == 20.0


def test_waiting_is_drawn_against_its_promise() -> None:
    drawn = charts.waiting([0.0, 10.0, None, 5.0], 5.0, "waiting")
    assert 'y1="12.0"' in drawn  # half of the highest
    assert 'points="0.0,22.0 33.3,2.0"' in drawn
    assert "promise" not in charts.waiting([3.0, 4.0], None, "waiting")


def test_every_panel_has_its_template() -> None:
    for panels in PAGES.values():
        for panel in panels:
            assert (FOLDER / "templates" / f"{panel.id}.html").is_file()


def test_no_page_holds_scripts_or_styles() -> None:
    for path in (FOLDER / "templates").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:|<style|<script(?! src=\"/static/)", text), path
        assert "|safe" not in text.replace(" ", ""), path


def test_what_comes_back_through_the_stream_shows_before_clickhouse_has_it() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    claimed = ActionUpdate(
        event_id="r", subject_type="customer", subject_id="c", occurred_at=int(at.timestamp() * 1e6) + 5, action_id="a", status="resolved"
    )  # fmt: skip
    earlier = {"status": "accepted", "by": "x", "note": "", "occurred_at": at}
    (shown,) = with_news([{"action_id": "a", "receipts": [earlier]}], {"a": claimed})
    assert [one["status"] for one in shown["receipts"]] == ["accepted", "resolved"]
    assert shown["settled"]
    later = {**earlier, "status": "contacted", "occurred_at": datetime(2026, 3, 2, tzinfo=UTC)}
    (shown,) = with_news([{"action_id": "a", "receipts": [later]}], {"a": claimed})
    assert [one["status"] for one in shown["receipts"]] == ["contacted"]
    (shown,) = with_news([{"action_id": "b", "receipts": []}], {"a": claimed})
    assert shown["receipts"] == []


@pytest.mark.parametrize(
    ("step", "statuses", "met"),
    [
        ("listen", [], False),
        ("listen", ["accepted"], False),
        ("respond", ["accepted", "contacted"], True),
        ("compensate", ["contacted"], False),
        ("compensate", ["contacted", "compensated"], True),
        ("improve", ["resolved"], True),
        ("listen", ["declined"], True),
    ],
)
def test_what_was_done_in_time_is_not_late_any_more(step: str, statuses: list[str], met: bool) -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    receipts = [{"status": status, "by": "x", "note": "", "occurred_at": at} for status in statuses]
    (shown,) = with_news([{"action_id": "a", "step": step, "receipts": receipts}], {})
    assert shown["met"] is met


def test_an_incident_tells_who_is_on_it() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    us = int(at.timestamp() * 1e6)
    where = {"brand": "marlow", "touchpoint": "payment", "cause": "failure"}
    told = [{"action_id": "a", **where, "decided_at": at, "receipts": []}]
    claimed = ActionUpdate(
        event_id="r", subject_type="touchpoint", subject_id="payment", occurred_at=us, action_id="a", status="accepted", by="pat"
    )  # fmt: skip

    def on_it(brand: str, started: int, ended: int | None) -> Any:
        incident = Incident(
            incident_id="i", revision=1, touchpoint="payment", cause="failure", started_at=us + started, ended_at=ended and us + ended, subjects=9
        )  # fmt: skip
        topics: Any = SimpleNamespace(incidents={"i": Known(brand, incident)}, receipts={"a": claimed}, units={})
        found = context("incidents", Seen({"hurts": [], "told": told}, topics, topics, Scope(), us, topics, str))
        return found["told"]["i"]

    assert on_it("marlow", -60, None)["receipts"][-1]["by"] == "pat"
    assert on_it("marlow", -60, 60) is not None
    assert on_it("marlow", -60, -1) is None  # an earlier one
    assert on_it("marlow", 1, None) is None  # a later one
    assert on_it("other", -60, None) is None


def test_who_is_not_running_is_said_on_now() -> None:
    groups = {name: Group(name, members, {}, 3.0 * members, 0) for name, members in (("worker", 0), ("sink", 2))}
    backlog: Any = SimpleNamespace(groups=groups)
    topics: Any = None
    t = words.Speech("en", words.Titles(Settings()))
    found = context("behind", Seen(None, topics, backlog, Scope(), 0, t, str))
    assert found["absent"] == [groups["worker"]]
    assert found["lag_seconds"] == 6.0


def test_a_level_holds_until_something_moves_it() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    signal = {"at": at, "level": 0.5, "what": "signal", "cause": "failure", "touchpoint": "payment"}
    said = {**signal, "at": at + timedelta(minutes=1), "level": 0.9, "what": "said", "cause": "nps"}
    t = words.Speech("en", words.Titles(Settings()))

    def points(rows: list[Any]) -> list[tuple[str, float]]:
        now = int((at.timestamp() + 3600) * 1e6)
        nothing: Any = None
        found = context("levels", Seen({"levels": rows}, nothing, nothing, Scope(), now, t, str))["points"]
        return [(point["what"], point["level"]) for point in found]

    assert points([signal, said]) == [("signal", 0.5), ("said", 0.9), ("now", 0.5)]
    assert points([said]) == [("said", 0.9)]
    assert points([]) == []


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (68, "1 min 8 s"),
        (299, "4 min 59 s"),
        (300, "5 min"),
        (3900, "1 h 5 min"),
        (-90, "1 min 30 s"),
    ],
)
def test_lengths_of_time(seconds: float, told: str) -> None:
    assert words.Speech("en", words.Titles(Settings())).span(seconds) == told


def test_every_reason_of_the_arbiter_has_words_and_what_a_pack_adds_stays_readable() -> None:
    for language in words.LANGUAGES:
        assert {f"lost.{reason}" for reason in LOST} <= set(words.texts(language))
        t = words.Speech(language, words.Titles(Settings()))
        assert t.known("cause", "lift_out_of_order") == "lift out of order"


@pytest.mark.parametrize("name", sorted(path.stem for path in PACKS.glob("*.yaml")))
def test_every_signal_and_incident_of_our_packs_has_words(name: str) -> None:
    compiled = pack(name)
    named = {f"cause.{one}" for signal in compiled.file.signals for one in (signal, compiled.incident_of(signal))}
    for language in words.LANGUAGES:
        assert named - set(words.texts(language)) == set()


def test_what_is_refused_and_what_is_said_have_words() -> None:
    named = {f"said.{kind}" for kind in get_args(FeedbackKind) if kind != "unknown"}
    named |= {f"reason.{reason.value}" for reason in DeadLetterReason}
    assert named - set(words.texts("zh")) == set()


def test_what_is_usual_is_the_mean_of_the_time_before() -> None:
    def row(recent: int, before: int, hours: float) -> questions.Row:
        first = datetime.fromtimestamp(1_000_000 - hours * 3600, UTC)
        return {"recent": recent, "before": before, "first_at": first}

    rows = [row(6, 8, 2), row(2, 1, 1), row(3, 0, 0)]
    questions.with_usual(rows, 1_000_000 * 1_000_000)
    assert [one["usual"] for one in rows] == [1.0, 0.125, 0.0]
    assert [one["hot"] for one in rows] == [True, False, True]
    early = [row(5, 1, 0.1)]
    questions.with_usual(early, 1_000_000 * 1_000_000)
    assert early[0]["usual"] is None


def test_charts_escape_what_they_are_told() -> None:
    points = [{"at": datetime(2026, 3, 1, tzinfo=UTC), "level": 0.5, "what": "signal", "label": '<script>"'}]
    assert "<script>" not in charts.curve(points, "<b>")
    assert "<b>" not in charts.trend([0.1, None, 0.2], "<b>")
    assert "<b>" not in charts.waiting([1.0, None, 9.0, 9.0], 5.0, "<b>")
    assert [charts.shade(count) for count in (0, 1, 2, 4, 11, 500)] == [0, 1, 2, 3, 4, 5]


def test_the_key_experience_is_what_disappoints_most() -> None:
    def row(name: str, satisfaction: float | None, importance: float | None) -> dict[str, object]:
        return {"touchpoint": name, "levels": {"satisfaction": satisfaction, "importance": importance}}

    rows = [row("a", -2.0, 9.0), row("b", -3.0, None), row("c", None, 10.0), row("d", 4.0, 10.0), row("e", -9.0, 0.0)]
    assert key_experience([*rows, {"touchpoint": "f", "levels": None}]) == "a"
    assert key_experience(rows[1:]) == "b"
    assert key_experience(rows[2:]) is None
