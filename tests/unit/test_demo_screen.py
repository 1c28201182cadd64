"""The demo's words: a title that fits a terminal of 80 columns, and what to do next."""

from types import SimpleNamespace
from typing import cast

from typer.testing import CliRunner

from streams.cli import app
from streams.demo.screen import _title
from streams.demo.summary import look_again
from streams.demo.watch import Watch
from streams.settings import Settings


def test_the_title_fits_80_columns() -> None:
    watch = SimpleNamespace(newest_at=1_772_357_400_000_000, inputs={"cx-touchpoints": 9_999}, open_episodes=range(99))
    title = _title(cast("Watch", watch), 99).plain
    assert len(title) <= 80
    assert title.endswith("99 unhappy (simulated) · 99 open episodes (found)")


def test_what_to_do_next() -> None:
    settings = Settings()
    assert "touchstone up, then touchstone tail" in look_again(settings, stay=False)
    staying = look_again(settings, stay=True)
    assert "until Ctrl-C" in staying
    assert "touchstone up" not in staying


def test_a_scenario_that_there_is_not_is_refused_before_anything_starts() -> None:
    done = CliRunner().invoke(app, ["demo", "--scenario", "foo"])
    assert done.exit_code == 2
    assert "late-courier" in done.output
