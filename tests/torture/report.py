"""Results as Markdown and as JSON: what each scenario found, then scenarios × laws, each cell with what was counted."""

import json
import platform
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.torture.invariants import LAWS, Finding
from tests.torture.job_laws import JOB_LAWS
from tests.torture.mutations import Mutation
from tests.torture.play import Result, Scenario

NAMES = [*JOB_LAWS, *LAWS]
SHORT = {
    "conserved": "Acked = stored + dead-lettered:",
    "none doubled": "In the tables:",
    "reader agrees": "Actions, by a reader along:",
    "recovered": "Slowest recovery:",
    "memory": "At most:",
}


def _cell(finding: Finding | None) -> str:
    if finding is None:
        return "–"
    return f"✓ {finding.said}" if finding.holds else "**✗**"


def _plain(text: str, limit: int = 400) -> str:
    return text.replace("|", "\\|").replace("\n", " ")[:limit]


def markdown(results: Sequence[Result], scenarios: Mapping[str, Scenario], seed: int, not_played: Sequence[str]) -> str:
    """The report."""
    green = sum(result.green for result in results)
    lines = [
        "# Torture",
        "",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, seed {seed}, {platform.machine()}, Python {platform.python_version()}: "
        f"{green} of {len(results)} green. `make torture SEED={seed}` plays it again.",
        "",
        *_found(results, scenarios),
        "",
        "## Every law of every scenario",
        "",
        "| scenario | " + " | ".join(NAMES) + " |",
        "|" + "---|" * (len(NAMES) + 1),
    ]
    for result in results:
        cells = [_plain(_cell(result.findings.get(name))) for name in NAMES]
        lines.append(f"| {result.scenario} | " + " | ".join(cells) + " |")
    if not_played:
        lines += ["", f"Not played, the time was over: {', '.join(not_played)}."]
    return "\n".join(lines) + "\n"


def _found(results: Sequence[Result], scenarios: Mapping[str, Scenario]) -> list[str]:
    """Scenario by scenario: what was done, what came of it, and below it what is wrong and what it found besides."""
    lines = []
    for result in results:
        verdict = "green" if result.green else "**RED**"
        lines.append(
            f"- **{result.scenario}**, seed {result.seed}, {result.seconds:.0f} s, {verdict}: "
            f"{scenarios[result.scenario].about}. {_in_short(result)}".rstrip()
        )
        for name, finding in result.findings.items():
            if not finding.holds or name not in NAMES:
                lines.append(f"  - {'✓' if finding.holds else '**✗**'} {name}: {_plain(finding.said, 2000)}")
    return lines


def _in_short(result: Result) -> str:
    """The counts that a reader asks for first."""
    told = [
        f"{words} {result.findings[name].said}"
        for name, words in SHORT.items()
        if name in result.findings and result.findings[name].holds
    ]
    return _plain("; ".join(told)) + "." if told else ""


def of_mutations(found: Sequence[tuple[Mutation, Result]]) -> str:
    """What each mistake was noticed by."""
    lines = ["# Mutations", "", "| mistake | scenario | noticed by | for example |", "|---|---|---|---|"]
    for mutation, result in found:
        red = {name: finding for name, finding in result.findings.items() if not finding.holds}
        example = _plain(next(iter(red.values())).said) if red else "**not noticed**"
        lines.append(f"| {mutation.name} | {mutation.scenario.about} | {', '.join(red)} | {example} |")
    return "\n".join(lines) + "\n"


def noticed(mutation: Mutation, result: Result) -> bool:
    """By one of the laws that are there for it; a scenario that just ended in an error proves nothing."""
    return any(not result.findings[law].holds for law in mutation.laws if law in result.findings)


def keep_logs(stage: Path, out: Path, result: Result) -> Path | None:
    """The logs of a scenario that failed, beside the report; those of one that held are deleted."""
    if result.green:
        shutil.rmtree(stage, ignore_errors=True)
        return None
    kept = out / f"{result.scenario.replace(' ', '-')}-{result.seed}"
    shutil.rmtree(kept, ignore_errors=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(stage, kept)
    return kept


def write(folder: Path, name: str, text: str, results: Sequence[Result]) -> Path:
    """`name`.md and `name`.json; the path of the first."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    document = [
        {
            "scenario": result.scenario,
            "seed": result.seed,
            "seconds": round(result.seconds, 1),
            "green": result.green,
            "findings": {law: finding._asdict() for law, finding in result.findings.items()},
        }
        for result in results
    ]
    (folder / f"{name}.json").write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
    return folder / f"{name}.md"
