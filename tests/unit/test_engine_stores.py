"""The state in memory and in RocksDB: the same answers, and of RocksDB what a crash leaves behind."""

import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from streams.engine import disk
from streams.engine.disk import About, DiskStore, open_store
from streams.engine.store import TASK_KEY, Store, pack
from streams.errors import UserError
from streams.settings import Settings

Make = Callable[[], Store]
CACHE_BYTES = 8 << 20


@pytest.fixture(params=["memory", "rocksdb"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Opens a store, always of the same place."""
    return Store if request.param == "memory" else lambda: DiskStore(tmp_path / "state", "uuid", CACHE_BYTES)


def _keys(store: Store) -> set[bytes]:
    return {key for part in store.parts(3) for key in part}


async def _commit(store: Store, position: int, due_at: int | None = None) -> list[tuple[bytes, bytes | None]]:
    taken = store.take_changes(lambda _: due_at)
    await store.committed(position, b"record")
    return taken


async def test_what_was_put_is_found_before_while_and_after_it_is_committed(make: Make) -> None:
    store = make()
    store.put(b"k", b"1")
    assert store.get(b"k") == b"1"
    assert store.take_changes(lambda _: 7) == [(b"k", pack(b"1", 7))]
    assert store.get(b"k") == b"1"
    store.put(b"k", b"2")
    await store.committed(5, b"record")
    assert (store.get(b"k"), store.position, store.record) == (b"2", 5, b"record")
    assert store.changed == 1
    assert store.changed_bytes >= 1
    assert await _commit(store, 9) == [(b"k", pack(b"2", None))]
    assert (store.get(b"k"), store.changed, store.changed_bytes) == (b"2", 0, 0)
    store.close()


async def test_what_changed_is_counted_once_however_often_it_is_put(make: Make) -> None:
    store = make()
    for number in range(100):
        for size in (50, 2000):
            store.put(b"%02d" % number, bytes(size))
    assert 200_000 <= store.changed_bytes <= 201_000
    await _commit(store, 100)
    store.put(b"00", bytes(2000))
    assert 2000 <= store.changed_bytes <= 2100
    store.put(b"00", None)
    assert store.changed_bytes <= 2100
    store.close()


async def test_a_deletion_is_written_once_and_one_of_nothing_is_not(make: Make) -> None:
    store = make()
    store.load(b"k", b"1", None)
    store.loaded(1, None)
    store.put(b"k", None)
    store.put(b"other", None)
    assert store.get(b"k") is None
    assert await _commit(store, 2) == [(b"k", None)]
    assert (store.get(b"k"), _keys(store)) == (None, set())
    store.close()


async def test_all_keys_come_part_by_part_committed_or_not(make: Make) -> None:
    store = make()
    for number in range(20):
        store.put(b"%d" % number, b"x")
        if number == 9:
            await _commit(store, 1)
    store.take_changes(lambda _: None)
    store.put(b"20", b"x")
    store.put(b"3", None)
    assert _keys(store) == {b"%d" % number for number in range(21)} - {b"3"}
    await store.committed(2, b"")
    assert _keys(store) == {b"%d" % number for number in range(21)} - {b"3"}
    store.close()


def test_the_task_records_key_is_not_for_jobs(make: Make) -> None:
    store = make()
    with pytest.raises(ValueError, match="task record"):
        store.put(TASK_KEY, b"")
    store.close()


async def test_rocksdb_does_what_memory_does_and_keeps_what_was_committed(tmp_path: Path) -> None:
    dice = random.Random(9)
    here, there = Store(), DiskStore(tmp_path / "state", "uuid", CACHE_BYTES)
    committed: dict[bytes, bytes] = {}
    for position in range(40):
        for _ in range(dice.randrange(30)):
            key, state = b"k%d" % dice.randrange(25), dice.choice((None, b"%d" % dice.randrange(99)))
            here.put(key, state)
            there.put(key, state)
        assert sorted(await _commit(here, position, position)) == sorted(await _commit(there, position, position))
        assert _keys(here) == _keys(there)
        committed = {key: here.get(key) or b"" for key in _keys(here)}
        if dice.random() < 0.3:
            there.put(b"k1", b"never committed")
            there.close()
            there = DiskStore(tmp_path / "state", "uuid", CACHE_BYTES)
            assert {key: there.get(key) for key in _keys(there)} == committed
            assert there.position == position
            assert {key for key, _ in there.wake_ups()} == set(committed)
    there.close()


async def test_a_wake_up_is_kept_until_it_is_no_longer_asked_for(tmp_path: Path) -> None:
    for due_at, found in ((-5, [(b"k", -5)]), (None, [])):
        store = DiskStore(tmp_path / "state", "uuid", CACHE_BYTES)
        store.put(b"k", b"1")
        await _commit(store, 1, due_at)
        store.close()
        store = DiskStore(tmp_path / "state", "uuid", CACHE_BYTES)
        assert list(store.wake_ups()) == found
        store.close()


async def test_states_whose_place_in_the_changelog_is_not_known_are_kept_and_read_again(tmp_path: Path) -> None:
    store = DiskStore(tmp_path / "state", "uuid", CACHE_BYTES)
    store.loaded(3, b"old")
    store.put(b"k", b"1")
    store.take_changes(lambda _: None)
    await store.committed(None, b"new")
    store.close()
    store = DiskStore(tmp_path / "state", "uuid", CACHE_BYTES)
    assert (store.get(b"k"), store.position) == (b"1", 3)
    store.close()


@pytest.mark.parametrize("why", ["another changelog", "13 h ago"])
def test_a_copy_that_may_not_fit_is_thrown_away(
    tmp_path: Path, why: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = DiskStore(tmp_path / "state", "uuid", CACHE_BYTES)
    store.load(b"k", b"1", 1)
    store.loaded(3, b"record")
    store.close()
    if why == "13 h ago":
        later = time.time() + disk.STALE_SECONDS + 3600
        monkeypatch.setattr(time, "time", lambda: later)
    store = DiskStore(tmp_path / "state", "uuid" if "ago" in why else "other", CACHE_BYTES)
    assert (store.position, store.get(b"k"), list(store.wake_ups())) == (None, None, [])
    assert why in caplog.text
    store.close()


def test_two_workers_cannot_share_a_folder(tmp_path: Path) -> None:
    settings = Settings(worker_state="rocksdb", worker_state_dir=tmp_path)
    store = open_store(settings, "job", 0, "uuid")
    with pytest.raises(UserError, match="in use by another process"):
        open_store(settings, "job", 0, "uuid")
    store.close()
    open_store(settings, "job", 0, "uuid").close()


def test_a_folder_that_is_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be opened"):
        open_store(Settings(worker_state="rocksdb", worker_state_dir=tmp_path / "file"), "job", 0, "uuid")


async def test_a_full_disk_is_named_and_the_store_can_still_be_closed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Full:
        """As RocksDB on a disk without room; torture's `state disk full` has the real one."""

        def get(self, key: bytes) -> bytes | None:
            return None

        def write(self, batch: object) -> None:
            raise Exception("IO error: No space left on device")

        def close(self) -> None:
            raise Exception("IO error: Writer has previous error.")

    store = DiskStore(tmp_path / "state", "uuid", CACHE_BYTES)
    store._db.close()
    store._db = Full()  # type: ignore[assignment]
    store.put(b"k", b"1")
    with pytest.raises(UserError, match="cannot be written: IO error: No space left"):
        await _commit(store, 7)
    store.close()
    assert "was not closed cleanly" in caplog.text


@pytest.mark.parametrize("number", range(10))
def test_a_store_may_be_closed_while_a_thread_writes_it(tmp_path: Path, number: int) -> None:
    store = DiskStore(tmp_path / "state", "uuid", CACHE_BYTES)
    rows = [(b"k%d" % key, b"x" * 2000, None) for key in range(3000)]
    begun = threading.Event()

    def write() -> None:
        begun.set()
        with suppress(Exception):  # the store was closed before
            store._write(rows, About("uuid", 7, None, time.time()))

    thread = threading.Thread(target=write)
    thread.start()
    begun.wait()
    time.sleep(number * 0.002)  # before, in or after the write: every moment must do
    store.close()
    thread.join()
    again = DiskStore(tmp_path / "state", "uuid", CACHE_BYTES)
    assert (again.position, sum(map(len, again.parts(1000)))) in ((None, 0), (7, 3000))
    again.close()
