"""`touchstone worker`: runs the jobs until it is told to stop."""

import sys

import typer

from streams.commands import start


def mount(root: typer.Typer) -> None:
    root.command("worker")(worker)


def worker() -> None:
    """Join what customers do with what they say, find who is dissatisfied, send the follow-up actions. Runs until SIGTERM or Ctrl-C.

    Start more workers, on this machine or others: Kafka's consumer group shares the partitions out among them. A worker that
    is stopped, killed or cut off loses nothing and doubles nothing: state, outputs and offsets move in one transaction.

    Example: TOUCHSTONE_KAFKA_BROKERS=kafka:9092 TOUCHSTONE_METRICS_PORT=9100 touchstone worker
    """
    settings = start()
    from streams.app import jobs
    from streams.engine.worker import run

    sys.exit(run(jobs(settings), settings))
