"""The demo: the local stack, a worker, a sink, a simulated company at sixty times real time, and the staff who answer.

Everything runs as it would in production, each in a process of its own; this process only plays the company and watches.
"""

import contextlib
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from deploy.local import ports
from deploy.local.stack import Stack, local_stack, touchstone
from deploy.local.supervisor import Service, Stopped
from sinks.migrations import migrate
from sinks.reconcile import Reconciliation, Report
from streams.admin import Admin
from streams.demo.screen import Shown
from streams.demo.visible import Visible
from streams.demo.watch import Watch
from streams.errors import UserError
from streams.packs_folder import audiences, find
from streams.packs_in_force import activate
from streams.settings import Settings
from streams.simulate import Plan, Simulation
from streams.simulate.outputs import KafkaOutput
from streams.simulate.plan import Scenario
from streams.simulate.play import Pace, Played, play
from streams.simulate.times import start_of
from streams.topics import create

SPEED: Final = 60.0
VISITS_PER_HOUR: Final = 2.0
MALFORMED: Final = 0.003
CATCH_UP_SECONDS: Final = 20.0  # longest wait for worker and sink after the last event
REFRESH_SECONDS: Final = 0.25


class Options(NamedTuple):
    """What the user chose. `minutes`: length of the story, wall time."""

    minutes: float
    customers: int
    scenario: Scenario
    seed: int
    workers: int
    stay: bool


class Summary(NamedTuple):
    """What is told at the end. `visible`: seconds from event to visible, sorted."""

    played: Played | None
    watch: Watch
    visible: list[float]
    reconciled: Report | None
    truth: Path
    wall_seconds: float


class Company:
    """The simulation, played in a thread."""

    def __init__(self, options: Options, settings: Settings, truth: Path) -> None:
        hours = options.minutes * SPEED / 60
        plan = Plan(
            start_us=start_of(None, "now", hours, SPEED, time.time_ns() // 1_000),
            seed=options.seed,
            customers=options.customers,
            scenario=options.scenario,
            hours=hours,
            visits_per_hour=VISITS_PER_HOUR,
            malformed=MALFORMED,
        )
        self._output = KafkaOutput(settings)
        self.simulation = Simulation(plan, self._output.codec)
        self._truth = truth
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="company", daemon=True)
        self.played: Played | None = None
        self.failure: BaseException | None = None

    def start(self) -> None:
        """The shop opens."""
        self._thread.start()

    @property
    def open(self) -> bool:
        """Is it still playing?"""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Ends the run early."""
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        try:
            with self._truth.open("wb") as stream:
                pace = Pace(self.simulation.plan.start_us, SPEED)
                self.played = play(self.simulation, self._output, stream, pace, self._look)
        except BaseException as error:  # noqa: BLE001 - raised again by whoever follows
            self.failure = error

    def _look(self, played: Played) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt
        if played.failure:
            raise RuntimeError(played.failure)


def demo(
    options: Options,
    settings: Settings,
    screen: Callable[[Stack], contextlib.AbstractContextManager[Shown]],
    tell: Callable[[Summary], None],
) -> Summary:
    """Runs the story to its end, or to Ctrl-C. Raises UserError for what stands in the way."""
    began = time.monotonic()
    with local_stack(settings, fresh=True) as stack:
        _prepare(settings)
        stack.supervisor.start(*_services(options))
        truth = stack.folder / "truth.jsonl"
        company = Company(options, settings, truth)
        watch, visible = Watch(settings, company.simulation.take), Visible(settings)
        watch.start()
        visible.start()
        company.start()
        interrupted = False
        try:
            with screen(stack) as shown:
                _follow(stack, company, watch, visible, shown)
        except Stopped:
            interrupted = True
        company.stop()
        reconciled = _reconcile(settings)
        watch.stop()
        visible.stop()
        seconds = visible.seconds({(one.partition, one.offset): one.cause_ms for one in watch.caused})
        summary = Summary(company.played, watch, seconds, reconciled, truth, time.monotonic() - began)
        tell(summary)
        if options.stay and not interrupted:
            with contextlib.suppress(Stopped):
                stack.supervisor.run()
        return summary


def _prepare(settings: Settings) -> None:
    with Admin(settings) as admin:
        report = create(admin, settings, audiences(settings))
    if report.problems:
        raise UserError(f"{report.problems[0].topic}: {report.problems[0].what}", report.problems[0].fix)
    migrate(settings)
    activate(find("retail", settings), settings, at="beginning", brand=None)


def _services(options: Options) -> list[Service]:
    """Workers and the sink, each ready when it says so."""
    made = []
    names = [*(("worker", f"worker-{number + 1}") for number in range(options.workers)), ("sink clickhouse", "sink")]
    for command, name in names:
        port = ports.free_port()
        service = touchstone(name, *command.split(), ready=_answers(port))
        made.append(service._replace(env={"TOUCHSTONE_METRICS_PORT": str(port)}))
    return made


def _answers(port: int) -> Callable[[], bool]:
    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"http://{ports.HOST}:{port}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    return ready


def _follow(stack: Stack, company: Company, watch: Watch, visible: Visible, shown: Shown) -> None:
    """Until the story has ended."""
    while company.open:
        stack.supervisor.check()
        for part in (company, watch, visible):
            if part.failure is not None:
                raise part.failure
        shown.show(watch, company.simulation.unhappy)
        time.sleep(REFRESH_SECONDS)
    if company.failure is not None:
        raise company.failure


def _reconcile(settings: Settings) -> Report:
    """Topics against tables, once worker and sink have caught up."""
    with Reconciliation(settings) as reconciliation:
        return reconciliation.run(CATCH_UP_SECONDS)
