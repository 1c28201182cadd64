"""Keeps a reserve of free space on the disk of the data: below it nothing is written.

The engine (chdb-core 26.9) does not notice a write that fails: on a full disk it would acknowledge rows that it has not stored,
and merge good parts into a cut one.
"""

import logging
import os
import threading
from pathlib import Path

from .engine import Engine
from .errors import NOT_ENOUGH_SPACE, ClickHouseError, error
from .statements import Statement

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5
_MEGABYTE = 1024**2
# What writes nothing, or makes room.
_ALLOWED = {"SELECT", "WITH", "FROM", "SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN", "USE", "SET", "KILL", "CHECK"}
_ALLOWED |= {"DROP", "TRUNCATE", "DETACH", "SYSTEM", ""}


class SpaceGuard:
    """Looks at the disk twice a second, and around each statement that writes. Without space, merges wait."""

    def __init__(self, engine: Engine, directory: Path, reserve_mb: int) -> None:
        self._engine, self._directory, self._reserve = engine, directory, reserve_mb * _MEGABYTE
        self._merges_wait = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="space", daemon=True)
        self._thread.start()

    def before(self, statement: Statement) -> None:
        """Raises NOT_ENOUGH_SPACE."""
        free = self._free()
        if self._writes(statement) and free < self._reserve:
            raise error(
                NOT_ENOUGH_SPACE,
                f"Only {free // _MEGABYTE} MB are free on the disk of {self._directory}; the server keeps "
                f"{self._reserve // _MEGABYTE} MB free and writes nothing until there is more",
            )

    def after(self, statement: Statement) -> None:
        """Raises NOT_ENOUGH_SPACE when the reserve was used up meanwhile: what was written may be cut."""
        if self._writes(statement) and self._free() < self._reserve // 4:
            raise error(
                NOT_ENOUGH_SPACE,
                f"The disk of {self._directory} filled up while this was written: make room, then write it again "
                "(CHECK TABLE finds damaged parts)",
            )

    @staticmethod
    def _writes(statement: Statement) -> bool:
        makes_room = statement.first_word == "ALTER" and "DROP" in statement.text.upper()
        return statement.first_word not in _ALLOWED and not makes_room

    def _free(self) -> int:
        disk = os.statvfs(self._directory)
        return disk.f_bavail * disk.f_frsize

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_SECONDS):
            free = self._free()
            if not self._merges_wait and free < self._reserve:
                self._switch_merges(wait=True, free=free)
            elif self._merges_wait and free > self._reserve * 3 // 2:
                self._switch_merges(wait=False, free=free)

    def _switch_merges(self, *, wait: bool, free: int) -> None:
        try:
            self._engine.control("SYSTEM STOP MERGES" if wait else "SYSTEM START MERGES")
        except ClickHouseError as problem:
            _log.warning("cannot %s merges: %s; trying again", "stop" if wait else "start", problem.message)
            return
        self._merges_wait = wait
        state = "writing stops until there is more" if wait else "writing goes on"
        _log.warning("%d MB are free on the disk of %s: %s", free // _MEGABYTE, self._directory, state)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)
