"""The short tier of `make torture`: a few scenarios of tests/torture, and mistakes that the same laws must notice."""

from pathlib import Path

import pytest

from tests.clickhouse_service import ClickHouseService
from tests.kafka_service import Kafka
from tests.torture.catalogue import SCENARIOS, chosen
from tests.torture.mutations import MUTATIONS
from tests.torture.play import play
from tests.torture.report import noticed

SHORT = ("sigterm", "random kills", "poison 1 %")
MISTAKES = ("offsets outside the transaction",)  # all: `make torture-mutations`
SCALE = 0.1


@pytest.mark.parametrize("name", SHORT)
def test_every_law_holds(name: str, kafka: Kafka, clickhouse_server: ClickHouseService, tmp_path: Path) -> None:
    (scenario,) = chosen(name)
    result = play(scenario, kafka, clickhouse_server, tmp_path / "stage", seed=28, scale=SCALE)
    assert result.green, {law: finding.said for law, finding in result.findings.items() if not finding.holds}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_noticed(name: str, kafka: Kafka, clickhouse_server: ClickHouseService, tmp_path: Path) -> None:
    (mutation,) = (each for each in MUTATIONS if each.name == name)
    folder = tmp_path / "stage"
    result = play(mutation.scenario, kafka, clickhouse_server, folder, 28, SCALE, mutation.mistakes, mutation.migrate)
    assert noticed(mutation, result), {law: finding.said for law, finding in result.findings.items()}


def test_scenarios_have_names_of_their_own() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    assert chosen("zombie_worker, broker") == [
        each for each in SCENARIOS if each.name.startswith(("zombie worker", "broker"))
    ]
    with pytest.raises(ValueError, match="there are: nothing, failpoints"):
        chosen("kils")
