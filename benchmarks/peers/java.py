"""The machine's JDK, and Kafka Streams compiled by it: in a cache, once for each source and JDK.

Raises Missing with the reason where there is no compiler, or the jars cannot be fetched.
"""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers.engine import Missing
from deploy.local import jars
from deploy.local.kafka import LOG4J, default_cache
from streams.errors import UserError

SOURCES = Path(__file__).with_name("kafka_streams")
JARS = SOURCES / "jars.txt"  # besides those that the broker runs with
OLDEST = 17

JVM = (
    "-Xms1g",
    "-Xmx1g",
    "-XX:+UseParallelGC",  # measured against the default G1 and the serial one: benchmarks/README.md
    "-XX:-UsePerfData",
    f"-Dlog4j2.configurationFile={LOG4J}",
)
NEWER = ("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow")  # silences Java 24 and later


class Jdk(NamedTuple):
    """`version` is the major one."""

    java: Path
    javac: Path
    version: int
    full_version: str


def jdk() -> Jdk:
    """The one of JAVA_HOME, else the newest of those on the PATH and in the places where systems put them."""
    home = os.environ.get("JAVA_HOME")
    if home:
        homes = [Path(home)]
    else:
        on_path = shutil.which("javac")
        homes = [Path(on_path).resolve().parent.parent] if on_path else []
        homes += [*Path("/usr/lib/jvm").glob("*"), *Path("/Library/Java/JavaVirtualMachines").glob("*/Contents/Home")]
    found = [one for one in map(_look, homes) if one is not None]
    if not found:
        where = f"JAVA_HOME={home} has none" if home else "none on the PATH, none in /usr/lib/jvm"
        raise Missing(f"no Java compiler (javac) of version {OLDEST} or newer: {where}; install a JDK or set JAVA_HOME")
    return max(found, key=lambda one: one.version)


def _look(home: Path) -> Jdk | None:
    java, javac = home / "bin" / "java", home / "bin" / "javac"
    if not java.exists() or not javac.exists():
        return None
    done = subprocess.run([javac, "-version"], capture_output=True, text=True, check=False)
    said = re.search(r"javac ((\d+)[\w.+-]*)", done.stdout + done.stderr)
    if said is None or int(said[2]) < OLDEST:
        return None
    return Jdk(java, javac, int(said[2]), said[1])


def release() -> str:
    """Of Kafka Streams."""
    return next(jar.version for jar in jars.listed(JARS) if jar.artifact == "kafka-streams")


def class_path(compiler: Jdk, folder: Path) -> str:
    """Fetches what is missing, compiles what has changed; `folder` keeps the classes."""
    wanted = [*jars.pinned(), *jars.listed(JARS)]
    cache = default_cache()
    try:
        jars.fetch(jars.missing(cache, wanted), cache)
    except UserError as error:
        raise Missing(str(error)) from error
    libraries = os.pathsep.join(str(cache / jar.file_name) for jar in wanted)
    sources = sorted(SOURCES.glob("*.java"))
    made_of = [compiler.full_version, *(source.read_bytes() for source in sources)]
    classes = folder / f"kafka-streams-{hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]}"
    if not classes.exists():
        _compile(compiler, sources, libraries, classes)
    return os.pathsep.join([str(classes), libraries])


def _compile(compiler: Jdk, sources: list[Path], libraries: str, classes: Path) -> None:
    """Into a folder beside it first: a compilation cut short leaves nothing that looks whole."""
    draft = classes.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    options = ["-encoding", "UTF-8", "-proc:none", "-cp", libraries, "-d", str(draft)]
    command = [str(compiler.javac), *options, *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Missing(f"{compiler.javac} does not compile the job:\n{(done.stderr or done.stdout).strip()[-2000:]}")
    draft.rename(classes)
