"""`touchstone doctor`: what is configured, what answers, how far things have come, and what to do about what is wrong."""

from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands import start

if TYPE_CHECKING:
    from streams.doctor.check import Check, Finding


def mount(root: typer.Typer) -> None:
    root.command()(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    limit_seconds: Annotated[float, typer.Option("--timeout", min=1, help="Seconds for each check.")] = 10.0,
) -> None:
    """Say what is configured, what answers and how far it has come; for each thing that is wrong, what to do.

    Checks run side by side. No payload and no secret is shown; nothing is changed.

    Exit codes: 0 all well, 1 something is wrong, 3 neither Kafka nor ClickHouse answers.

    Example: touchstone doctor --timeout 3
    """
    from streams.doctor import report
    from streams.doctor.configured import configured
    from streams.terminal import write_json

    settings = start()
    listed, packages = configured(settings), report.packages()
    if not as_json:
        report.print_settings(listed)
        report.print_packages(packages)
    findings = _run(report.all_checks(settings, limit_seconds), limit_seconds, quiet=as_json)
    code = report.exit_code(findings)
    if as_json:
        write_json({"settings": listed, "packages": packages, "findings": findings, "exit_code": int(code)})
    if code:
        raise typer.Exit(code)


def _run(checks: "list[Check]", limit_seconds: float, *, quiet: bool) -> "list[Finding]":
    """All findings in the order of the checks. Shown as they come in; on a terminal with what is still being looked at."""
    from streams.doctor.check import run_checks
    from streams.doctor.report import print_findings
    from streams.terminal import err

    found: dict[str, list[Finding]] = {}
    running: list[str] = []
    with err().status("looking") as status:
        for name, findings in run_checks(checks, limit_seconds, running.append):
            if name in running:
                running.remove(name)
            found[name] = findings
            status.update(f"looking at {', '.join(running)}")
            if not quiet:
                print_findings(findings)
    return [finding for check in checks for finding in found[check.name]]
