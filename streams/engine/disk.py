"""State of a task in RocksDB, for more subjects than memory holds, and so that a restart reads only the end of the changelog.

Kafka's changelog stays the truth. RocksDB gets what a transaction has committed, and with it, in one batch, up to which
offset of the changelog it is: after a crash it is a little behind, never ahead. What is not committed is in memory.
"""

import asyncio
import logging
import shutil
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import islice, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import msgspec

from streams.engine.store import TASK_KEY, Store, pack
from streams.engine.topology import WORKER_GROUP
from streams.errors import UserError
from streams.settings import Settings

if TYPE_CHECKING:
    from rocksdict import Cache, Rdict

_log = logging.getLogger(__name__)

_LAYOUT = 1
_ABOUT = b"m"
_STATE = b"s"  # first byte of a state's key
_DUE = b"t"  # first byte of a wake-up's key
_BEYOND_DUE = b"u"
_INSTANT = struct.Struct(">q")
_WRITE_BUFFER_BYTES = 16 << 20

# A copy that was away for longer may have missed deletions: the changelog forgets a tombstone after delete.retention.ms,
# which is a day unless somebody changed it.
STALE_SECONDS = 12 * 3600


class About(msgspec.Struct):
    """What the copy is of. `changelog`: the topic's UUID. `written_at`: wall clock, s."""

    changelog: str
    position: int
    record: bytes | None
    written_at: float
    layout: int = _LAYOUT


class _Taken(NamedTuple):
    state: bytes | None
    due_at: int | None


class DiskStore(Store):
    """As Store. `len` is an estimate, `size_bytes` is that of the files; neither counts what is not committed."""

    def __init__(self, folder: Path, changelog: str, cache_bytes: int) -> None:
        super().__init__()
        self._changelog = changelog
        self._fresh: dict[bytes, bytes | None] = {}  # changed since the last transaction began
        self._fresh_bytes = 0
        self._taken: dict[bytes, _Taken] = {}  # in the transaction that is under way
        self._loading: list[tuple[bytes, bytes | None, int | None]] = []
        self._folder = folder
        self._db = _open(folder, cache_bytes)
        about = _about(self._db)
        if about is not None and (why := self._unusable(about)):
            _log.warning("%s: read anew from the changelog: %s", folder, why)
            self._db.close()
            shutil.rmtree(folder)
            self._db, about = _open(folder, cache_bytes), None
        if about is not None:
            self.position, self.record = about.position, about.record

    def _unusable(self, about: About) -> str:
        if about.layout != _LAYOUT:
            return f"it has layout {about.layout}"
        if about.changelog != self._changelog:
            return "it is of another changelog"
        hours = (time.time() - about.written_at) / 3600
        return f"it was last written {hours:.0f} h ago" if hours * 3600 > STALE_SECONDS else ""

    def __len__(self) -> int:
        return int(self._db.property_int_value("rocksdb.estimate-num-keys") or 0)

    @property
    def size_bytes(self) -> int:
        """Of RocksDB's files and what it has not yet written to them."""
        names = ("rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables")
        return sum(int(self._db.property_int_value(name) or 0) for name in names)

    def get(self, key: bytes) -> bytes | None:
        """The key's state."""
        if key in self._fresh:
            return self._fresh[key]
        taken = self._taken.get(key)
        if taken is not None:
            return taken.state
        found: bytes | None = self._db.get(_STATE + key)
        return found

    def parts(self, size: int) -> Iterator[list[bytes]]:
        """All keys that have state now, in lists of `size`; keys that come while it is read may be among them."""
        unwritten = {key: taken.state for key, taken in self._taken.items()} | self._fresh
        here = [key for key, state in unwritten.items() if state is not None]
        for start in range(0, len(here), size):
            yield here[start : start + size]
        begin = _STATE
        # Each part is looked up anew: an iterator that lives as long as its reader would hold old files on the disk.
        while part := [key for key, _ in islice(_range(self._db, begin, _DUE), size)]:
            yield [key[1:] for key in part if key[1:] not in unwritten]
            begin = part[-1] + b"\x00"

    def wake_ups(self) -> Iterable[tuple[bytes, int]]:
        """(key, due) of what is in the store when it is opened."""
        for key, value in _range(self._db, _DUE, _BEYOND_DUE):
            yield key[1:], _INSTANT.unpack(value)[0]

    def put(self, key: bytes, state: bytes | None) -> None:
        """Set the key's state, or delete it, to be written with the next transaction."""
        if key == TASK_KEY:
            raise ValueError(f"a job may not use the key {TASK_KEY!r}: the task record has it")
        if state is not None or self.get(key) is not None:
            self._fresh_bytes += len(state or b"") - len(self._fresh.get(key) or b"")
            self._fresh[key] = state

    def load(self, key: bytes, state: bytes | None, due_at: int | None) -> None:
        """Set the key's state as the changelog has it; `loaded` writes it."""
        self._loading.append((key, state, due_at))

    def loaded(self, position: int, record: bytes | None) -> None:
        """What was loaded is all that the changelog has before `position`."""
        self._write(self._loading, About(self._changelog, position, record, time.time()))
        self._loading = []
        super().loaded(position, record)

    @property
    def changed(self) -> int:
        """How many keys the next transaction will write."""
        return len(self._fresh)

    @property
    def changed_bytes(self) -> int:
        """How much that is, keys not counted."""
        return self._fresh_bytes

    def take_changes(self, due_of: Callable[[bytes], int | None]) -> list[tuple[bytes, bytes | None]]:
        """Changelog records (value None deletes) of all that changed; from now on they count as unchanged."""
        fresh, self._fresh, self._fresh_bytes = self._fresh, {}, 0
        assert not self._taken, "one transaction at a time"
        self._taken = {key: _Taken(state, due_of(key)) for key, state in fresh.items()}
        return [
            (key, None if taken.state is None else pack(taken.state, taken.due_at))
            for key, taken in self._taken.items()
        ]

    async def committed(self, position: int | None, record: bytes) -> None:
        """What was taken is in the changelog before `position` (None: nobody knows where), with this task record."""
        position = self.position if position is None else position
        about = None if position is None else About(self._changelog, position, record, time.time())
        rows = [(key, taken.state, taken.due_at) for key, taken in self._taken.items()]
        try:
            await asyncio.to_thread(self._write, rows, about)
        except Exception as error:
            raise UserError(
                f"the state in {self._folder} cannot be written: {error}",
                "make room on its disk and start again: what the copy lacks is read from the changelog",
            ) from error
        self._taken = {}
        self.position, self.record = position, record

    def _write(self, rows: Iterable[tuple[bytes, bytes | None, int | None]], about: About | None) -> None:
        from rocksdict import WriteBatch

        batch = WriteBatch(raw_mode=True)
        for key, state, due_at in rows:
            if state is None:
                batch.delete(_STATE + key)
            else:
                batch.put(_STATE + key, state)
            if state is None or due_at is None:
                batch.delete(_DUE + key)
            else:
                batch.put(_DUE + key, _INSTANT.pack(due_at))
        if about is not None:
            batch.put(_ABOUT, msgspec.msgpack.encode(about))
        self._db.write(batch)

    def close(self) -> None:
        """Let go of the folder, also while a thread still writes."""
        try:
            self._db.close()
        except Exception as error:  # noqa: BLE001 - rocksdict raises nothing else, and what is missing is in the changelog
            _log.warning("the state in %s was not closed cleanly: %s; the next start reads more", self._folder, error)


def _range(db: "Rdict", begin: bytes, end: bytes) -> Iterator[tuple[bytes, bytes]]:
    found = cast(Iterator[tuple[bytes, bytes]], db.items(from_key=begin))  # raw mode: nothing but bytes
    return takewhile(lambda item: item[0] < end, found)


@lru_cache
def _cache(size_bytes: int) -> "Cache":
    """One for all tasks of the process."""
    from rocksdict import Cache

    return Cache(size_bytes)


def _open(folder: Path, cache_bytes: int) -> "Rdict":
    try:
        from rocksdict import BlockBasedOptions, DBCompressionType, Options, Rdict
    except ImportError:
        raise UserError(
            "TOUCHSTONE_WORKER_STATE=rocksdb, but the package rocksdict is not installed",
            "pip install 'touchstone[rocksdb]'",
        ) from None
    blocks = BlockBasedOptions()
    blocks.set_block_cache(_cache(cache_bytes))
    blocks.set_bloom_filter(10, block_based=False)
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_block_based_table_factory(blocks)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_write_buffer_size(_WRITE_BUFFER_BYTES)
    options.set_max_background_jobs(2)
    options.set_keep_log_file_num(2)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Rdict(str(folder), options)
    except Exception as error:
        if "lock" in str(error).lower():
            raise UserError(
                f"the state in {folder} is in use by another process",
                "give each worker of a machine a TOUCHSTONE_WORKER_STATE_DIR of its own",
            ) from error
        raise UserError(
            f"the state in {folder} cannot be opened: {error}",
            "look at its disk and its rights; it is a copy of the changelog: deleting the folder loses nothing",
        ) from error


def _about(db: "Rdict") -> About | None:
    found = db.get(_ABOUT)
    return None if found is None else msgspec.msgpack.decode(found, type=About)


def open_store(settings: Settings, job: str, partition: int, changelog: str) -> Store:
    """The store that the settings ask for, as it was left. `changelog`: the topic's UUID. Raises UserError."""
    if settings.worker_state == "memory":
        return Store()
    folder = settings.worker_state_dir / settings.topic(WORKER_GROUP) / f"{job}-{partition}"
    return DiskStore(folder.absolute(), changelog, settings.worker_state_cache_mb << 20)
