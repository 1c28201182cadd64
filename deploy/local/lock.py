"""One stack a folder: a lock that ends with its process, and a note (run.json) of who holds it and which children it has.

The lock is the kernel's, so it cannot go stale; children of a run that ended badly are found by the note and stopped.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

import msgspec

from streams.errors import ExitCode, UserError

if TYPE_CHECKING:
    import psutil

GRACE_SECONDS = 20.0


class ChildNote(msgspec.Struct, frozen=True):
    """`started_at` (Unix seconds, as the system tells it) tells a process from a later one with the same pid."""

    name: str
    pid: int
    started_at: float


class RunNote(msgspec.Struct):
    """The content of run.json."""

    pid: int
    started_at: float
    addresses: dict[str, str]
    children: list[ChildNote]


class Lock:
    """Held from `with Lock(folder)` to its end. Raises UserError when another run holds it."""

    def __init__(self, folder: Path, say: Callable[[str], None] = lambda _: None) -> None:
        self.folder = folder
        self._note_path = folder / "run.json"
        self._say = say
        self._file: IO[bytes] | None = None
        self._note = RunNote(os.getpid(), time.time(), {}, [])

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = (self.folder / "lock").open("ab")
        except OSError as error:
            raise UserError(
                f"cannot use {self.folder}: {error.strerror}", "set TOUCHSTONE_LOCAL_DIR to a folder that you may write"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise self._running() from None
        left = self._read()
        if left is not None:
            self._stop_orphans(left)
        self._write()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._note_path.unlink(missing_ok=True)
        if self._file is not None:
            self._file.close()

    def note(self, addresses: dict[str, str]) -> None:
        """What a second run tells its user."""
        self._note.addresses |= addresses
        self._write()

    def add_child(self, name: str, pid: int) -> None:
        """To be found should this process end without stopping it."""
        import psutil

        with contextlib.suppress(psutil.Error):
            self._note.children.append(ChildNote(name, pid, psutil.Process(pid).create_time()))
            self._write()

    def _write(self) -> None:
        draft = self._note_path.with_suffix(".new")
        try:
            draft.write_bytes(msgspec.json.encode(self._note))
            draft.replace(self._note_path)
        except OSError as error:
            raise UserError(
                f"cannot write {self._note_path}: {error.strerror}",
                "free some space, or set TOUCHSTONE_LOCAL_DIR to another folder",
                exit_code=ExitCode.UNAVAILABLE,
            ) from error

    def _read(self) -> RunNote | None:
        try:
            return msgspec.json.decode(self._note_path.read_bytes(), type=RunNote)
        except (OSError, msgspec.DecodeError):
            return None

    def _running(self) -> UserError:
        note = self._read()
        who = f" (pid {note.pid})" if note else ""
        listed = "".join(f"\n    {name}: {address}" for name, address in note.addresses.items()) if note else ""
        stop = f"kill {note.pid}" if note else "Ctrl-C where it runs"
        return UserError(
            f"the local stack in {self.folder} is running already{who}{listed}",
            f"use it, stop it ({stop}), or give this one another folder: TOUCHSTONE_LOCAL_DIR",
        )

    def _stop_orphans(self, left: RunNote) -> None:
        """Children of a run whose process is gone. The newest first, as they depend on the older ones."""
        import psutil

        for child in reversed(left.children):
            try:
                process = psutil.Process(child.pid)
                if abs(process.create_time() - child.started_at) > 0.01:
                    continue
                self._say(f"an earlier run left {child.name} behind (pid {child.pid}): stopping it")
                process.terminate()
                if not _ends(process):
                    process.kill()
                    _ends(process)
            except psutil.NoSuchProcess:
                continue


def _ends(process: "psutil.Process") -> bool:
    """Waits for its end; one that nobody has reaped yet has ended too."""
    import psutil

    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False
