"""Wires the parts: which jobs a worker runs, with which packs, codec and limits."""

from collections.abc import Iterable, Iterator

from schemas.codec import Codec
from streams.analysers import analyser
from streams.codec import OUTPUTS, codec
from streams.engine.job import AnyJob
from streams.experience.controls import Shelf
from streams.experience.festivals import prepare
from streams.experience.incidents import Incidents
from streams.experience.subjects import Subjects
from streams.experience.surroundings import Limits
from streams.packs_folder import audiences_of, shelf
from streams.settings import Settings


def limits(settings: Settings) -> Limits:
    """Lateness and window of the core."""
    return Limits(settings.core_lateness_seconds * 1_000_000, settings.core_window_events)


def jobs(settings: Settings, packs: Shelf | None = None) -> tuple[AnyJob, ...]:
    """Job 1: everything about one subject. Job 2: incidents from the causes that job 1 sends on."""
    known = packs if packs is not None else shelf(settings)
    encoding = codec(settings, OUTPUTS, audiences_of(known))
    prepare(_days_of(known))
    reader = analyser(settings)
    reader.analyse("好 good")  # loads what it reads by: a quarter of a second that no event should wait for
    made: tuple[AnyJob, ...] = (
        Subjects(encoding, known, reader, limits(settings)),
        Incidents(encoding, known, limits(settings)),
    )
    return made if settings.worker_traces == "off" else tuple(_traced(made, encoding, settings))


def _days_of(packs: Shelf) -> Iterator[str]:
    """The festivals and peaks that packs name."""
    for pack in packs.packs():
        yield from pack.file.festivals.values()
        yield from pack.file.usual_waiting.peaks if pack.file.usual_waiting is not None else ()


def _traced(made: Iterable[AnyJob], encoding: Codec, settings: Settings) -> Iterator[AnyJob]:
    """Raises UserError where OpenTelemetry is asked for and missing."""
    from streams.traces import Carried, Spans, Traced

    spans: Spans = Carried()
    if settings.worker_traces == "otlp":
        from streams.spans import Exported

        spans = Exported()
    for job in made:
        yield Traced(job, encoding, spans)
