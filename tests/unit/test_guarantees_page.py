"""docs/guarantees.md names scenarios, laws, mistakes, tests and settings that exist, and all laws and mistakes that there are."""

import re
from pathlib import Path

from streams.settings import environment_names
from tests.torture.catalogue import SCENARIOS
from tests.torture.invariants import LAWS
from tests.torture.job_laws import JOB_LAWS
from tests.torture.mutations import MUTATIONS

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
NOTES = {"none redelivered", "none inserted again"}  # laws of one scenario


def test_laws_and_scenarios_that_it_names_exist_and_no_law_is_missing() -> None:
    laws = set(LAWS) | set(JOB_LAWS)
    scenarios = {scenario.name for scenario in SCENARIOS}
    cells = [row.split("|")[4] for row in PAGE.splitlines() if row.startswith("| ") and row.count("|") == 5]
    named = {name for cell in cells[1:] for name in re.findall(r"`([a-z][a-z0-9 %]+)`", cell)}
    assert named - laws - scenarios - NOTES == set()
    assert laws - named == set()


def test_every_mistake_has_its_row() -> None:
    table = PAGE.split("## The laws against mistakes")[1].split("## ")[0]
    assert len([row for row in table.splitlines() if row.startswith("| ")]) - 1 == len(MUTATIONS)


def test_tests_and_settings_that_it_names_exist() -> None:
    for name in re.findall(r"`((?:unit|integration|fault|property)/test_\w+\.py)`", PAGE):
        assert (ROOT / "tests" / name).exists(), name
    for name, more in re.findall(r"`(TOUCHSTONE_(?!TEST)[A-Z_]+)(…?)", PAGE):
        assert any(each.startswith(name) if more else each == name for each in environment_names()), name
