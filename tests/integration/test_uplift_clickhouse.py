"""`touchstone uplift` says the same of the tables in ClickHouse as of the files that they were filled from."""

import json
from pathlib import Path
from typing import Any

import msgspec
from typer.testing import CliRunner

from benchmarks.uplift_world import EXAMPLE, Truth, world
from schemas.decisions import Action, Experience, Holdout
from schemas.events import ActionUpdate, Feedback, Touchpoint
from schemas.json_form import to_json
from sinks.tables import BY_NAME
from sinks.writer import Writer
from streams.cli import app
from streams.experience.controls import first_pack
from streams.experience.surroundings import Limits
from streams.packs_folder import read_pack
from streams.replay.decide import Decider
from streams.settings import Settings
from tests import sink_records as make
from tests.touchstone_command import touchstone

TABLES: dict[str, type[msgspec.Struct]] = {
    "touchpoints": Touchpoint,
    "feedback": Feedback,
    "action_updates": ActionUpdate,
    "experiences": Experience,
    "actions": Action,
    "holdouts": Holdout,
}


def of_tables(*arguments: object, settings: Settings) -> Any:
    """What a command says of ClickHouse."""
    done = touchstone(*arguments, "--json", settings=settings)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def of_file(*arguments: object) -> Any:
    """What it says of a file, in this process."""
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert done.exit_code == 0, done.output + str(done.exception)
    return json.loads(done.stdout)


def test_messages_of_a_file_and_of_the_tables_say_the_same(
    clickhouse_settings: Settings, clickhouse_writer: Writer, tmp_path: Path
) -> None:
    sent = [make.action(n, audience="customers", channel="mail" if n % 2 else None) for n in range(6)]
    later = make.AT + 3_600_000_000
    said = [make.feedback(n, occurred_at=later, invitation_id=f"a-{n}") for n in range(2)]
    done = [
        make.touchpoint(n, occurred_at=later + n, action_id=f"a-{n}", invitation_id=f"a-{n}", outcome="success")
        for n in range(1, 4)
    ]
    done.append(make.touchpoint(5, occurred_at=later, invitation_id="a-5", outcome="failure"))
    ends = make.touchpoint(9, occurred_at=later + 40 * 86_400_000_000)
    records: list[msgspec.Struct] = [*sent, make.action(7), *said, *done, ends]
    for table, kind in TABLES.items():
        rows = [make.row(table, one, n) for n, one in enumerate(records) if isinstance(one, kind)]
        assert not rows or clickhouse_writer.insert(BY_NAME[table], rows) == []
    path = tmp_path / "all.jsonl"
    path.write_text("".join(json.dumps(to_json(one)) + "\n" for one in records), encoding="utf-8")
    found = of_tables("moments", settings=clickhouse_settings)
    assert found == of_file("moments", path)
    assert [(one["moment"], one["sent"], one["answered"], one["redeemed"]) for one in found["moments"]] == [
        ("r, mail", 3, 1, 2),
        ("r, no channel named", 3, 1, 1),
    ]


def test_a_file_and_the_tables_say_the_same(
    clickhouse_settings: Settings, clickhouse_writer: Writer, tmp_path: Path
) -> None:
    pack = read_pack(EXAMPLE)
    truth = Truth(back=(0.2, 0.6), answers=0.9)
    events = world(pack, "offer_compensation", truth, customers=220, days=20, seed=5)
    decider = Decider(pack, Limits(3_600_000_000, 500))
    decider.control(first_pack(pack))
    for event in events:
        decider.take(event)
    records: list[msgspec.Struct] = [*events, *decider.decided]
    for table, kind in TABLES.items():
        mine = [one for one in records if isinstance(one, kind)]
        stored = [make.row(table, one, number) for number, one in enumerate([*mine, mine[0]])]  # one of them twice
        assert clickhouse_writer.insert(BY_NAME[table], stored) == []
    path = tmp_path / "all.jsonl"
    path.write_text("".join(json.dumps(to_json(one)) + "\n" for one in records), encoding="utf-8")
    found = of_tables("uplift", "--pack", EXAMPLE, settings=clickhouse_settings)
    assert found == of_file("uplift", path, "--pack", EXAMPLE)
    rows = {row["outcome"]: row for row in found["experiments"][0]["effects"]}
    assert rows["back"]["verdict"] == "better"
    assert rows["back"]["money"] is not None
    assert rows["score"]["effect"] is not None
