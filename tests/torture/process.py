"""A worker or a sink as a process of its own, with its log; and waiting with a deadline."""

import json
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from deploy.local import ports
from streams.settings import Settings
from tests.torture.worker import ACCOUNT, counter_name
from tests.touchstone_command import environment

ROOT = Path(__file__).parents[2]


class Stuck(AssertionError):
    """Something did not come to its end."""


class Process:
    """A worker or a sink."""

    def __init__(self, kind: str, command: list[str], settings: Settings, folder: Path, extra: dict[str, str]) -> None:
        number = len(list(folder.glob("*.log")))
        self.kind = kind
        self.metrics_port = ports.free_port()
        self.log = folder / f"{kind}-{number}.log"
        self.account_file = folder / f"{kind}-{number}.json"
        own = {ACCOUNT: str(self.account_file), "TOUCHSTONE_METRICS_PORT": str(self.metrics_port)}
        with self.log.open("wb") as out:
            self.popen = subprocess.Popen(
                command, cwd=ROOT, env=environment(settings) | own | extra, stdout=out, stderr=subprocess.STDOUT
            )

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def says(self, words: str, times: int = 1, seconds: float = 60.0) -> None:
        """Waits until its log has the words."""
        until(f"{self.kind} says {words!r}: {self.said()[-1500:]}", lambda: self.said().count(words) >= times, seconds)

    def signal(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def wait(self, seconds: float = 60.0) -> int:
        """Its exit code."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Stuck(f"{self.kind} does not end: {self.said()[-1500:]}") from None

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """kill -9, also of one that sleeps."""
        if self.alive:
            self.popen.kill()
        self.popen.wait()

    def account(self) -> dict[str, Any] | None:
        """What it wrote when it ended in order."""
        return json.loads(self.account_file.read_text()) if self.account_file.exists() else None

    def scrape(self) -> dict[str, float]:
        """Its counters now, as a monitoring system sees them: `name|label=value`."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        found = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name.endswith("_total"):
                    found[counter_name(sample.name, sample.labels)] = float(sample.value)
        return found


def until(what: str, holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits for a condition; raises Stuck."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise Stuck(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.05)
