"""The broker is down at the start or goes away in mid-run: the worker says so, goes on when it is back, and nothing is lost or doubled."""

import gc
from collections.abc import Callable, Iterator

import pytest

from tests.engine_events import events, expected
from tests.engine_service import Bench
from tests.kafka_service import Kafka

# kafka-python, by which these tests ask and produce, leaks a socket at each attempt to reach a broker that is away.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    """Collects those sockets here and not in somebody else's test."""
    yield
    gc.collect()


def test_a_broker_that_is_restarted_under_load_costs_nothing(
    bench: Callable[..., Bench], new_broker: Callable[..., Kafka]
) -> None:
    kafka = new_broker()
    run = bench(broker=kafka)
    a, b = events(1500, seed=19)
    run.produce("in-b", b[:75])
    run.produce("in-a", a[:750])
    worker = run.worker()
    worker.says("restored", times=2)
    run.forget_producer()
    kafka.broker.kill()
    kafka.broker.start()
    kafka.broker.wait()
    run.produce("in-a", a[750:])
    run.produce("in-b", b[75:])
    run.until_done()
    assert worker.stop() == 0
    assert run.in_force() == expected(a, b)


def test_a_broker_that_comes_late_is_waited_for(bench: Callable[..., Bench], new_broker: Callable[..., Kafka]) -> None:
    kafka = new_broker()
    run = bench(broker=kafka, partitions=1)
    a, b = events(200, seed=20)
    run.produce("in-a", a)
    run.produce("in-b", b)
    run.forget_producer()
    kafka.broker.kill()
    stopped = run.worker()
    stopped.says("trying again in")
    assert stopped.stop() == 0, "one that waits can be stopped"
    worker = run.worker()
    worker.says("no Kafka answers at")
    worker.says("trying again in")
    kafka.broker.start()
    kafka.broker.wait()
    run.until_done()
    assert worker.stop() == 0
    assert run.in_force() == expected(a, b)
