"""The doctor's frame: checks side by side, limits of time, what depends on what, settings and their sources; nothing answers here."""

import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from schemas.codec import Codec
from schemas.controls import Control, PackInForce
from streams import settings as all_settings
from streams.doctor import other_checks
from streams.doctor.check import Check, Finding, run_checks
from streams.doctor.configured import HIDDEN, configured
from streams.doctor.kafka_checks import calendars, listed, packs_in_force
from streams.doctor.report import all_checks, exit_code, packages
from streams.errors import ExitCode, Unavailable, UserError
from streams.packs_folder import find
from streams.settings import Settings


def fine(name: str) -> Callable[[], list[Finding]]:
    return lambda: [Finding(name, "ok", "fine")]


def raising(error: Exception) -> Callable[[], list[Finding]]:
    def run() -> list[Finding]:
        raise error

    return run


def found(*checks: Check, limit: float = 5.0) -> dict[str, Finding]:
    return {name: findings[0] for name, findings in run_checks(checks, limit)}


def test_each_check_is_told() -> None:
    got = found(Check("a", fine("a")), Check("b", fine("b")))
    assert {name: one.status for name, one in got.items()} == {"a": "ok", "b": "ok"}


def test_checks_run_side_by_side() -> None:
    together = threading.Barrier(3, timeout=5)

    def meet() -> list[Finding]:
        together.wait()
        return [Finding("x", "ok", "met")]

    assert {one.status for one in found(*(Check(name, meet) for name in "abc")).values()} == {"ok"}


def test_a_check_that_hangs_is_given_up_and_the_others_are_not_held_up() -> None:
    never = threading.Event()
    started = time.monotonic()
    got = found(Check("hangs", lambda: [Finding("hangs", "ok", str(never.wait(60)))]), Check("a", fine("a")), limit=0.2)
    assert time.monotonic() - started < 30
    never.set()
    assert got["a"].status == "ok"
    assert (got["hangs"].status, got["hangs"].what, got["hangs"].unreachable) == (
        "failed",
        "no answer within 0.2 s",
        True,
    )


def test_what_depends_on_a_failure_is_not_looked_at() -> None:
    checks = (
        Check("c", raising(AssertionError()), "b"),
        Check("a", raising(UserError("down", exit_code=ExitCode.UNAVAILABLE))),
        Check("b", fine("b"), "a"),
        Check("d", fine("d")),
    )
    got = found(*checks)
    assert {name: one.status for name, one in got.items()} == {"a": "failed", "b": "skipped", "c": "skipped", "d": "ok"}


def test_what_depends_on_success_runs_after_it() -> None:
    order: list[str] = []

    def note(name: str) -> list[Finding]:
        order.append(name)
        return [Finding(name, "attention", "look")]

    found(Check("second", lambda: note("second"), "first"), Check("first", lambda: note("first")))
    assert order == ["first", "second"]


@pytest.mark.parametrize(
    ("error", "unreachable", "what"),
    [
        (UserError("topic is missing", "create it", exit_code=ExitCode.NO), False, "topic is missing"),
        (UserError("no Kafka", exit_code=ExitCode.UNAVAILABLE), True, "no Kafka"),
        (Unavailable("gone"), True, "gone"),
        (ZeroDivisionError("by zero"), False, "ZeroDivisionError: by zero"),
    ],
)
def test_a_check_that_raises_is_a_finding(error: Exception, unreachable: bool, what: str) -> None:
    got = found(Check("a", raising(error)))["a"]
    assert (got.status, got.unreachable, got.what) == ("failed", unreachable, what)


def test_exit_codes() -> None:
    fine_, look = Finding("topics", "ok", ""), Finding("worker", "attention", "")
    kafka, clickhouse = (Finding(name, "failed", "", unreachable=True) for name in ("Kafka", "ClickHouse"))
    assert exit_code([fine_, look]) == 0
    assert exit_code([fine_, Finding("topics", "failed", "")]) == 1
    assert exit_code([kafka, fine_]) == 1
    assert exit_code([kafka, clickhouse, fine_]) == 3
    assert exit_code([kafka, Finding("ClickHouse", "failed", "refused")]) == 1


def test_settings_tell_their_source_and_hide_secrets(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n", encoding="utf-8")
    environment = {
        "TOUCHSTONE_KAFKA_BROKERS": "a:1",
        "TOUCHSTONE_CLICKHOUSE_PASSWORD_FILE": str(tmp_path / "secret"),
        "TOUCHSTONE_KAFKA_SASL_PASSWORD": "hunter3",
        "TOUCHSTONE_REGISTRY_URL": "https://me:hunter4@registry:8081/x",
    }
    settings = all_settings.load(environment)
    assert settings.clickhouse_password.get_secret_value() == "hunter2"  # without the end of the line
    told = {one.name: one for one in configured(settings, environment)}
    assert len(told) == len(Settings.model_fields)
    assert (told["TOUCHSTONE_KAFKA_BROKERS"].value, told["TOUCHSTONE_KAFKA_BROKERS"].source) == ("a:1", "environment")
    assert told["TOUCHSTONE_CLICKHOUSE_PASSWORD"].source == f"file {tmp_path / 'secret'}"
    assert told["TOUCHSTONE_CLICKHOUSE_PASSWORD"].value == HIDDEN
    assert told["TOUCHSTONE_REGISTRY_URL"].value == f"https://{HIDDEN}@registry:8081/x"
    assert told["TOUCHSTONE_REGISTRY_PASSWORD"].value == ""
    assert told["TOUCHSTONE_KAFKA_PREFIX"].source == "default"
    assert "hunter" not in str(told)


def test_settings_that_are_wrong_are_named_with_what_is_meant(tmp_path: Path) -> None:
    for environment, what, fix in (
        ({"TOUCHSTONE_KAFKA_BROKER": "a:1"}, "unknown setting TOUCHSTONE_KAFKA_BROKER", "did you mean TOUCHSTONE_KAFKA_BROKERS?"),
        ({"TOUCHSTONE_XYZ": "1"}, "unknown setting TOUCHSTONE_XYZ", "docs/settings.md"),
        ({"TOUCHSTONE_KAFKA_BROKERS": "a", "TOUCHSTONE_KAFKA_BROKERS_FILE": "b"}, "TOUCHSTONE_KAFKA_BROKERS is set twice", "either"),
        ({"TOUCHSTONE_KAFKA_PARTITIONS": "many"}, "TOUCHSTONE_KAFKA_PARTITIONS", "partitions of co-partitioned topics"),
        ({"TOUCHSTONE_KAFKA_SASL_PASSWORD_FILE": str(tmp_path / "no")}, "No such file", "readable file"),
        ({"TOUCHSTONE_KAFKA_SASL_PASSWORD_FILE": str(tmp_path)}, "directory", "readable file"),
    ):  # fmt: skip
        with pytest.raises(UserError) as refused:
            all_settings.load(environment)
        assert what in refused.value.what
        assert fix in refused.value.fix


def test_names_in_a_sentence() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"


def control(number: int, at: int, name: str, brand: str | None = None) -> bytes:
    pack = PackInForce(name=name, version="1")
    return Codec().encode(Control(control_id=f"k{number}", in_force_at=at, written_at=number, brand=brand, pack=pack))


def test_which_pack_is_in_force() -> None:
    copies: dict[int, dict[str, bytes | None]] = {
        0: {"k1": control(1, 0, "old"), "k2": control(2, 100, "new"), "k3": control(3, 900, "later")},
        1: {"k4": control(4, 50, "mine", "acme"), "k5": b"\x01broken", "k6": None},
    }
    in_force = packs_in_force(copies, 500, Codec())
    assert {brand: (pack.name, at) for brand, (pack, at) in in_force.items()} == {
        "": ("new", 100),
        "acme": ("mine", 50),
    }
    assert packs_in_force({}, 500, Codec()) == {}


def test_a_calendar_that_ends_soon_is_told() -> None:
    pack = find("automotive", Settings())
    last = max(pack.file.calendars["workshop"].years)
    assert calendars(pack, date(last, 11, 2)) == []  # 31 December is the 60th day
    [soon] = calendars(pack, date(last, 11, 3))
    assert (soon.status, soon.check) == ("attention", "calendars")
    assert f"workshop does not cover {last + 1}: from {last + 1}-01-01 on" in soon.what
    [over] = calendars(pack, date(last + 1, 1, 1))
    assert over.status == "failed"
    assert calendars(find("retail", Settings()), date(last + 1, 1, 1)) == []


def test_packages_are_told() -> None:
    told = packages()
    assert told["kafka-python"].startswith("3.")
    assert "missing" not in told.values()


def test_every_check_depends_on_one_that_is_there() -> None:
    checks = all_checks(Settings(), 5.0)
    names = [check.name for check in checks]
    assert len(set(names)) == len(names)
    assert {check.after for check in checks} <= {None, *names}


def test_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(local_dir=tmp_path / "not" / "yet")
    usage: Any = type("Usage", (), {"free": 5 << 30})
    monkeypatch.setattr(other_checks.shutil, "disk_usage", lambda _: usage)
    assert other_checks.disk(settings)[0].status == "ok"
    usage.free = 500 << 20
    assert other_checks.disk(settings)[0].status == "attention"
    usage.free = 50 << 20
    assert other_checks.disk(settings)[0].status == "failed"
