"""Runs a command so that it cannot outlive its parent: `python leash.py PARENT_PID NICENESS COMMAND…` becomes COMMAND.

On Linux the kernel sends SIGTERM when the parent dies, kill -9 included. Elsewhere the watchdog alone does it.
A script of its own instead of a preexec_fn, which may deadlock in a process that has threads.
"""

import contextlib
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, niceness, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the request was in place
        sys.exit(1)
    _give_way(os.nice(niceness))
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command comes from our own code
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error.strerror}\n")
        sys.exit(127)


def _give_way(niceness: int) -> None:
    """Linux may group processes by session: niceness counts only within the group then, and the group's own must be set."""
    if niceness <= 0:
        return
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as group:  # noqa: PTH123 - starts sooner without pathlib
        group.write(str(niceness))


if __name__ == "__main__":
    main()
