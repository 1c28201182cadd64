"""Writes kafka-jars.txt anew: what `org.apache.kafka:kafka_2.13` needs, resolved by jgo, with size and SHA-256.

Run it to move to another release: `python -m deploy.local.lock_jars 4.1.2`
"""

import hashlib
import sys

from deploy.local.jars import JARS, LOCK, Jar

# Named in a POM, but no class that the broker loads refers to them (jdeps): 4.9 MB less to fetch.
UNUSED = {
    "org.scala-lang:scala-reflect",
    "commons-beanutils:commons-beanutils",
    "commons-collections:commons-collections",
    "commons-digester:commons-digester",
    "com.fasterxml.jackson.dataformat:jackson-dataformat-csv",
}
BINDING = "org.apache.logging.log4j:log4j-slf4j-impl"  # Kafka's log lines reach log4j through it


def resolve(version: str) -> list[Jar]:
    """All jars of a release, in the order of their coordinates."""
    import jgo

    found = jgo.resolve(f"org.apache.kafka:kafka_2.13:{version}")
    log4j = next(item.version for item in found if item.artifactId == "log4j-core")
    group, artifact = BINDING.split(":")
    binding = found[0].context.project(group, artifact).at_version(log4j).artifact()
    jars = []
    for item in [*found, binding]:
        if f"{item.groupId}:{item.artifactId}" in UNUSED:
            continue
        content = item.resolve().read_bytes()
        jars.append(Jar(hashlib.sha256(content).hexdigest(), len(content), item.groupId, item.artifactId, item.version))
    return sorted(jars, key=lambda jar: (jar.group, jar.artifact))


def main() -> None:
    jars = resolve(sys.argv[1])
    JARS.write_text("".join(LOCK.format(jar=jar) for jar in jars), encoding="ascii")


if __name__ == "__main__":
    main()
