"""A small disk for the local ClickHouse server: a mounted one, or, where mounting is not allowed, a folder that counts as a whole disk.

`python -m tests.small_disk FOLDER …` is the server with the rest as its arguments, told what is left of FOLDER. That a write
fails when nothing is left is then RLIMIT_FSIZE's part: the engine gets an error of the system, as from a full disk.
"""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.clickhouse.__main__ import main
from deploy.local.clickhouse.process import ClickHouse

SIZE_BYTES = 64 * 1024**2


class SmallDisk:
    """A mounted disk. `ballast` is what else lies on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ballast = folder / "ballast"

    def server(self, *options: str) -> ClickHouse:
        return ClickHouse(self.folder, options=options)

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.folder).free

    def leave(self, free_bytes: int, server: ClickHouse) -> None:
        """Fills it until so much is free."""
        self.ballast.write_bytes(b"")
        self.ballast.write_bytes(bytes(max(0, self.free_bytes() - free_bytes)))

    def make_room(self, server: ClickHouse) -> None:
        self.ballast.unlink()


class Counted(SmallDisk):
    """A folder of which `SIZE_BYTES` may be used; the server's files cannot grow beyond what is left."""

    def server(self, *options: str) -> ClickHouse:
        return _Server(self.folder, options=options)

    def free_bytes(self) -> int:
        return _left_bytes(self.folder)

    def leave(self, free_bytes: int, server: ClickHouse) -> None:
        super().leave(free_bytes, server)
        _limit_files(server, free_bytes)

    def make_room(self, server: ClickHouse) -> None:
        super().make_room(server)
        _limit_files(server, resource.RLIM_INFINITY)


class _Server(ClickHouse):
    def _command(self) -> list[str]:
        command = super()._command()
        return [sys.executable, "-m", "tests.small_disk", str(self.folder), *command[command.index("--data") :]]


def _limit_files(server: ClickHouse, size_bytes: int) -> None:
    assert server.child is not None
    resource.prlimit(server.child.pid, resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))


def _left_bytes(folder: Path) -> int:
    used = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # merged away meanwhile
                used += (Path(parent) / name).lstat().st_size
    return max(0, SIZE_BYTES - used)


@contextlib.contextmanager
def mounted(folder: Path) -> Iterator[SmallDisk]:
    """Skips the test where it is not allowed: `Counted` works everywhere."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk is not allowed here; the case without a mount runs")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def counted(folder: Path) -> Iterator[SmallDisk]:
    yield Counted(folder)


def _serve(folder: Path, arguments: list[str]) -> int:
    ask = os.statvfs

    def statvfs(path: int | str | Path) -> os.statvfs_result:
        values = list(ask(path))
        values[4] = _left_bytes(folder) // values[1]  # f_bavail, in units of f_frsize
        return os.statvfs_result(values)

    os.statvfs = statvfs  # type: ignore[assignment]  # this process is the server
    return main(arguments)


if __name__ == "__main__":
    os._exit(_serve(Path(sys.argv[1]), sys.argv[2:]))
