"""Runs a program and measures it from outside, in the same manner for every engine.

It says on stdout when it has decoded its first event and handled its last; that all is committed, the broker says: the
group's committed offsets have reached the ends of the input topics. CPU and memory are the operating system's figures.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.peers.engine import Program
from streams.admin import Admin

STOP_SECONDS = 30.0
SLOW_POLL_SECONDS, FAST_POLL_SECONDS = 0.2, 0.01  # fast once the last event is handled


class Failed(Exception):
    """The program ended, or took too long; the message ends with its log."""


class Measured(NamedTuple):
    """One run. `seconds_*` count from the first event decoded; CPU is user and system time of the whole process."""

    messages: int
    seconds_to_last: float
    seconds_to_commit: float
    cpu_seconds: float  # from the first event to the final commit, warm-up included
    cpu_seconds_with_start: float
    broker_cpu_seconds: float | None
    memory_mb: int  # peak
    said: Mapping[str, float]


class Watched:
    """The running program, with what it has said so far."""

    def __init__(self, program: Program, log: Path, broker: psutil.Process | None) -> None:
        self.said: dict[str, float] = {}
        self._log = log
        self._broker = broker
        self._at_first = (0.0, 0.0)
        with log.open("wb") as stderr:
            self._child = subprocess.Popen(
                program.command, env={**os.environ, **program.environment}, stdout=subprocess.PIPE, stderr=stderr
            )
        self._process = psutil.Process(self._child.pid)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            name, _, value = line.decode(errors="replace").strip().partition(" ")
            try:
                self.said[name] = float(value)
            except ValueError:  # not for us
                continue
            if name == "first":
                self._at_first = self._cpu()

    def _cpu(self) -> tuple[float, float]:
        """Of the program, of the broker."""
        return _cpu_seconds(self._process), 0.0 if self._broker is None else _cpu_seconds(self._broker)

    def until_committed(
        self, admin: Admin, group: str, ends: Mapping[tuple[str, int], int], seconds: float
    ) -> Measured:
        """Raises Failed."""
        deadline, peak = time.monotonic() + seconds, 0
        while True:
            done, now = admin.group_offsets(group), time.time()
            if all(done.get(at, 0) >= end for at, end in ends.items()) and "last" in self.said:
                break
            if self._child.poll() is not None:
                raise Failed(f"ended with exit code {self._child.returncode}{self._tail()}")
            if time.monotonic() > deadline:
                raise Failed(f"not done after {seconds:.0f} s{self._tail()}")
            with suppress(psutil.Error):  # it has just ended: the next turn says so
                peak = max(peak, self._process.memory_info().rss)
            time.sleep(FAST_POLL_SECONDS if "last" in self.said else SLOW_POLL_SECONDS)
        cpu, (cpu_at_first, broker_at_first) = self._cpu(), self._at_first
        first = self.said["first"]
        return Measured(
            messages=sum(ends.values()),
            seconds_to_last=self.said["last"] - first,
            seconds_to_commit=now - first,
            cpu_seconds=cpu[0] - cpu_at_first,
            cpu_seconds_with_start=cpu[0],
            broker_cpu_seconds=None if self._broker is None else cpu[1] - broker_at_first,
            memory_mb=round(_peak_bytes(self._process, peak) / 2**20),
            said=self.said,
        )

    def stop(self) -> None:
        """SIGTERM, then SIGKILL."""
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._reader.join()
        assert self._child.stdout is not None
        self._child.stdout.close()

    def _tail(self) -> str:
        log = self._log.read_text(errors="replace").strip()
        return f"; its log ends with:\n{log[-2000:]}" if log else ""


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _peak_bytes(process: psutil.Process, sampled: int) -> int:
    """The kernel's own record where there is one (Linux), else the largest sample."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    except OSError:
        return sampled
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
