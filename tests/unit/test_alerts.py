"""The alerts: promtool accepts and tests them, each has a runbook, and each names metrics that there are."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from streams import metrics
from streams.reference_metrics import entries
from tests.promql import faults

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
TESTS = ("alerts_test.yml", "alerts_days_test.yml")
GROUPS = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
RULES: list[dict[str, Any]] = [rule for group in GROUPS for rule in group["rules"]]
RECORDS = {rule["record"] for rule in RULES if "record" in rule}
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
PROMTOOL = shutil.which("promtool")
promtool = pytest.mark.skipif(PROMTOOL is None, reason="no promtool here: apt-get install prometheus")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(PROMTOOL), *map(str, arguments)], capture_output=True, text=True, check=False)


@promtool
def test_prometheus_takes_configuration_and_rules() -> None:
    done = run("check", "config", FOLDER / "prometheus.yml")  # rules included
    assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_the_alerts_fire_when_they_should_and_only_then() -> None:
    done = run("test", "rules", *(FOLDER / name for name in TESTS))
    assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_an_alert_that_is_wrong_is_noticed(tmp_path: Path) -> None:
    for name in (*TESTS, "alerts.yml"):
        shutil.copy(FOLDER / name, tmp_path)
    rules = tmp_path / "alerts.yml"
    text = rules.read_text(encoding="utf-8")
    assert "touchstone:actions_late:ratio_3d > 0.01" in text
    rules.write_text(text.replace("touchstone:actions_late:ratio_3d > 0.01", "touchstone:actions_late:ratio_3d > 0.1"), encoding="utf-8")  # fmt: skip
    assert run("test", "rules", tmp_path / "alerts_days_test.yml").returncode == 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.get("alert") or rule["record"]))
def test_a_rule_names_what_there_is(rule: dict[str, Any]) -> None:
    assert list(faults(rule["expr"], RECORDS)) == []


def test_what_there_is_not_is_noticed() -> None:
    assert list(faults("sum by (table) (rate(touchstone_worker_input_total[5m]))")) == [
        "touchstone_worker_input_total: no such series",
        "table: no such label of touchstone_worker_input_total",
    ]
    assert list(faults('touchstone_worker_holds_total{job="worker", par="x"} offset 1h > 0')) == [
        "par: no such label of touchstone_worker_holds_total"
    ]


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_who_is_called_and_what_to_do(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    page = (ROOT / rule["annotations"]["runbook"]).read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", page, re.M) == ["What it means", "What to look at", "What to do"]


def test_every_runbook_is_of_an_alert_and_names_settings_and_metrics_that_there_are() -> None:
    from streams.settings import environment_names

    pages = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
    assert {f"docs/runbooks/{page.name}" for page in pages} == {
        rule["annotations"]["runbook"] for rule in ALERTS.values()
    }
    series = {one for metric in entries() for one in (metric.name, *metric.series)}
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"TOUCHSTONE_[A-Z_]+[A-Z]", text)) <= set(environment_names()), page
        assert set(re.findall(r"touchstone_(?:process|worker|core|sink)_\w+", text)) <= series, page
        assert set(re.findall(r"`(Touchstone\w+)`", text)) <= set(ALERTS), page


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_tested_both_ways(name: str) -> None:
    checks = [
        check
        for file in TESTS
        for test in yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))["tests"]
        for check in test["alert_rule_test"]
        if check["alertname"] == name
    ]
    assert {bool(check["exp_alerts"]) for check in checks} == {True, False}


def test_every_metric_has_a_unit_in_its_name_and_labels_that_are_explained() -> None:
    all_entries = list(entries())
    assert len({metric.name for metric in all_entries}) == len(all_entries)
    for metric in all_entries:
        assert re.fullmatch(r"touchstone_(process|worker|core|sink|console)_[a-z_]+", metric.name)
        assert (metric.kind == "counter") == metric.name.endswith("_total")
        assert metric.kind != "histogram" or metric.unit
        assert not {"job", "instance"} & set(metric.labels)  # Prometheus' own
    assert {label for metric in all_entries for label in metric.labels} == set(metrics.LABELS)
