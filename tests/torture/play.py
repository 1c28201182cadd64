"""Plays one scenario and judges it. In: environment, scenario, seed. Out: a Result with a finding for each law."""

import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sinks import migrations
from streams.settings import Settings
from tests.clickhouse_service import ClickHouseService
from tests.kafka_service import Kafka
from tests.torture.evidence import gather
from tests.torture.invariants import LAWS, Finding
from tests.torture.job_laws import JOB_LAWS
from tests.torture.observer import EVERY_SECONDS
from tests.torture.small_disk import SmallDisk, small_broker
from tests.torture.stage import Stage


class Scenario(NamedTuple):
    """`run` does harm on a stage while messages flow; what must hold afterwards is judged by all laws."""

    name: str
    run: Callable[[Stage], None]
    about: str
    job: str = "relay"
    settings: Mapping[str, Any] = {}
    drains: bool = True  # False: only its own findings count, as when it ends in a stop that a person must look at
    watch_seconds: float = EVERY_SECONDS  # between two looks of the observer
    small_disk: bool = False  # a broker of its own on a disk that can be filled


class Result(NamedTuple):
    """`findings` by law."""

    scenario: str
    seed: int
    seconds: float
    findings: dict[str, Finding]

    @property
    def green(self) -> bool:
        return all(finding.holds for finding in self.findings.values())


def play(
    scenario: Scenario,
    kafka: Kafka,
    clickhouse: ClickHouseService,
    folder: Path,
    seed: int,
    scale: float = 1.0,
    mistakes: Mapping[str, str] | None = None,
    migrate: Callable[[Settings], object] = migrations.migrate,
    minutes: float | None = None,
) -> Result:
    """Whatever goes wrong is a finding, also an exception."""
    began = time.monotonic()
    folder.mkdir(parents=True)
    if scenario.small_disk:
        with small_broker(folder / "disk") as (own, disk):
            findings = _play(scenario, own, clickhouse, folder, seed, scale, mistakes, migrate, minutes, disk)
    else:
        findings = _play(scenario, kafka, clickhouse, folder, seed, scale, mistakes, migrate, minutes)
    return Result(scenario.name, seed, time.monotonic() - began, findings)


def _play(
    scenario: Scenario,
    kafka: Kafka,
    clickhouse: ClickHouseService,
    folder: Path,
    seed: int,
    scale: float,
    mistakes: Mapping[str, str] | None,
    migrate: Callable[[Settings], object],
    minutes: float | None,
    disk: SmallDisk | None = None,
) -> dict[str, Finding]:
    findings: dict[str, Finding] = {}
    stage = Stage(
        kafka, clickhouse, folder, seed, scenario.job, scale, mistakes, migrate, scenario.watch_seconds, minutes, disk,
        **scenario.settings,
    )  # fmt: skip
    try:
        scenario.run(stage)
        if scenario.drains:
            stage.drain()
            evidence = gather(stage)
            findings |= {name: law(evidence) for name, law in (JOB_LAWS | LAWS).items()}
    except Exception as error:  # noqa: BLE001 - the report has it
        where = traceback.extract_tb(error.__traceback__)[-1]
        findings["ended"] = Finding(
            False, f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
        )
    finally:
        for name, holds, said in stage.extra:  # of several by one name, one that fails stands
            if findings.get(name, Finding(True, "")).holds:
                findings[name] = Finding(holds, said)
        stage.close()
    return findings
