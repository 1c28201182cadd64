"""`touchstone simulate`: a company that does not exist, its customers, and what really went on in them."""

import sys
import time
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from streams.commands import start as start_command
from streams.errors import ExitCode, UserError

if TYPE_CHECKING:
    from streams.settings import Settings
    from streams.simulate import Simulation
    from streams.simulate.outputs import Output
    from streams.simulate.plan import Plan
    from streams.simulate.play import Played

INTERRUPTED = 130
_CUSTOMERS_MAX = 1_000_000
_VISITS_MAX = 3.0


class CompanyOption(StrEnum):
    retail = "retail"
    airline = "airline"
    automotive = "automotive"
    telecom = "telecom"


class HabitOption(StrEnum):
    rush = "rush"
    sinking = "sinking"
    uneven = "uneven"
    coached = "coached"


class ScenarioOption(StrEnum):
    quiet = "quiet"
    outage = "outage"
    late_courier = "late-courier"
    slow_hotline = "slow-hotline"
    all = "all"


def mount(root: typer.Typer) -> None:
    root.command()(simulate)


def simulate(
    to: Annotated[str, typer.Option(help="kafka, a file of JSON lines, or - for standard output.")] = "kafka",
    company: Annotated[
        CompanyOption, typer.Option(help="Which company: the touchpoints of that pack.")
    ] = CompanyOption.retail,
    scenario: Annotated[
        ScenarioOption,
        typer.Option(
            help="What goes wrong: payments (bookings, self-service) fail, one district is late, the hotline is slow."
        ),
    ] = ScenarioOption.all,
    habits: Annotated[
        list[HabitOption] | None,
        typer.Option(
            "--with",
            help="What happens beside it, as often as you like: full hours of the week and odd queues; regulars whose service sinks, or is uneven; coached answers.",
        ),
    ] = None,
    trouble: Annotated[float, typer.Option(min=0, max=10, help="How often things go wrong, times the usual.")] = 1.0,
    outspoken: Annotated[
        float, typer.Option(min=0, max=3, help="How many complain or answer, times the usual; 0: all are silent.")
    ] = 1.0,
    customers: Annotated[int, typer.Option(min=1, max=_CUSTOMERS_MAX, help="How many customers there are.")] = 200,
    hours: Annotated[float | None, typer.Option(min=0.01, help="Simulated hours. [default: 2]")] = None,
    events: Annotated[int | None, typer.Option(min=1, help="End after about so many messages.")] = None,
    visits: Annotated[float, typer.Option(min=0.01, max=_VISITS_MAX, help="Visits an hour of each customer.")] = 1.0,
    speed: Annotated[
        str, typer.Option(help="Times real time: 60 is a simulated minute a second, 1 is real time; or max.")
    ] = "60",
    start: Annotated[str | None, typer.Option(help="When it begins, event time: 2026-03-01T09:00:00Z.")] = None,
    end: Annotated[str, typer.Option(help="When it ends: now, or an instant.")] = "now",
    seed: Annotated[int, typer.Option(help="Another seed, another story.")] = 1,
    late: Annotated[float, typer.Option(min=0, max=0.5, help="Share of events that arrive minutes late.")] = 0.01,
    duplicates: Annotated[float, typer.Option(min=0, max=0.5, help="Share of events that arrive twice.")] = 0.005,
    malformed: Annotated[
        float, typer.Option(min=0, max=0.5, help="Messages that nobody can read, as a share of the events.")
    ] = 0.001,
    staff: Annotated[
        bool, typer.Option("--staff", help="Let the staff see to the actions on cx-actions, and answer with receipts.")
    ] = False,
    truth: Annotated[
        Path | None, typer.Option(help="Where the truth goes. [default: FILE.truth.jsonl, or in TOUCHSTONE_LOCAL_DIR]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The summary as one line of JSON.")] = False,
) -> None:
    """Let customers of a simulated company visit, buy, wait, complain and leave; write to a file of its own who was really unhappy.

    The same seed and options, with the same --start, give the same messages and the same truth, byte for byte.

    A run that ends now begins in the past, so that no event is ever ahead of the clock.

    Ctrl-C stops and says what was sent. Exit codes: 0 done, 2 options or settings are wrong, 3 Kafka does not answer, 130 interrupted.

    \b
    Two simulated hours in two minutes, everything goes wrong once:
      touchstone simulate
    A file for `touchstone decide`, always the same:
      touchstone simulate --to day.jsonl --speed max --hours 8 --start 2026-03-01T09:00:00Z --malformed 0
    A million messages as fast as Kafka takes them:
      touchstone simulate --customers 20000 --events 1000000 --speed max
    With a worker running: staff who call back, and customers who calm down:
      touchstone simulate --staff
    An airline in real time:
      touchstone simulate --company airline --scenario late-courier --speed 1 --hours 8
    """
    from streams.simulate import Plan, Simulation
    from streams.simulate.listening import Listening
    from streams.simulate.plan import hours_for
    from streams.simulate.times import check_not_ahead, start_of

    settings = start_command()
    if staff and to != "kafka":
        raise UserError("--staff answers actions on Kafka", "leave --to away")
    if late + duplicates + malformed > 1:
        raise UserError("--late, --duplicates and --malformed are more than all events together", "give smaller shares")
    factor = _speed(speed)
    if hours is None:
        hours = 2.0 if events is None else hours_for(events, customers, visits)
    now_us = time.time_ns() // 1000
    start_us = start_of(start, end, hours, factor, now_us)
    if to == "kafka":
        check_not_ahead(start_us, hours, factor, now_us)
    plan = Plan(
        start_us=start_us,
        seed=seed,
        company=company.value,
        scenario=scenario.value,
        habits=tuple(habit.value for habit in habits or ()),
        trouble=trouble,
        outspoken=outspoken,
        customers=customers,
        hours=hours,
        visits_per_hour=visits,
        events=events,
        late=late,
        duplicates=duplicates,
        malformed=malformed,
    )
    path = truth or _truth_path(to, plan, settings)
    with ExitStack() as stack:
        output = _output(to, settings, stack)
        stream = _opened(path, stack)
        simulation = Simulation(plan, output.codec)
        if staff:
            stack.enter_context(Listening(settings, simulation))
        played = _play(simulation, output, stream, factor, quiet=as_json)
    _tell(played, path, to, plan, as_json=as_json)


def _play(
    simulation: "Simulation", output: "Output", stream: IO[bytes], speed: float | None, *, quiet: bool
) -> "Played":
    from streams.simulate.play import Pace, play
    from streams.simulate.report import PlayProgress

    with PlayProgress(simulation, quiet=quiet) as progress:
        return play(simulation, output, stream, Pace(simulation.plan.start_us, speed), progress)


def _tell(played: "Played", path: Path, to: str, plan: "Plan", *, as_json: bool) -> None:
    from streams.simulate.report import summary
    from streams.terminal import err, forget_stdout, out, say_error, write_json

    if played.unread:
        forget_stdout()
        return
    if as_json and to != "-":
        import msgspec

        write_json({**msgspec.structs.asdict(played), "truth": str(path)})
    else:
        (err() if to == "-" else out()).print(summary(played, str(path)), markup=False)
    if played.failure:
        say_error(played.failure, "put Kafka right (`touchstone doctor`); a new run has customers of its own")
        raise typer.Exit(ExitCode.UNAVAILABLE)
    if played.interrupted:
        say_error("interrupted: the run ends here", "the truth file tells the truth up to this moment")
        raise typer.Exit(INTERRUPTED)
    if plan.events is not None and played.events < plan.events:
        say_error(f"the {plan.hours:g} simulated hours were over before {plan.events:,} messages", "give more --hours")
        raise typer.Exit(ExitCode.NO)


def _output(to: str, settings: "Settings", stack: ExitStack) -> "Output":
    from streams.simulate.outputs import KafkaOutput, LinesOutput

    if to == "kafka":
        return KafkaOutput(settings)
    return LinesOutput(sys.stdout.buffer if to == "-" else _opened(Path(to), stack))


def _opened(path: Path, stack: ExitStack) -> IO[bytes]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return stack.enter_context(path.open("wb"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}", "name a file that can be written") from None


def _truth_path(to: str, plan: "Plan", settings: "Settings") -> Path:
    if to in ("kafka", "-"):
        return settings.local_dir / f"truth-{plan.run}.jsonl"
    return Path(to).with_suffix(".truth.jsonl")


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text)
        if not 0 < speed < 1e6:
            raise ValueError
    except ValueError:
        raise UserError(
            f"--speed {text} is no speed", "write a number (60: a simulated minute a second), or max"
        ) from None
    return speed
