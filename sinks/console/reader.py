"""The one reader of ClickHouse for all who watch: asks what somebody wants to see, in turn, and keeps the last answer.

Ten browsers on one page are one question. An answer stays when ClickHouse goes away; its age says so. The pause between two
rounds is the setting's, or longer: of what rounds usually take, the reader takes at most a fifth of one connection's time.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from schemas.controls import Unit
from sinks.console.clock import Clock
from sinks.console.follower import Background
from sinks.console.scope import Scope
from sinks.console.sql_texts import sql_texts
from sinks.database import Database, connect, judge
from streams import metrics
from streams.errors import Unavailable
from streams.settings import Settings

WANTED_SECONDS: Final = 20.0  # a question that nobody has asked for so long is dropped
IDLE_SHARE: Final = 4.0  # pause as a multiple of the time that a round took
PAUSE_SECONDS_MAX: Final = 20.0
ROUNDS_LOOKED_AT: Final = 3
RETRY_SECONDS: Final = 1.0
UNWATCHED_SECONDS: Final = 10.0  # while nobody watches ClickHouse is asked so often whether it answers
ANSWERS_MAX: Final = 500
RESTING_SECONDS: Final = {"gap": 15.0}  # kinds that are not asked again for so long: dear, and slow to change
RESTING_SHARE: Final = 20.0  # nor for so many times of what they took

log = logging.getLogger(__name__)

Row = dict[str, Any]  # a row of ClickHouse by column: what is in it depends on the query
Ask = Callable[..., list[Row]]


class Question(NamedTuple):
    """What to ask (a name in `questions.QUESTIONS`), for whom, and with which options."""

    kind: str
    scope: Scope
    options: tuple[tuple[str, str], ...] = ()


class Answer(NamedTuple):
    """`data` is what the question's function made of the rows; `read_at`: Unix seconds; `at_us`: the clock then."""

    data: Any
    read_at: float
    at_us: int
    version: int
    rest_seconds: float = 0.0  # not asked again for so long


Answering = Callable[[Ask, dict[str, str], int], Any]


class Reader(Background):
    """A thread with one client. `questions`: name → function; `units`: as known now; `tell` is called after each round."""

    def __init__(
        self,
        settings: Settings,
        questions: Mapping[str, Answering],
        units: Callable[[], Mapping[str, Unit]],
        clock: Clock,
        tell: Callable[[], None],
    ) -> None:
        super().__init__("reader")
        self._settings = settings.model_copy(
            update={
                "clickhouse_user": settings.console_clickhouse_user,
                "clickhouse_password": settings.console_clickhouse_password,
                "clickhouse_timeout_seconds": min(30.0, settings.clickhouse_timeout_seconds),
            }
        )
        self._questions, self._units, self._clock, self._tell = questions, units, clock, tell
        self._texts = sql_texts()
        self._lock = threading.Lock()
        self._wanted: dict[Question, float] = {}
        self._answers: dict[Question, Answer] = {}
        self._failed: set[Question] = set()
        self._wake = threading.Event()
        self._lately: deque[float] = deque(maxlen=ROUNDS_LOOKED_AT)  # what the last rounds took, s
        self._version = self._rounds = 0
        self.trouble: str | None = None  # why the last round failed
        self.read_at = 0.0  # when ClickHouse last answered
        self.pace_seconds = settings.console_refresh_seconds  # from one round to the next, lately
        self.queries = 0

    def stop(self) -> None:
        self._stopped.set()
        self._wake.set()
        super().stop()

    def want(self, question: Question) -> Answer | None:
        """Says that somebody looks at this, and gives what is known of it. A new question is asked at once."""
        with self._lock:
            new = question not in self._wanted
            self._wanted[question] = time.monotonic()
            answer = self._answers.get(question)
        if new:
            self._wake.set()
        return answer

    @property
    def questions(self) -> int:
        """That somebody looks at."""
        return len(self._wanted)

    def once(self, question: Question) -> Any:
        """An answer of its own, on a connection of its own, in the caller's thread. Raises Unavailable."""
        database = connect(self._settings)
        try:
            return self._answer(database, question)[0]
        finally:
            database.disconnect()

    def _run(self) -> None:
        database = connect(self._settings)
        while not self._stopped.is_set():
            self._wake.clear()
            began = time.monotonic()
            due = self._due()
            try:
                self._round(database, due)
                took = time.monotonic() - began
                metrics.console_round_seconds.observe(took)
                self._lately.append(took)
                pause = pause_after(self._lately, self._settings.console_refresh_seconds)
                self.pace_seconds = pause + took
            except Unavailable as error:
                self._fail(error.detail, database)
                pause = RETRY_SECONDS
            except Exception as error:  # a defect must not end the only reader: said on every page, and in the log
                log.exception("the console's reader goes on after a defect")
                self._fail(f"a defect in the console: {type(error).__name__}; its log says more", database)
                pause = RETRY_SECONDS
            if due:
                self._tell()
            self._wake.wait(pause if due or self.trouble is not None else UNWATCHED_SECONDS)
        database.disconnect()

    def _round(self, database: Database, due: list[Question]) -> None:
        """Asks everything once; begins each time with another question, so that one that fails does not starve the rest.

        What somebody has just opened comes before what others have seen already.
        """
        self._look_at_the_clock(database)
        self._rounds += 1
        first = self._rounds % len(due) if due else 0
        left = dict.fromkeys(one for one in due[first:] + due[:first] if not self._rests(one))
        while left and not self._stopped.is_set():
            question = self._unanswered() or next(iter(left))
            left.pop(question, None)
            self._failed.add(question)
            began = time.monotonic()
            data, at_us = self._answer(database, question)
            self._keep(question, data, at_us, time.monotonic() - began)
            self._failed.discard(question)
        if not due:  # /readyz is to know
            self._rows(database, "answers", {})
        self.read_at = time.time()
        if self.trouble is not None:
            log.info("ClickHouse answers again")
        self.trouble = None

    def _rests(self, question: Question) -> bool:
        answer = self._answers.get(question)
        return answer is not None and time.time() - answer.read_at < answer.rest_seconds

    def _fail(self, why: str, database: Database) -> None:
        if self.trouble is None:
            log.warning("%s: what is shown stays, with its age; asked again every second", why)
        self.trouble = why
        database.disconnect()

    def _due(self) -> list[Question]:
        limit = time.monotonic() - WANTED_SECONDS
        with self._lock:
            for question in [one for one, at in self._wanted.items() if at < limit]:
                del self._wanted[question]
                self._failed.discard(question)
            while len(self._answers) > ANSWERS_MAX:
                del self._answers[next(iter(self._answers))]
            return list(self._wanted)

    def _unanswered(self) -> Question | None:
        """One that somebody looks at and nobody has seen an answer to, unless it failed the last time."""
        with self._lock:
            new = (one for one in self._wanted if one not in self._answers and one not in self._failed)
            return next(new, None)

    def _look_at_the_clock(self, database: Database) -> None:
        if self._clock.follows_stream:
            row = self._rows(database, "clock", {})[0]
            if row["events"]:
                self._clock.set(_us(row["newest_at"]), _us(row["its_arrival_at"]))

    def _answer(self, database: Database, question: Question) -> tuple[Any, int]:
        scope = question.scope.parameters(self._units())
        now_us = self._clock.now_us()

        def rows(name: str, **values: object) -> list[Row]:
            return self._rows(database, name, {**values, **scope, "now": now_us})

        return self._questions[question.kind](rows, dict(question.options), now_us), now_us

    def _keep(self, question: Question, data: Any, at_us: int, took: float) -> None:
        least = RESTING_SECONDS.get(question.kind)
        rest = 0.0 if least is None else max(least, RESTING_SHARE * took)
        with self._lock:
            self._version += 1
            self._answers.pop(question, None)
            self._answers[question] = Answer(data, time.time(), at_us, self._version, rest)

    def _rows(self, database: Database, name: str, values: dict[str, object]) -> list[Row]:
        """Values only ever go in as parameters; the texts are files. Raises Unavailable."""
        self.queries += 1
        metrics.console_queries_total.inc()
        try:
            found: Any = database.execute(self._texts[name], values, with_column_types=True)
        except Exception as error:
            judged = judge(error)
            if judged is error:
                raise
            raise judged from error
        rows, columns = found
        names = [column[0] for column in columns]
        return [dict(zip(names, row, strict=True)) for row in rows]


def pause_after(lately: Iterable[float], least: float) -> float:
    """How long to rest. By the shortest of the last rounds: one that took long because the machine was busy for a moment says
    nothing of what asking costs, and would keep news from the pages for four times as long.
    """
    return max(least, min(PAUSE_SECONDS_MAX, IDLE_SHARE * min(lately)))


def _us(at: Any) -> int:
    return int(at.timestamp() * 1_000_000)
