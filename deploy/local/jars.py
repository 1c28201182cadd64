"""Kafka's jars: named and pinned in kafka-jars.txt, fetched once through jgo, kept in a cache, checked at each use.

A jar counts only with the SHA-256 of the list; it gets its name in the cache when it is whole. A second start needs no network.
"""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import truststore

from streams.errors import ExitCode, UserError

JARS = Path(__file__).with_name("kafka-jars.txt")
LOCK = "{jar.sha256} {jar.size_bytes} {jar.group}:{jar.artifact}:{jar.version}\n"
PARALLEL = 6  # downloads at a time
ATTEMPTS = 3
TIMEOUT_SECONDS = 20

Progress = Callable[[int], None]  # receives the bytes that have come


class Jar(NamedTuple):
    """One line of kafka-jars.txt."""

    sha256: str
    size_bytes: int
    group: str
    artifact: str
    version: str

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    @property
    def maven_path(self) -> Path:
        """Where a Maven repository keeps it."""
        return Path(*self.group.split("."), self.artifact, self.version, self.file_name)


def pinned() -> list[Jar]:
    """The jars that Kafka runs with."""
    return listed(JARS)


def listed(path: Path) -> list[Jar]:
    """The jars of a list."""
    jars = []
    for line in path.read_text(encoding="ascii").splitlines():
        sha256, size, coordinates = line.split(" ")
        jars.append(Jar(sha256, int(size), *coordinates.split(":")))
    return jars


def missing(cache: Path, wanted: Sequence[Jar] | None = None) -> list[Jar]:
    """Jars, Kafka's by default, that are not in the cache, or not as they should be. Reads each file once (about 40 MB)."""
    return [jar for jar in (pinned() if wanted is None else wanted) if not intact(cache / jar.file_name, jar)]


def intact(path: Path, jar: Jar) -> bool:
    """Is this file that jar?"""
    try:
        if path.stat().st_size != jar.size_bytes:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256
    except OSError:
        return False


def class_path(cache: Path) -> str:
    """What java's -cp takes, in the order of the list: the first to define a class wins, so the order is fixed."""
    return os.pathsep.join(str(cache / jar.file_name) for jar in pinned())


def fetch(jars: list[Jar], cache: Path, progress: Progress = lambda _: None) -> None:
    """Brings `jars` into the cache. Raises UserError where a repository cannot be reached or sends something else."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(dir=cache, prefix=".fetch-") as scratch,
            _authorities_of_the_system(),
            ThreadPoolExecutor(PARALLEL) as pool,
        ):
            tasks = [pool.submit(_bring, jar, cache, Path(scratch), progress) for jar in jars]
            try:
                for task in tasks:
                    task.result()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    except OSError as error:
        raise _cannot_write(cache, error) from error


@contextmanager
def _authorities_of_the_system() -> Iterator[None]:
    """Who vouches for a repository: as for pip, whom this machine trusts, such as the proxy of a company's network."""
    truststore.inject_into_ssl()
    try:
        yield
    finally:
        truststore.extract_from_ssl()


def _bring(jar: Jar, cache: Path, scratch: Path, progress: Progress) -> None:
    """From the local Maven repository when it is there, else from the remote ones."""
    from jgo.config import GlobalSettings

    settings = GlobalSettings.load()
    local = settings.repo_cache / jar.maven_path
    part = scratch / jar.file_name
    if intact(local, jar):
        shutil.copyfile(local, part)
    else:
        _download(jar, part, settings.repositories)
    part.replace(cache / jar.file_name)
    progress(jar.size_bytes)


def _download(jar: Jar, part: Path, repositories: dict[str, str]) -> None:
    """`repositories`: name → URL of jgo's own settings; one called `central` takes the place of Maven Central."""
    from jgo.constants import MAVEN_CENTRAL_URL
    from jgo.maven import MavenContext

    remote = {"central": MAVEN_CENTRAL_URL, **repositories}

    last: Exception | None = None
    for attempt in range(ATTEMPTS):
        scratch = part.parent / f"{jar.artifact}.{attempt}"
        context = MavenContext(repo_cache=scratch, remote_repos=remote, timeout=TIMEOUT_SECONDS)
        try:
            found = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
        except OSError as error:  # requests' errors are OSErrors too
            if error.errno == errno.ENOSPC:
                raise
            last = error
        except RuntimeError as error:  # jgo: in no repository, or not what the repository's own checksum says
            last = error
        else:
            if not intact(found, jar):
                raise _altered(jar)
            found.replace(part)
            return
    raise _unreachable(jar, last) from last


def _unreachable(jar: Jar, last: Exception | None) -> UserError:
    return UserError(
        f"cannot fetch Kafka ({jar.group}:{jar.artifact}:{jar.version}) from Maven Central: {last}",
        "check the network, name a mirror in jgo's settings ([repositories] central = https://…, see docs/local-stack.md), "
        "or use a Kafka of your own: TOUCHSTONE_KAFKA_BROKERS=host:port",
        exit_code=ExitCode.UNAVAILABLE,
    )


def _altered(jar: Jar) -> UserError:
    return UserError(
        f"{jar.file_name}: the repository sent a file whose SHA-256 is not the one in {JARS.name}; it was not used",
        "check the mirror in jgo's settings: it does not serve what Apache published",
    )


def _cannot_write(cache: Path, error: OSError) -> UserError:
    reason = error.strerror or str(error)
    return UserError(
        f"cannot write Kafka's jars to {cache}: {reason}",
        "free some space (about 60 MB are needed), or set TOUCHSTONE_LOCAL_CACHE to another folder",
        exit_code=ExitCode.UNAVAILABLE,
    )
