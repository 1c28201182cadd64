"""Does Kafka answer, are its topics as they should be, can it do transactions, what was refused, is every control everywhere."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime
from itertools import islice
from typing import Final

from schemas.codec import Codec
from schemas.controls import Control, PackInForce
from schemas.json_form import instant_text
from streams.admin import Admin
from streams.codec import codec
from streams.connect.controls import refused_controls
from streams.connect.log import read_log
from streams.connect.outgoing import CONTROLS, topics
from streams.doctor.check import Finding, Status
from streams.engine.job import Message
from streams.errors import ExitCode, InvalidEvent, UserError
from streams.experience.compiled import CompiledPack
from streams.packs_folder import shelf
from streams.settings import Settings
from streams.tail.decode import DEAD_LETTERS
from streams.topic_plan import co_partitioned, compare, wanted

HOUR_MS: Final = 3_600_000
DEAD_LETTERS_MAX: Final = 100_000  # are counted
NAMED: Final = 5  # ids or names in a sentence
SKEW_MS: Final = 2_000
CALENDAR_DAYS: Final = 60  # ahead, within which the end of a calendar is told
_REASON: Final = "touchstone.reason"
_TOPIC: Final = "__connect.errors.topic"


def answers(settings: Settings, limit_seconds: float) -> list[Finding]:
    """The cluster, and its transactions."""
    with Admin(settings, connect_seconds=limit_seconds) as admin:
        found = admin.cluster()
    size = "one broker" if found.brokers == 1 else f"{found.brokers} brokers"
    return [
        Finding("Kafka", "ok", f"{size} at {settings.kafka_brokers}, version {found.version} or newer, id {found.id}")
    ]


def transactions(settings: Settings, limit_seconds: float) -> list[Finding]:
    """Tried, not asked: a producer with a transactional id of its own is initialised. It writes nothing to any topic."""
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    from streams.kafka_config import kafka_client_config

    name = settings.topic("touchstone-doctor")
    try:
        producer = KafkaProducer(
            **kafka_client_config(settings),
            transactional_id=name,
            max_block_ms=int(limit_seconds * 1000),
            bootstrap_timeout_ms=int(limit_seconds * 1000),
            metrics_enabled=False,
        )
        try:
            producer.init_transactions()
        finally:
            producer.close(timeout=1)
    except KafkaError as error:
        fix = "exactly_once needs them: allow the transactional ids, or set TOUCHSTONE_WORKER_DELIVERY=at_least_once"
        status: Status = "failed" if settings.worker_delivery == "exactly_once" else "attention"
        return [Finding("transactions", status, f"transactional id {name}: {error}", fix)]
    return [Finding("transactions", "ok", "the cluster grants a transactional id")]


def topics_as_declared(settings: Settings) -> list[Finding]:
    """Present, with the right partitions and configuration."""
    audiences = {audience for pack in shelf(settings).packs() for audience in pack.file.audiences}
    with Admin(settings) as admin:
        specs = wanted(settings, audiences)
        existing = admin.topics()
        there = [spec for spec in specs if spec.name in existing]
        configs = admin.configs({spec.name: list(spec.config) for spec in there})
    plan = compare(specs, co_partitioned(settings, audiences), existing, configs)
    findings = [Finding("topics", "failed", f"{one.topic}: {one.what}", one.fix) for one in plan.problems]
    if plan.create:
        missing = listed([spec.name for spec in plan.create])
        given = " ".join(f"--audience {audience}" for audience in sorted(audiences))
        findings.append(Finding("topics", "failed", f"missing: {missing}", f"`touchstone topics create {given}`"))
    partitions = {existing[spec.name].partitions for spec in there}
    most = f", {max(partitions)} partitions" if partitions else ""
    return findings or [Finding("topics", "ok", f"all {len(specs)} are there{most}")]


def controls(settings: Settings) -> list[Finding]:
    """Every control on every partition, with the same bytes; and which packs are in force."""
    copies = _copies(read_log(settings, [CONTROLS]))
    with Admin(settings) as admin:
        partitions = range(admin.topics()[settings.topic(CONTROLS)].partitions)
    ids = {key for found in copies.values() for key in found}
    differ = sorted(key for key in ids if len({copies.get(partition, {}).get(key) for partition in partitions}) > 1)
    findings = []
    if differ:
        what = f"{len(differ)} of {len(ids)} are not the same on all partitions: {listed(differ)}"
        fix = "tasks judge by different controls: send them again (`touchstone send`, `touchstone packs activate`)"
        findings.append(Finding("controls", "failed", what, fix))
    refused = refused_controls(settings)
    accepted = _without(copies, refused)
    in_force = packs_in_force(accepted, int(time.time() * 1e6), codec(settings, writes=()))
    return [*findings, *_refused(copies, refused, in_force, settings), *_packs(in_force, settings, len(ids))]


def _refused(
    copies: dict[int, dict[str, bytes | None]],
    refused: dict[str, set[int]],
    in_force: dict[str, tuple[PackInForce, int]],
    settings: Settings,
) -> list[Finding]:
    """Packs that workers refused, because they had decided by another one already, and that nothing later has replaced."""
    reading, findings = codec(settings, writes=()), []
    for key, where in sorted(refused.items()):
        value = next((held[key] for held in copies.values() if held.get(key) is not None), None)
        with contextlib.suppress(InvalidEvent):
            control = reading.decode(value, Control)
            replaced = in_force.get(control.brand or "", (None, -1))[1] > control.in_force_at
            if control.pack is None or replaced:
                continue
            since = "the beginning" if control.in_force_at == 0 else instant_text(control.in_force_at)
            what = (
                f"pack {control.pack.name} from {since}{f' for brand {control.brand}' if control.brand else ''} was "
                f"refused in {len(where)} of {len(copies)} partitions: events after that had been decided"
            )
            brand = f" --brand {control.brand}" if control.brand else ""
            fix = f"put it into force from now on: `touchstone packs activate {control.pack.name}{brand}`"
            findings.append(Finding("controls", "attention", what, fix))
    return findings


def _without(
    copies: dict[int, dict[str, bytes | None]], refused: dict[str, set[int]]
) -> dict[int, dict[str, bytes | None]]:
    return {
        partition: {key: value for key, value in held.items() if partition not in refused.get(key, ())}
        for partition, held in copies.items()
    }


def _copies(messages: Iterable[Message]) -> dict[int, dict[str, bytes | None]]:
    """Partition → control id → the newest copy."""
    found: dict[int, dict[str, bytes | None]] = {}
    for message in messages:
        found.setdefault(message.partition, {})[(message.key or b"").decode("utf-8", "replace")] = message.value
    return found


def _packs(in_force: dict[str, tuple[PackInForce, int]], settings: Settings, count: int) -> list[Finding]:
    """The pack in force now, by brand; is it one that a worker started here would have?"""
    if not in_force:
        fix = "`touchstone packs activate retail`: without one the worker waits"
        return [Finding("controls", "attention", f"{count} controls, no pack is in force", fix)]
    mine = {(pack.name, pack.version): pack for pack in shelf(settings).packs()}
    findings = []
    for brand, (pack, at) in sorted(in_force.items()):
        since = "the beginning" if at == 0 else instant_text(at)
        what = f"pack {pack.name} {pack.version} is in force since {since}{f' for brand {brand}' if brand else ''}"
        if (pack.name, pack.version) in mine:
            findings.append(Finding("controls", "ok", what))
            findings += calendars(mine[pack.name, pack.version], datetime.now(UTC).date())
        else:
            fix = "a worker without it waits: install that version, or `touchstone packs activate` the one that is here"
            findings.append(Finding("controls", "attention", f"{what}, and not installed here", fix))
    return findings


def calendars(pack: CompiledPack, today: date) -> list[Finding]:
    """Working-day calendars that end soon: beyond their years tasks are held, for which day it is would be a guess."""
    findings = []
    for name, calendar in pack.calendars.items():
        day = calendar.first_unknown(today, CALENDAR_DAYS)
        if day is not None:
            what = f"pack {pack.name}: calendar {name} does not cover {day.year}"
            when = "now" if day == today else f"from {day} on"
            fix = (
                f"add {day.year} to its `years` and activate the pack (the package that knows the days off may have to be "
                "upgraded, or they are listed under `dates`); restart the workers"
            )
            status: Status = "failed" if day == today else "attention"
            findings.append(Finding("calendars", status, f"{what}: {when} tasks that need it are held", fix))
    return findings


def packs_in_force(
    copies: dict[int, dict[str, bytes | None]], now: int, reading: Codec
) -> dict[str, tuple[PackInForce, int]]:
    """Brand (empty: all) → pack and since when (µs), of what stands on any partition."""
    found: dict[str, tuple[tuple[int, int], PackInForce]] = {}
    for value in {value for held in copies.values() for value in held.values()}:
        try:
            control = reading.decode(value, Control)
        except InvalidEvent:
            continue  # the worker dead-letters it, where it is counted
        order = (control.in_force_at, control.written_at)
        brand = control.brand or ""
        if control.pack is not None and control.in_force_at <= now and (brand not in found or found[brand][0] < order):
            found[brand] = (order, control.pack)
    return {brand: (pack, order[0]) for brand, (order, pack) in found.items()}


def dead_letters(settings: Settings) -> list[Finding]:
    """What was refused in the last hour, by reason and topic."""
    since = int(time.time() * 1000) - HOUR_MS
    counts: Counter[str] = Counter()
    for message in islice(read_log(settings, [DEAD_LETTERS], since_ms=since), DEAD_LETTERS_MAX):
        headers = {name: value.decode("utf-8", "replace") for name, value in message.headers}
        counts[f"{headers.get(_REASON, 'unknown')} on {headers.get(_TOPIC, 'unknown')}"] += 1
    if not counts:
        return [Finding("dead letters", "ok", "none in the last hour")]
    told = ", ".join(f"{count:,} {name}" for name, count in counts.most_common())
    fix = (
        "`touchstone tail dead-letters --from 1h --no-follow --mask` shows them; docs/bad-input.md says what each means"
    )
    total = f"{'more than ' if counts.total() >= DEAD_LETTERS_MAX else ''}{counts.total():,}"
    return [Finding("dead letters", "attention", f"{total} in the last hour: {told}", fix)]


def clock(settings: Settings) -> list[Finding]:
    """A message cannot have arrived in the future: if one did, this machine's clock and the broker's differ."""
    with Admin(settings) as admin:
        there = admin.topics()
        newest = admin.newest_ms(name for name in map(settings.topic, topics().values()) if name in there)
    if newest is None:
        return [Finding("clock", "ok", "nothing has arrived yet to compare it with")]
    ahead = newest - time.time() * 1000
    if ahead > SKEW_MS:
        what = f"the newest message arrived {ahead / 1000:.0f} s in the future: the broker's clock or this one is wrong"
        return [Finding("clock", "failed", what, "keep both by NTP; arrival decides what is too far in the future")]
    return [Finding("clock", "ok", f"the newest input arrived {-ahead / 1000:,.0f} s ago")]


def listed(names: list[str]) -> str:
    """Some of the names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def unless_missing(settings: Settings, topic: str) -> None:
    """Raises UserError when a topic that a check reads is not there."""
    with Admin(settings) as admin:
        if settings.topic(topic) not in admin.topics():
            raise UserError(
                f"topic {settings.topic(topic)} does not exist", "`touchstone topics create`", exit_code=ExitCode.NO
            )
