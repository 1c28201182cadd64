"""Detection job v0 on Touchstone's engine: one worker with all its machinery. Settings come from the environment, as a worker's do."""

import json
import sys
from collections.abc import Sequence
from functools import partial

from benchmarks.detection import Detection
from benchmarks.detection_rules import Record
from benchmarks.peers.said import Progress, say
from streams import metrics, settings
from streams.engine.job import Refold, Step, Tick
from streams.engine.worker import run


class Measured(Detection):
    """The job of one run: its changelog and its output are this run's own."""

    def __init__(self, name: str, actions: str, messages: int) -> None:
        super().__init__()
        self.name = name
        self.outputs = (actions,)
        self._progress = Progress(messages)
        self._step = super().step
        plain = self._read

        def first(value: bytes, topic: str) -> Record:
            self._progress.decoding()
            self._read = plain  # only the first is asked for
            return plain[topic](value)

        self._read = {topic: partial(first, topic=topic) for topic in plain}

    def step(self, key: bytes, state: bytes | None, inputs: Sequence[Record | Tick | Refold], controls: None) -> Step:
        done, progress = self._step(key, state, inputs, controls), self._progress
        progress.left -= len(inputs)
        if not progress.left:
            progress.done()
        return done


def main() -> None:
    arguments = json.loads(sys.argv[1])
    job = Measured(arguments["name"], arguments["actions"], arguments["messages"])
    run([job], settings.current())
    say("commits", metrics.commits_total.labels(job.name)._value.get())  # the client library has no public way to read


if __name__ == "__main__":
    main()
