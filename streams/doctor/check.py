"""Checks run side by side, each with a limit of time, in the order in which they depend on each other.

A check that hangs (an address that swallows everything) is given up: its thread is left behind and ends with the process.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import msgspec

from streams.errors import Unavailable, UserError

Status = Literal["ok", "attention", "failed", "skipped"]


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a check found. `unreachable`: the service behind it did not answer at all."""

    check: str
    status: Status
    what: str
    fix: str = ""
    unreachable: bool = False


class Check(msgspec.Struct, frozen=True):
    """`after`: the check that must not have failed before, None for none. `run` may raise UserError or Unavailable."""

    name: str
    run: Callable[[], list[Finding]]
    after: str | None = None


def run_checks(
    checks: Sequence[Check], limit_seconds: float, started: Callable[[str], None] = lambda _: None
) -> Iterator[tuple[str, list[Finding]]]:
    """Name and findings of each check as it ends."""
    done: queue.SimpleQueue[tuple[str, list[Finding]]] = queue.SimpleQueue()
    waiting, deadlines, failed = list(checks), dict[str, float](), set[str]()
    finished: set[str] = set()
    while waiting or deadlines:
        for check in [one for one in waiting if one.after is None or one.after in finished]:
            waiting.remove(check)
            if check.after in failed:
                finished.add(check.name)
                failed.add(check.name)
                yield check.name, [Finding(check.name, "skipped", f"not looked at, because {check.after} failed")]
            else:
                started(check.name)
                deadlines[check.name] = time.monotonic() + limit_seconds
                threading.Thread(target=_run, args=(check, done), daemon=True, name=f"doctor {check.name}").start()
        ended = _next(done, deadlines, limit_seconds)
        if ended is not None and ended[0] in deadlines:
            name, findings = ended
            del deadlines[name]
            finished.add(name)
            if any(finding.status == "failed" for finding in findings):
                failed.add(name)
            yield name, findings


def _next(
    done: "queue.SimpleQueue[tuple[str, list[Finding]]]", deadlines: dict[str, float], limit_seconds: float
) -> tuple[str, list[Finding]] | None:
    """The next check that ends, or whose time is up."""
    if not deadlines:
        return None
    name = min(deadlines, key=lambda one: deadlines[one])
    try:
        return done.get(timeout=max(0.0, deadlines[name] - time.monotonic()))
    except queue.Empty:
        what = f"no answer within {limit_seconds:g} s"
        return name, [Finding(name, "failed", what, "is the address right, and does a firewall swallow it?", True)]


def _run(check: Check, done: "queue.SimpleQueue[tuple[str, list[Finding]]]") -> None:
    try:
        findings = check.run()
    except UserError as error:
        findings = [Finding(check.name, "failed", error.what, error.fix, unreachable=error.exit_code == 3)]
    except Unavailable as error:
        findings = [Finding(check.name, "failed", error.detail, unreachable=True)]
    except Exception as error:  # noqa: BLE001 - a check that breaks is a finding: the others go on
        findings = [Finding(check.name, "failed", f"{type(error).__name__}: {error}", "this is a defect: report it")]
    done.put((check.name, findings))
