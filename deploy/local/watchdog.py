"""Ends the children of a process that died without stopping them: `python watchdog.py GRACE_SECONDS`, on whose stdin the parent writes.

Lines are `+PID` and `-PID`. When stdin ends the parent is gone: SIGTERM to the groups left, SIGKILL after the grace.
"""

import os
import signal
import sys
import time


def watch() -> list[int]:
    """The process groups that are left when the parent has gone."""
    groups: list[int] = []
    for line in sys.stdin:
        if not line.endswith("\n"):  # the parent died in mid-word
            continue
        pid = int(line[1:])
        if line[0] == "+":
            groups.append(pid)
        elif pid in groups:
            groups.remove(pid)
    return groups


def signal_groups(groups: list[int], number: int) -> list[int]:
    """Sends a signal; the groups that exist."""
    there = []
    for group in groups:
        try:
            os.killpg(group, number)
            there.append(group)
        except (ProcessLookupError, PermissionError):
            pass
    return there


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # only the end of stdin ends it
    groups = signal_groups(watch(), signal.SIGTERM)
    deadline = time.monotonic() + float(sys.argv[1])
    while groups and time.monotonic() < deadline:
        time.sleep(0.05)
        groups = signal_groups(groups, 0)
    signal_groups(groups, signal.SIGKILL)


if __name__ == "__main__":
    main()
