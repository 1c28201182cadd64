"""The switches that let a process do wrong on purpose: off unless asked for by their one value, refused otherwise, never silent."""

import logging

import pytest

from streams.engine import failpoints
from streams.errors import UserError
from streams.settings import TEST_PREFIX, environment_names


def test_without_switches_nothing_is_wrong() -> None:
    assert (failpoints.offsets_outside, failpoints.fencing_skipped, failpoints.restore_short) == (False, False, False)
    assert failpoints.isolation_level == "read_committed"


@pytest.mark.parametrize("switch", failpoints.MISTAKES)
def test_a_switch_takes_one_value(switch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(switch, failpoints.MISTAKES[switch])
    assert failpoints._mistaken(switch)
    for value in ("1", "true", "yes"):
        monkeypatch.setenv(switch, value)
        with pytest.raises(UserError, match="for tests only"):
            failpoints._mistaken(switch)


def test_no_switch_is_a_setting() -> None:
    for switch in (failpoints.FAILPOINT, *failpoints.MISTAKES):
        assert switch.startswith(TEST_PREFIX)
        assert switch not in environment_names()


def test_a_switch_that_is_on_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    failpoints.announce()
    assert caplog.records == []
    monkeypatch.setenv(failpoints.FENCING, "skip")
    failpoints.announce()
    assert [(record.levelno, failpoints.FENCING in record.message) for record in caplog.records] == [
        (logging.ERROR, True)
    ]
