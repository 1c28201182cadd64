"""What comes in: poison, fuzz, too large, late, shuffled, twice, in other versions of a schema; and clocks that are stepped."""

import itertools
import random
import time

from schemas.registry import latest
from streams.engine.job import Message
from streams.packs_folder import audiences
from tests import sink_records as make
from tests.builders import SECOND, START, driver
from tests.integration.test_main_job import arrivals, expected, lives
from tests.lives import in_order
from tests.main_service import closers
from tests.property.test_confluence import memory_of
from tests.registry_service import serving
from tests.torture import versions
from tests.torture.load import CODEC, Load, Outgoing, fuzzed, of_lives, plain
from tests.torture.play import Scenario
from tests.torture.process import until
from tests.torture.stage import Stage

WIDE_OPEN = {"worker_breaker_in_a_row": 1_000_000, "worker_breaker_share": 1.0}


def poison(stage: Stage) -> None:
    """One message in a hundred cannot be read."""
    stage.worker(), stage.sink()
    stage.pump(6000, 1500, poison_share=0.01)


def only_poison(stage: Stage) -> None:
    """The breaker opens; when somebody has looked and opened it wide, every message becomes a dead letter, once."""
    stage.sink()
    stage.send(Load(stage.seed, 300).messages())
    stage.send(Load(stage.seed, 3000, poison_share=1.0, name="bad").messages())
    code = (worker := stage.worker()).wait()
    said = "messages are invalid" in worker.said()
    stage.note("breaker opens", code == 1 and said, f"exit code {code}, {stage.lag(0)} messages left in the topic")
    stage.note("topic not drained", stage.lag(0) > 1500, f"{stage.lag(0)} left")
    stage.worker(stage.settings.model_copy(update=WIDE_OPEN))
    stage.drain()


def fuzz(stage: Stage) -> None:
    """60,000 mutated messages: typed refusals only, no crash, no memory that grows."""
    count = stage.count(60_000)
    worker = stage.worker()
    stage.sink()
    stage.send(fuzzed(stage.seed, count))
    stage.drain()
    stage.note("no crash", worker.alive and "Traceback" not in worker.said(), f"{count} mutated messages")


def oversized(stage: Stage) -> None:
    """Larger than a record may be: dead letters with their bytes. Larger than Kafka takes: refused at the producer, never acked."""

    def touchpoint(number: int, size: int) -> Outgoing:
        record = make.touchpoint(number, event_id=f"big{number}", subject_id="k1", place="x" * size)
        return Outgoing(f"big{number}", "cx-touchpoints", b"k1", CODEC.encode(record))

    stage.send(
        itertools.chain(Load(stage.seed, 500).messages(), map(touchpoint, range(4), (900, 2000, 400_000, 1_000_000)))
    )
    stage.send([touchpoint(9, 6_000_000)])
    stage.worker(), stage.sink()
    stage.drain()
    log = stage.producer.read_back()
    stage.note("too large for Kafka", set(log.refused) == {"big9"}, f"{log.refused}")
    reasons = stage.query("SELECT reason, count() FROM dead_letters_current GROUP BY reason")
    stage.note("too large for us", reasons == [("too_large", 3)], f"{reasons}")


def twice(stage: Stage) -> None:
    """The producer sends one event in ten a second time: each message is kept, the views by event show it once."""
    stage.worker(), stage.sink()
    stage.pump(4000, 1500, twice_share=0.1)
    stage.drain()
    ids = len(stage.producer.read_back().sent)
    views = sum(stage.query(f"SELECT count() FROM {name}_current")[0][0] for name in ("touchpoints", "feedback"))
    stage.note("current views by event", views == ids, f"{views} rows, {ids} events")


def mixed_versions(stage: Stage) -> None:
    """Older and newer schemas from a registry, ids that it does not know, and bytes of another record, all mixed."""
    messages = list(Load(stage.seed, stage.count(3000)).messages())
    for number, one in enumerate(messages):
        if one.topic == "cx-touchpoints" and number % 3:
            messages[number] = versions.rewritten(one, (versions.NEWER, versions.OLDER)[number % 3 - 1])
        if number % 50 == 0:
            wrong = latest("feedback").id if one.topic == "cx-touchpoints" else 9999
            messages[number] = one._replace(value=b"\x00" + wrong.to_bytes(4, "big") + (one.value or b"")[5:])
    with serving(versions.registry(stage.settings.kafka_prefix, audiences(stage.settings))) as service:
        settings = stage.settings.model_copy(update={"registry_url": service.url})
        stage.worker(settings), stage.sink(settings)
        stage.send(messages)
        stage.drain()
    reasons = dict(stage.query("SELECT reason, count() FROM dead_letters_current GROUP BY reason"))
    stage.note("both versions are read", set(reasons) == {"wrong_schema", "unknown_schema"}, f"refused only: {reasons}")


def clock_steps(stage: Stage) -> None:
    """The workers' clocks jump ahead by an hour, back by two, and forth, under load: no timer fires twice, nothing is refused."""
    stage.worker(), stage.sink()
    stage.flow(600)
    until("it works", lambda: len(stage.reader.seen) > 200)
    for seconds in (3600, -3600, 30, 0):
        stage.step_clock(seconds)
        stage.healed(f"clock off by {seconds} s")
        seen = len(stage.reader.seen)
        until("it goes on", lambda seen=seen: len(stage.reader.seen) > seen + 300)
    time.sleep(1)


def late_and_shuffled(stage: Stage) -> None:
    """The main job: lives of customers, shuffled within the lateness, one worker killed: the actions in force are those of no fault."""
    messages = lives(stage.seed)
    wanted, end = expected(messages)
    stage.expected = dict(wanted)
    stage.memories = _memories(messages, end)
    order = list(of_lives(arrivals(messages, stage.seed)))
    worker = stage.worker()
    stage.sink()
    stage.send(order[: len(order) // 2])
    until("something is decided", lambda: len(stage.reader.seen) > 3)
    worker.kill()
    stage.expel()
    stage.healed("kill -9")
    stage.send(sorted(order[len(order) // 2 :], key=lambda one: one.topic, reverse=True))
    stage.worker()
    stage.until_decided()
    last = of_lives(closers(stage.settings.kafka_partitions, end))
    stage.send(one._replace(id=f"closer-{one.id}") for one in last)
    _until_quiet(stage)


def too_late(stage: Stage) -> None:
    """The main job: what is older than its subject's lateness is stored, and is a dead letter, too, and changes nothing."""
    now = int(time.time()) * 1_000_000
    fresh = [plain(random.Random(number), f"now-{number}", now - 60_000_000) for number in range(50)]
    stage.worker(), stage.sink()
    stage.send(fresh)
    stage.until_decided()
    old = [plain(random.Random(number), f"old-{number}", now - 10 * 3_600_000_000) for number in range(50)]
    stage.send(old)
    stage.drain()
    refused = stage.query("SELECT reason, count() FROM dead_letters_current GROUP BY reason")
    stage.note("too late is refused", refused == [("too_late", 50)], f"{refused}")
    stored = sum(stage.query(f"SELECT count() FROM {name}_current")[0][0] for name in ("touchpoints", "feedback"))
    stage.note("too late is stored", stored == 100, f"{stored} rows")


def _memories(messages: list[Message], end: int) -> dict[bytes, object]:
    """What each subject is remembered as after a run in order of event time, in memory and without faults."""
    one = driver()
    for arrival in in_order(messages):
        one.take(arrival.message)
    one.advance(START + end * SECOND)
    return {key: memory_of(state) for key, state in one.states.items()}


def _until_quiet(stage: Stage) -> None:
    """No more actions come: timers fire after the event that lets time go on."""
    stage.until_decided()
    while True:
        seen = len(stage.reader.seen)
        time.sleep(3)
        if len(stage.reader.seen) == seen:
            return


SCENARIOS = [
    Scenario("poison 1 %", poison, "one message in a hundred cannot be read"),
    Scenario("poison 100 %", only_poison, "nothing can be read: the breaker opens; then it is opened wide"),
    Scenario("fuzz", fuzz, "60,000 mutated Avro messages into the main job", job="main", settings=WIDE_OPEN),
    Scenario("oversized", oversized, "messages larger than a record may be, larger than Kafka takes"),
    Scenario("sent twice", twice, "one event in ten is sent twice"),
    Scenario(
        "schema versions", mixed_versions, "older and newer schemas from a registry, unknown ids, other records, mixed"
    ),
    Scenario("clock steps", clock_steps, "the workers' clocks jump by hours"),
    Scenario("too late", too_late, "the main job on events older than the lateness", job="main"),
    Scenario("late and shuffled", late_and_shuffled, "the main job on shuffled lives with a kill", job="main"),
]
