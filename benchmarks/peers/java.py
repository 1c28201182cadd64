"""The machine's JDK, and the two programs for Kafka Streams compiled by it: in a cache, once for each source and JDK.

In: the sources in kafka_streams/, and Avro schemas, whose classes are generated. Out: a class path. Raises Missing with the
reason where there is no compiler, or the jars cannot be fetched.
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
GENERATE = SOURCES / "Generate.java"
# A program's own may name their types.
SCHEMAS = tuple(
    SOURCES.parents[1] / "detection_avro" / name for name in ("touchpoint.avsc", "feedback.avsc", "action.avsc")
)
OLDEST = 17

JVM = (
    "-Xms1g",
    "-Xmx1g",
    "-XX:+UseParallelGC",  # measured against the default G1 and the serial one: benchmarks/README.md
    "-XX:-UsePerfData",
    f"-Dlog4j2.configurationFile={LOG4J}",
)
AVRO = (
    "-Dorg.apache.avro.SERIALIZABLE_CLASSES=Action,Customer,Feedback,Kind,Outcome,Touch,Touchpoint",  # may be made
    "-Dorg.apache.avro.specific.use_custom_coders=true",  # the generated classes' own; measured: benchmarks/README.md
    "-Dorg.apache.avro.fastread=false",  # else it reads in their place
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


def class_path(program: str, compiler: Jdk, folder: Path) -> str:
    """Of a program (a folder beside shared/): fetches what is missing, compiles what has changed; `folder` keeps the classes."""
    wanted = [*jars.pinned(), *jars.listed(JARS)]
    cache = default_cache()
    try:
        jars.fetch(jars.missing(cache, wanted), cache)
    except UserError as error:
        raise Missing(str(error)) from error
    libraries = os.pathsep.join(str(cache / jar.file_name) for jar in wanted)
    sources = [GENERATE, *sorted((SOURCES / "shared").glob("*.java")), *sorted((SOURCES / program).glob("*.java"))]
    own = sorted((SOURCES / program).glob("*.avsc"))
    schemas = [*SCHEMAS, *own] if own else []
    made_of = [compiler.full_version, *(file.read_bytes() for file in (JARS, *sources, *schemas))]
    classes = folder / f"kafka-streams-{program}-{hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]}"
    if not classes.exists():
        _build(compiler, sources[1:], schemas, libraries, classes)
    return os.pathsep.join([str(classes), libraries])


def _build(compiler: Jdk, sources: list[Path], schemas: list[Path], libraries: str, classes: Path) -> None:
    """Into a folder beside it first: a build cut short leaves nothing that looks whole."""
    draft = classes.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    if schemas:
        generated = draft / "generated"
        generated.mkdir(parents=True)
        _run([compiler.java, "-cp", libraries, GENERATE, generated, *schemas], "generates no classes of the schemas")
        sources = [*sources, *sorted(generated.glob("*.java"))]
    options = ["-encoding", "UTF-8", "-proc:none", "-cp", libraries, "-d", draft]
    _run([compiler.javac, *options, *sources], "does not compile the job")
    draft.rename(classes)


def _run(command: list[str | Path], failure: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Missing(f"{command[0]} {failure}:\n{(done.stderr or done.stdout).strip()[-2000:]}")
