"""Members of an incident live on the real Kafka: their tasks are called back or never asked, by the next worker, too."""

import time
from collections.abc import Callable
from pathlib import Path

from streams.packs_folder import find
from streams.packs_in_force import activate
from tests.builders import message
from tests.main_service import DEADLINE_SECONDS, Product, closers

PACK = """pack: folding
inherits: retail
description: What hits many is one task.
silences: {gave_up_paying: null}
signals: {gave_up: null}
incidents: {subjects: 4, folds: true}
"""
HOUR = 3600


def test_what_hits_many_is_one_task_also_after_a_worker_was_killed(
    product: Callable[..., Product], tmp_path: Path
) -> None:
    (tmp_path / "folding.yaml").write_text(PACK, encoding="utf-8")
    one = product(core_packs=tmp_path)
    activate(find("folding", one.settings), one.settings, at="beginning", brand="b")
    worker = one.start("worker")
    payments_fail(one, 0, [f"early-{number}" for number in range(4)])
    one.until_decided()
    until_called_back(one, set())
    worker.kill()
    one.expel()
    one.start("worker")
    payments_fail(one, 300, ["later-1", "later-2"])
    payments_fail(one, 2 * HOUR, ["alone"])
    one.until_decided()
    one.produce(closers(one.settings.kafka_partitions, 3 * HOUR))
    one.until_decided()
    until_called_back(one, {"alone"})
    held = one.in_force().values()
    assert {row["subject_id"] for row in held if row.get("kind") == "escalation"} <= {"alone"}
    assert {row["subject_id"] for row in held if row.get("kind") == "incident"} == {"payment"}
    assert len([row for row in held if row.get("kind") == "recovery_message"]) == 7


def payments_fail(one: Product, at: int, names: list[str]) -> None:
    """Each of them cannot pay, twice."""
    failed = {"brand": "b", "touchpoint": "payment", "outcome": "failure"}
    one.produce(
        message("touchpoint", f"{name}-{second}", at + second, number, name, matter=name, **failed)
        for number, name in enumerate(names)
        for second in (0, 5)
    )


def until_called_back(one: Product, wanted: set[str]) -> None:
    """The incident is known, and words have travelled: nobody else has to be called."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        held = [(row.get("kind"), row["subject_id"]) for row in one.in_force().values()]
        calls = {name for kind, name in held if kind == "call_back"}
        if calls == wanted and ("incident", "payment") in held:
            return
        assert time.monotonic() < deadline, f"calls to {sorted(calls)}"
        time.sleep(0.2)
