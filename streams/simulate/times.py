"""When a run begins, so that no event of it ever lies in the future: it ends now, however long playing it takes."""

from schemas.json_form import BadRecord, instant
from streams.errors import UserError
from streams.simulate.plan import US_PER_HOUR, US_PER_SECOND


def start_of(start: str | None, end: str, hours: float, speed: float | None, now_us: int) -> int:
    """µs. `end` is `now` or an instant, `start` an instant or None; one of both decides. Raises UserError.

    The clock of the run and the clock on the wall meet at its end: until then event time is behind. Slower than real time it begins now.
    """
    length_us = int(hours * US_PER_HOUR)
    if start is not None and end != "now":
        raise UserError("--start and --end both say when the run is", "give one of them, and --hours")
    if start is not None:
        return _instant("--start", start)
    if end != "now":
        return _instant("--end", end) - length_us
    playing_us = 0 if speed is None else int(length_us / speed)
    start_us = now_us + min(0, playing_us - length_us)
    return start_us // US_PER_SECOND * US_PER_SECOND


def check_not_ahead(start_us: int, hours: float, speed: float | None, now_us: int) -> None:
    """Raises UserError for a run whose events would be refused, because they arrive before they happen."""
    length_us = int(hours * US_PER_HOUR)
    playing_us = 0 if speed is None else int(length_us / speed)
    if start_us > now_us + US_PER_SECOND or start_us + length_us > now_us + playing_us + US_PER_SECOND:
        raise UserError(
            "events would be sent before they happen, and the worker refuses what lies in the future",
            "use an earlier --start or --end, fewer --hours, a lower --speed, or write to a file",
        )


def _instant(option: str, text: str) -> int:
    try:
        return instant(text)
    except BadRecord as error:
        raise UserError(f"{option}: {error}", "for example 2026-03-01T09:00:00Z") from None
