"""A disk that can be made full, for a broker or for a folder of state: a small mount, where the machine allows one."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.kafka_service import Kafka, start_broker

SIZE_BYTES = 96 << 20


class SmallDisk:
    """Mounted at `folder`. What is put on it besides is a ballast."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.folder).free

    def fill(self, leave_bytes: int) -> None:
        """So much is left."""
        self._ballast.write_bytes(b"")
        with contextlib.suppress(OSError):  # what lives there takes the rest before us
            self._ballast.write_bytes(bytes(max(0, self.free_bytes() - leave_bytes)))

    def make_room(self) -> None:
        self._ballast.unlink()


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk | None]:
    """None where this machine does not let us mount (root may; a container mostly not): the scenario then says so."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def small_broker(folder: Path) -> Iterator[tuple[Kafka, SmallDisk | None]]:
    """A broker of its own whose data are on a small disk, or, without one, just in the folder."""
    with small_disk(folder) as disk:
        kafka = Kafka(start_broker(folder / "kafka"))
        try:
            yield kafka, disk
        finally:
            kafka.broker.kill()
