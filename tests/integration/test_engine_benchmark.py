"""The engine benchmark on a tiny input: Touchstone right, a peer measured beside it, one that cannot run only told.

Here the peer is stock Faust, which is installed anyway. Kafka Streams and Quix fetch some 80 MB each: TOUCHSTONE_TEST_PEERS=1.
"""

import os
from pathlib import Path

import pytest

from benchmarks.peers import engines
from benchmarks.peers.engine import Engine, Missing
from benchmarks.peers.rounds import Bench, Input, make_input
from benchmarks.peers.watch import Failed
from tests.kafka_service import Kafka

TOUCHPOINTS = 1_000


@pytest.fixture(scope="module")
def given(kafka: Kafka) -> Input:
    return make_input(kafka.bootstrap, TOUCHPOINTS, zipf=True)


@pytest.fixture
def bench(kafka: Kafka, tmp_path: Path) -> Bench:
    assert kafka.broker.child is not None
    return Bench(kafka.bootstrap, tmp_path, commit_seconds=0.2, broker_pid=kafka.broker.child.pid)


def test_touchstone_is_right_and_each_round_starts_afresh(bench: Bench, given: Input) -> None:
    for _ in range(2):
        found = bench.measure(engines.Touchstone(), given)
        assert found.verdict.right, str(found.verdict)
        assert found.measured.messages == TOUCHPOINTS * 21 // 20
        assert 0 < found.measured.seconds_to_last <= found.measured.seconds_to_commit
        assert 0 < found.measured.cpu_seconds <= found.measured.cpu_seconds_with_start
        assert found.measured.memory_mb > 10
        assert found.changelog_messages > 0


def test_faust_does_the_job(bench: Bench, given: Input) -> None:
    """Which actions are missed depends on which topic is ahead, so only that the rules ran is said."""
    found = bench.measure(engines.Faust(), given)
    assert found.verdict.missing < found.verdict.expected
    assert found.changelog_messages == found.measured.messages  # one each event


def test_program_that_ends_early_fails_with_its_log(bench: Bench, given: Input) -> None:
    quix = engines.Quix(Path("/nowhere"))
    quix_in_our_environment = engines.Program(["python3", "-c", "import sys; sys.exit('no such thing')"], "nobody")
    quix.program = lambda run: quix_in_our_environment  # type: ignore[method-assign]
    with pytest.raises(Failed, match=r"exit code 1; its log ends with:\nno such thing"):
        bench.measure(quix, given)


def test_no_compiler_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(Missing, match=r"no Java compiler .* install a JDK or set JAVA_HOME"):
        engines.KafkaStreams("kafka-streams-eos", "idiomatic", "exactly_once_v2", tmp_path).prepare()


def kafka_streams(program: str, guarantee: str, store: str) -> Engine:
    name = f"kafka-streams-{program}-{guarantee}-{store}"
    return engines.KafkaStreams(name, program, guarantee, engines.cache_folder(), store=store)


PEERS: list[Engine] = [
    kafka_streams("idiomatic", "exactly_once_v2", "memory"),
    kafka_streams("idiomatic", "at_least_once", "rocksdb"),
    kafka_streams("tuned", "exactly_once_v2", "memory"),
    kafka_streams("tuned", "at_least_once", "rocksdb"),
    engines.Quix(engines.cache_folder()),
]


@pytest.mark.skipif(not os.environ.get("TOUCHSTONE_TEST_PEERS"), reason="fetches the peers: TOUCHSTONE_TEST_PEERS=1")
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_peer_is_right(peer: Engine, bench: Bench, given: Input) -> None:
    engines.cache_folder().mkdir(parents=True, exist_ok=True)
    peer.prepare()
    found = bench.measure(peer, given)
    assert found.verdict.right, str(found.verdict)
