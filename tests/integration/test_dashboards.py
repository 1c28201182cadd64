"""The dashboards: every SQL query finds something on the real engine as a user who may only query; every PromQL name exists."""

import json
import re
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from clickhouse_driver.errors import ServerException

from sinks import migrations, writer
from sinks.tables import BY_NAME
from streams.reference_metrics import entries
from streams.settings import Settings
from tests import sink_records as make
from tests.clickhouse_service import READER, ClickHouseService
from tests.compose_file import ROOT, SERVICES
from tests.promql import faults, names

GRAFANA = ROOT / "deploy" / "grafana"
BOARDS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((GRAFANA / "dashboards").glob("*.json"))
}
PANELS = [
    (board, panel, target) for board in BOARDS for panel in BOARDS[board]["panels"] for target in panel["targets"]
]
SOURCES: dict[str, dict[str, Any]] = {
    one["uid"]: one
    for one in yaml.safe_load((GRAFANA / "provisioning/datasources/touchstone.yaml").read_text(encoding="utf-8"))["datasources"]
}  # fmt: skip


def ids(panel: tuple[str, dict[str, Any], dict[str, Any]]) -> str:
    return f"{panel[0]}: {panel[1]['title']} {panel[2]['refId']}"


def of(source: str) -> list[Any]:
    chosen = [each for each in PANELS if each[2]["datasource"]["uid"] == source]
    return [pytest.param(panel, target, id=ids((board, panel, target))) for board, panel, target in chosen]


def expanded(sql: str, now: int) -> str:
    """As Grafana's plug-in writes the two macros that we use: a minute's buckets, the last hour."""
    sql = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 >= toDateTime({now - 3600}) AND \1 <= toDateTime({now})", sql)
    sql = re.sub(r"\$__timeInterval\((\w+)\)", r"toStartOfInterval(toDateTime(\1), INTERVAL 60 second)", sql)
    assert "$" not in sql
    return sql


@pytest.fixture(scope="module")
def database(clickhouse_server: ClickHouseService) -> Iterator[str]:
    """Tables with some of everything, a few minutes old."""
    name = "dashboards"
    clickhouse_server.query(f"CREATE DATABASE {name}")
    settings = Settings(
        clickhouse_host=clickhouse_server.host, clickhouse_port=clickhouse_server.port, clickhouse_database=name
    )
    migrations.migrate(settings)
    at = (int(time.time()) - 300) * 1_000_000
    where: dict[str, Any] = {"timestamp_ms": at // 1000}
    headers = [("touchstone.reason", b"malformed")]
    records = {
        "touchpoints": make.touchpoint(outcome="failure", occurred_at=at),
        "feedback": make.feedback(occurred_at=at),
        "action_updates": make.receipt(7, occurred_at=at),
        "experiences": make.experience(occurred_at=at, about_at=at),
        "actions": make.action(decided_at=at - 2_000_000, due_at=at),
        "episodes": make.episode(opened_at=at, changed_at=at),
    }
    writing = writer.Writer(settings)
    for table, record in records.items():
        writing.insert(BY_NAME[table], [make.row(table, record, 0, **where)])
    writing.insert(BY_NAME["dead_letters"], [make.row("dead_letters", b"\x00", 0, headers=headers, **where)])
    writing.close()
    yield name
    clickhouse_server.query(f"DROP DATABASE {name} SYNC")


@pytest.mark.parametrize(("panel", "target"), of("clickhouse"))
def test_a_query_finds_something(
    clickhouse_server: ClickHouseService, database: str, panel: dict[str, Any], target: dict[str, Any]
) -> None:
    with clickhouse_server.client(database, user=READER) as client:
        rows, columns = client.execute(expanded(target["rawSql"], int(time.time())), with_column_types=True)
    assert rows
    if panel["type"] == "timeseries":
        assert target["queryType"] == "timeseries"
        assert columns[0][0] == "time"
        assert isinstance(rows[0][0], datetime)
        kinds = {kind for _, kind in columns[1:]} - {"LowCardinality(String)"}
        assert all(re.fullmatch(r"(U?Int|Float)\d+", kind) for kind in kinds)
        assert any(row[-1] > 0 for row in rows)
    elif panel["type"] == "stat":
        assert len(rows) == len(columns) == 1
        assert isinstance(rows[0][0], int)


def test_a_query_that_is_wrong_is_noticed(clickhouse_server: ClickHouseService, database: str) -> None:
    sql = next(panel.values[1]["rawSql"] for panel in of("clickhouse"))
    with (
        clickhouse_server.client(database, user=READER) as client,
        pytest.raises(ServerException, match=r"UNKNOWN_TABLE|does not exist|Unknown"),
    ):
        client.execute(expanded(sql.replace("actions_status", "actions_statuses"), int(time.time())))


@pytest.mark.parametrize(("panel", "target"), of("prometheus"))
def test_a_query_names_metrics_and_labels_that_there_are(panel: dict[str, Any], target: dict[str, Any]) -> None:
    assert names(target["expr"])
    assert list(faults(target["expr"])) == []


def test_every_metric_is_on_a_dashboard_or_in_an_alert() -> None:
    text = json.dumps(BOARDS) + (ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8")
    nowhere = {metric.name for metric in entries() if metric.name not in text}
    assert nowhere == {"touchstone_worker_stream_time_seconds"}  # its delay is


def test_the_dashboards_are_provisioned() -> None:
    assert set(BOARDS) == {"operations", "engine"}
    mounts = dict(volume.removesuffix(":ro").split(":") for volume in SERVICES["grafana"]["volumes"])
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/touchstone.yaml").read_text(encoding="utf-8"))["providers"]  # fmt: skip
    assert mounts["./deploy/grafana/dashboards"] == provider["options"]["path"]
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert home.stem in BOARDS
    for name, board in BOARDS.items():
        assert board["uid"] == name
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        for panel in board["panels"]:
            assert panel["datasource"] == {"type": SOURCES[panel["datasource"]["uid"]]["type"], "uid": panel["datasource"]["uid"]}  # fmt: skip
            assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])


def test_the_sources_are_the_services_of_the_compose_file() -> None:
    assert SOURCES["prometheus"]["url"] == "http://prometheus:9090"
    clickhouse = SOURCES["clickhouse"]
    assert (clickhouse["jsonData"]["host"], clickhouse["jsonData"]["port"]) == ("clickhouse", 9000)
    assert clickhouse["secureJsonData"]["password"].removeprefix("$") in SERVICES["grafana"]["environment"]
    assert f"<{clickhouse['jsonData']['username']}>" in (ROOT / "deploy/clickhouse/users.xml").read_text("utf-8")
    assert clickhouse["type"] in SERVICES["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"]


def test_no_panel_shows_a_customer() -> None:
    for _, _, target in PANELS:
        assert not re.search(r"subject_id|assignee|\btext\b|note", target.get("rawSql", ""))
