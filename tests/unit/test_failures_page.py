"""Every row of docs/failures.md names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_ROWS = [line for line in (ROOT / "docs/failures.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")]


def test_every_row_names_a_test_that_exists() -> None:
    named = 0
    for row in _ROWS[1:]:
        tests = re.findall(r"`((?:unit/|integration/|fault/)?test_\w+\.py)(?:::(test_\w+)…)?`", row.rsplit("|", 2)[1])
        assert tests or "sink's tests" in row, row
        for name, test in tests:
            found = list((ROOT / "tests").rglob(name.rsplit("/", 1)[-1]))
            assert found, f"{name}: {row}"
            assert not test or f"def {test}" in found[0].read_text(encoding="utf-8"), f"{name}::{test}"
            named += 1
    assert named > 20


def test_the_settings_that_it_names_exist() -> None:
    from streams.settings import environment_names

    text = "\n".join(_ROWS)
    for name in re.findall(r"`(TOUCHSTONE_[A-Z_]+)(…?)`", text):
        prefix, more = name
        assert any(each.startswith(prefix) if more else each == prefix for each in environment_names()), name
