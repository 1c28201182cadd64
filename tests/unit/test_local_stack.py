"""Which parts the local stack starts for which settings, and what it says before it starts anything."""

import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from deploy.local import jars, stack
from deploy.local.kafka import _escape
from streams.errors import UserError
from streams.settings import Settings


class Display(stack.Shown):
    """Keeps what is said."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.said: list[str] = []

    def say(self, line: str) -> None:
        self.said.append(line)


@pytest.fixture(autouse=True)
def no_fetching(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "missing", lambda cache: [])


def parts(tmp_path: Path, without: tuple[str, ...] = (), **values: Any) -> tuple[list[str], str]:
    """The names of the parts that would start, and what is said."""
    display = Display()
    chosen = stack._parts(Settings(**values), tmp_path, without, display)
    return [part.service.name for part in chosen], " ".join(display.said)


def test_all_parts_by_default(tmp_path: Path) -> None:
    names, _ = parts(tmp_path)
    assert names == ["clickhouse", "schemas", "kafka", "console"]
    assert set(names) == set(stack.PARTS)


@pytest.mark.parametrize("part", stack.PARTS)
def test_a_part_left_out(tmp_path: Path, part: str) -> None:
    names, _ = parts(tmp_path, (part,))
    needs_both = {"console"} if part in ("kafka", "clickhouse") else set()
    assert set(names) == set(stack.PARTS) - {part} - needs_both


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({"kafka_brokers": "kafka.example:9092"}, "kafka"),
        ({"kafka_brokers": "127.0.0.1:9092,127.0.0.1:9093"}, "kafka"),
        ({"kafka_security": "SSL"}, "kafka"),
        ({"clickhouse_host": "clickhouse.example"}, "clickhouse"),
        ({"clickhouse_secure": True}, "clickhouse"),
        ({"clickhouse_user": "writer"}, "clickhouse"),
        ({"clickhouse_password": "secret"}, "clickhouse"),
    ],
)
def test_what_is_the_users_own_is_not_started_and_said(tmp_path: Path, values: dict[str, Any], missing: str) -> None:
    names, said = parts(tmp_path, **values)
    assert missing not in names
    assert len(names) == 3
    assert "is yours: not started here" in said
    assert "secret" not in said


def test_ports_are_those_of_the_settings(tmp_path: Path) -> None:
    settings = Settings(kafka_brokers="localhost:1234", clickhouse_port=1235, local_registry_port=1236)
    chosen = stack._parts(settings, tmp_path, (), Display())
    assert {part.service.name: part.port for part in chosen if part.service.name != "console"} == {
        "kafka": 1234,
        "clickhouse": 1235,
        "schemas": 1236,
    }


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_too_little_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 10**12, 300 * 1024**2))
    with pytest.raises(UserError, match="only 300 MB are free") as failed:
        stack._check_space(tmp_path)
    assert "TOUCHSTONE_LOCAL_DIR" in failed.value.fix


def test_fresh_deletes_data_and_nothing_else(tmp_path: Path) -> None:
    for name in ("kafka/log", "clickhouse/data", "logs", "mine"):
        (tmp_path / name).mkdir(parents=True)
    stack._delete(tmp_path, ("clickhouse",))
    assert {path.name for path in tmp_path.iterdir()} == {"clickhouse", "logs", "mine"}


@pytest.mark.parametrize(
    ("value", "written"),
    [("a b", "a b"), ("C:\\x", "C:\\\\x"), ("ü数", "\\u00fc\\u6570"), ("😀", "\\ud83d\\ude00"), ("a\nb", "a\\nb")],
)
def test_values_as_java_reads_them(value: str, written: str) -> None:
    assert _escape(value) == written


def test_the_page_names_tests_that_exist() -> None:
    root = Path(__file__).parents[2]
    named = re.findall(r"`(test_\w+\.py)::(\w+)`", (root / "docs/local-stack.md").read_text(encoding="utf-8"))
    assert len(named) > 5
    for file, test in named:
        (path,) = (root / "tests").rglob(file)
        assert f"def {test}(" in path.read_text(encoding="utf-8")
