"""Wires the parts: which jobs a worker runs, with which packs, codec and limits."""

from streams.analysers import analyser
from streams.codec import OUTPUTS, codec
from streams.engine.job import AnyJob
from streams.experience.controls import Shelf
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
    return (
        Subjects(encoding, known, analyser(settings), limits(settings)),
        Incidents(encoding, known, limits(settings)),
    )
