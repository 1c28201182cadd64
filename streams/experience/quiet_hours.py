"""When customers are not contacted: decided now, delivered later."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.validate import known_time_zone
from streams.experience.compiled import CompiledPack
from streams.experience.folding import SECOND
from streams.experience.pack import ActionRule, QuietHours
from streams.experience.state import Profile


def goes_out(pack: CompiledPack, spec: ActionRule, profile: Profile, at: int) -> int | None:
    """When a message that is decided at an instant may be delivered, if not as soon as it has settled: that is when it goes out."""
    settled_at = at + int(spec.settling_seconds * SECOND) if spec.emit == "settled" else at
    return after_quiet_hours(pack.file.quiet_hours, profile, settled_at)


def after_quiet_hours(quiet: QuietHours | None, profile: Profile, at: int) -> int | None:
    """Decide now, deliver later: the end of the quiet hours that an instant falls into (µs), else None."""
    if quiet is None:
        return None
    own = profile.time_zone
    zone = ZoneInfo(own if own and known_time_zone(own) else quiet.time_zone)
    local = datetime.fromtimestamp(at // SECOND, UTC).astimezone(zone)
    clock = local.strftime("%H:%M")
    over_midnight = quiet.begin > quiet.end
    inside = (clock >= quiet.begin or clock < quiet.end) if over_midnight else quiet.begin <= clock < quiet.end
    if not inside:
        return None
    hour, minute = quiet.end.split(":")
    end = local.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
    if end <= local:
        end += timedelta(days=1)
    return int(end.timestamp()) * SECOND
