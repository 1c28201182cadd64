"""ClickHouse and its tables, touchpoints that no pack knows, the schema registry, the disk."""

import shutil
import time
from collections import Counter
from typing import Final

from clickhouse_driver.errors import ServerException

from schemas.confluent import RegistryError
from schemas.registering import register
from schemas.registry import subjects
from sinks.database import ask, connect
from sinks.migrations import load, missing, recorded
from streams.codec import registry as configured_registry
from streams.codec import user_error
from streams.doctor.check import Finding
from streams.doctor.kafka_checks import listed
from streams.errors import ExitCode, Unavailable, UserError
from streams.packs_folder import audiences, shelf
from streams.settings import Settings

SKEW_SECONDS: Final = 5.0
DISK_LOW_BYTES: Final = 1 << 30
DISK_FULL_BYTES: Final = 100 << 20
_UNKNOWN = (
    "SELECT touchpoint, count() AS events FROM touchpoints_final WHERE _timestamp > now64(3, 'UTC') - INTERVAL 1 DAY "
    "GROUP BY touchpoint ORDER BY events DESC, touchpoint LIMIT 10000"
)


def clickhouse(settings: Settings) -> list[Finding]:
    """Its version and its clock."""
    place = f"{settings.clickhouse_host}:{settings.clickhouse_port}"
    database = connect(settings, database="")
    try:
        ((version, there_ms),) = ask(database, "SELECT version(), toUnixTimestamp64Milli(now64(3, 'UTC'))")
    except Unavailable as error:
        refused = isinstance(error.__cause__, ServerException)
        fix = (
            "put TOUCHSTONE_CLICKHOUSE_USER and …_PASSWORD right"
            if refused
            else "start the local stack with `touchstone up`, or set TOUCHSTONE_CLICKHOUSE_HOST and …_PORT to yours"
        )
        return [Finding("ClickHouse", "failed", f"{place}: {error.detail}", fix, unreachable=not refused)]
    finally:
        database.disconnect()
    findings = [Finding("ClickHouse", "ok", f"version {version} at {place}")]
    skew = int(str(there_ms)) / 1000 - time.time()
    if abs(skew) > SKEW_SECONDS:
        what = f"its clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this one"
        findings.append(Finding("ClickHouse", "attention", what, "keep both by NTP"))
    return findings


def tables(settings: Settings) -> list[Finding]:
    """Are the migrations of this version applied?"""
    database = connect(settings) if _exists(settings) else None
    try:
        pending = missing(load(), recorded(database)) if database is not None else load()
    finally:
        if database is not None:
            database.disconnect()
    if pending:
        names = listed([migration.name for migration in pending])
        what = f"database {settings.clickhouse_database}: not applied: {names}"
        return [Finding("tables", "failed", what, "`touchstone migrate`")]
    return [Finding("tables", "ok", f"database {settings.clickhouse_database}: all {len(load())} migrations applied")]


def _exists(settings: Settings) -> bool:
    server = connect(settings, database="")
    try:
        query = "SELECT 1 FROM system.databases WHERE name = %(name)s"
        return bool(ask(server, query, {"name": settings.clickhouse_database}))
    finally:
        server.disconnect()


def touchpoints(settings: Settings) -> list[Finding]:
    """Names in the events of the last day that no pack here knows: kept, but joined as `other`."""
    known = {name for pack in shelf(settings).packs() for name in pack.file.touchpoints}
    database = connect(settings)
    try:
        seen = Counter({str(name): int(str(count)) for name, count in ask(database, _UNKNOWN)})
    finally:
        database.disconnect()
    unknown = {name: count for name, count in seen.items() if name not in known}
    if not unknown:
        return [Finding("touchpoints", "ok", f"{len(seen)} different ones in the last day, all known to a pack")]
    told = listed([f"{name} ({count:,})" for name, count in unknown.items()])
    fix = "add them to the pack's touchpoints, or rename them where they are recorded"
    return [Finding("touchpoints", "attention", f"unknown to every pack, in the last day: {told}", fix)]


def registry(settings: Settings, limit_seconds: float) -> list[Finding]:
    """Does it answer, and does it hold our schemas?"""
    client = configured_registry(settings, limit_seconds)
    if client is None:
        return [Finding("registry", "ok", "none is configured: ids come from schemas/ids.yaml")]
    wanted = subjects(settings.kafka_prefix, audiences(settings))
    try:
        rows = list(register(client, wanted, dry_run=True))
    except RegistryError as error:
        return [Finding("registry", "failed", str(error), user_error(error).fix, unreachable=True)]
    absent = sorted({row.subject for row in rows if row.outcome != "there"})
    if absent:
        what = f"{client.name} lacks the schemas of {listed(absent)}"
        return [Finding("registry", "failed", what, "`touchstone schemas register`")]
    return [Finding("registry", "ok", f"{client.name} holds the schemas of all {len(wanted)} subjects")]


def disk(settings: Settings) -> list[Finding]:
    """Room where the local stack keeps its data."""
    folder = settings.local_dir.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}", "see TOUCHSTONE_LOCAL_DIR", exit_code=ExitCode.NO) from None
    what = f"{free / 2**30:.1f} GiB free at {folder}"
    if free < DISK_LOW_BYTES:
        fix = "make room, or set TOUCHSTONE_LOCAL_DIR to another disk"
        return [Finding("disk", "failed" if free < DISK_FULL_BYTES else "attention", what, fix)]
    return [Finding("disk", "ok", what)]
