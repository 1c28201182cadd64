"""Children of the supervisor: readiness, an early death, and nothing left behind however the parent ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from deploy.local.supervisor import Service, Stopped, Supervisor
from streams.errors import UserError

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
PRINT = [sys.executable, "-c", "import sys; print(sys.argv[1])"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('on'); time.sleep(600)",
]


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not within the deadline"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_waits_for_readiness_and_stops_in_reverse_order(tmp_path: Path) -> None:
    seen: list[str] = []

    class Display:
        def starting(self, name: str) -> None:
            seen.append(f"starting {name}")

        def ready(self, name: str, seconds: float) -> None:
            seen.append(f"ready {name}")

        def done(self) -> None:
            seen.append("the screen is free")

        def stopping(self, name: str) -> None:
            seen.append(f"stopping {name}")

    mark = tmp_path / "mark"
    slow = [sys.executable, "-c", f"import time; time.sleep(0.3); open({str(mark)!r}, 'w'); time.sleep(600)"]
    with Supervisor(tmp_path, display=Display()) as supervisor:
        supervisor.start(Service("one", slow, mark.exists))
        supervisor.start(Service("two", SLEEPER))
        pids = [supervisor.child(name).pid for name in ("one", "two")]
    assert seen == [
        *("starting one", "ready one", "the screen is free"),
        *("starting two", "ready two", "the screen is free"),
        *("stopping two", "stopping one"),
    ]
    assert not any(map(alive, pids))


def test_a_child_that_ends_while_starting_is_named_with_its_log(tmp_path: Path) -> None:
    failing = [sys.executable, "-c", "import sys; print('the reason'); sys.exit(7)"]
    with Supervisor(tmp_path) as parent:
        parent.start(Service("fine", SLEEPER))
        fine = parent.child("fine").pid
        with pytest.raises(UserError, match=r"(?s)broken ended \(exit code 7\).*the reason"):
            parent.start(Service("broken", failing, lambda: False))
    assert not alive(fine)


def test_a_child_that_dies_later_is_noticed(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as parent:
        parent.start(Service("other", SLEEPER), Service("victim", SLEEPER))
        other = parent.child("other").pid
        os.kill(parent.child("victim").pid, signal.SIGKILL)
        with pytest.raises(UserError, match=r"victim ended \(killed by SIGKILL\)"):
            parent.run()
    assert not alive(other)


@pytest.mark.parametrize(
    ("service", "words"),
    [
        (Service("kafka", [*PRINT, "No space left on device"], lambda: False), "the disk is full"),
        (Service("kafka", [*PRINT, "Address already in use"], lambda: False), "its port is taken"),
        (Service("mute", SLEEPER, lambda: False, start_seconds=0.2), "did not answer within 0 s"),
        (Service("typo", ["no-such-command"], lambda: False), "cannot run no-such-command"),
    ],
)
def test_why_a_start_failed(tmp_path: Path, service: Service, words: str) -> None:
    with Supervisor(tmp_path) as parent, pytest.raises(UserError, match=words):
        parent.start(service)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_watching(tmp_path: Path, number: int) -> None:
    with Supervisor(tmp_path) as parent:
        parent.start(Service("one", SLEEPER))
        pid = parent.child("one").pid
        with pytest.raises(Stopped):
            parent.run(until=lambda: bool(os.kill(os.getpid(), number)))
    assert not alive(pid)


def test_a_service_gives_way(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as parent:
        parent.start(Service("usual", SLEEPER), Service("kind", SLEEPER, niceness=7))
        usual, kind = (parent.child(name).pid for name in ("usual", "kind"))
        wait_until(lambda: os.getpriority(os.PRIO_PROCESS, kind) == os.getpriority(os.PRIO_PROCESS, 0) + 7)
        assert os.getpriority(os.PRIO_PROCESS, usual) == os.getpriority(os.PRIO_PROCESS, 0)
        group = Path(f"/proc/{kind}/autogroup")  # by session, where Linux groups so: "/autogroup-123 nice 7"
        if group.exists():
            wait_until(lambda: int(group.read_text().split()[-1]) == os.getpriority(os.PRIO_PROCESS, kind))


def test_who_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    with Supervisor(tmp_path) as parent:
        stubborn = Service("stubborn", STUBBORN, lambda: "on" in parent.child("stubborn").tail(), stop_seconds=0.2)
        parent.start(stubborn._replace(env={"PYTHONUNBUFFERED": "1"}))
        pid = parent.child("stubborn").pid
    assert not alive(pid)


PARENT = """
import sys, time, pathlib
from deploy.local import process
from deploy.local.process import Child, _watchdog
process.WATCHDOG_GRACE_SECONDS = 0.5
grandchild = "import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); print(p.pid, flush=True); time.sleep(600)"
children = [Child("a", [sys.executable, "-c", grandchild], pathlib.Path(sys.argv[1]) / "a.log")]
children.append(Child("b", [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"], pathlib.Path(sys.argv[1]) / "b.log"))
while not children[0].tail():
    time.sleep(0.02)
print(_watchdog._process.pid, *[child.pid for child in children], children[0].tail(), flush=True)
time.sleep(600)
"""


def parent_with_children(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """A process with two children and a grandchild; the pids of its watchdog and of those three."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(folder)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    return parent, [int(word) for word in parent.stdout.readline().split()]


def test_kill_9_of_the_parent_leaves_nothing(tmp_path: Path) -> None:
    parent, pids = parent_with_children(tmp_path)
    with parent:
        parent.kill()
    wait_until(lambda: not any(map(alive, pids)))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux tells children that their parent has died")
def test_not_even_when_the_watchdog_dies_first(tmp_path: Path) -> None:
    parent, (watchdog, first, *_) = parent_with_children(tmp_path)
    with parent:
        os.kill(watchdog, signal.SIGKILL)
        parent.kill()
    wait_until(lambda: not alive(first))
    for pid in _:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


def test_a_parent_that_just_ends_leaves_nothing(tmp_path: Path) -> None:
    parent, pids = parent_with_children(tmp_path)
    with parent:
        parent.terminate()  # no handler: it dies without a word
    wait_until(lambda: not any(map(alive, pids)))
