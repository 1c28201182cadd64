"""Puts a pack into force: a control on every partition of cx-controls, dated ahead unless nothing has been decided yet."""

import contextlib
import time
from typing import Final, NamedTuple

from schemas.controls import Control, PackInForce
from schemas.json_form import BadRecord, instant, instant_text
from streams.admin import Admin
from streams.codec import codec
from streams.connect.controls import refused_controls, send_control
from streams.connect.log import read_log
from streams.errors import InvalidEvent, UserError
from streams.experience.compiled import CompiledPack
from streams.experience.folding import TOPICS
from streams.experience.ids import digest
from streams.settings import Settings

AHEAD_SECONDS: Final = 60  # so that every worker has it before the first event that it judges


class Activated(NamedTuple):
    """`since`: from when, in words; `copies`: partitions that hold it; `doubt`: it may be dated too early to be accepted."""

    since: str
    copies: int
    doubt: bool


def activate(pack: CompiledPack, settings: Settings, *, at: str | None, brand: str | None) -> Activated:
    """Raises UserError for a bad instant, Unavailable when Kafka does not answer."""
    now = time.time_ns() // 1_000
    refused = refused_controls(settings)
    packs = [one for one in controls(settings) if one.pack is not None and one.control_id not in refused]
    decided = bool(packs) and _anything_came(settings)  # without a pack, tasks wait
    in_force_at = _instant(at) if at is not None else _default(packs, pack, brand, now, decided=decided)
    control = Control(
        control_id=digest("pack", pack.name, pack.version, str(in_force_at), brand or ""),
        in_force_at=in_force_at,
        written_at=now,
        brand=brand,
        pack=PackInForce(name=pack.name, version=pack.version),
    )
    copies = send_control(control, settings)
    known = any(one.control_id == control.control_id for one in packs)
    final = in_force_at < now - settings.core_lateness_seconds * 1_000_000
    since = "from the beginning" if in_force_at == 0 else f"from {instant_text(in_force_at)}"
    return Activated(since, copies, doubt=decided and final and not known)


def controls(settings: Settings) -> list[Control]:
    """All controls that stand on cx-controls, each once. What does not decode is left to the workers, which dead-letter it."""
    reading, found = codec(settings, writes=()), {}
    for message in read_log(settings, ["cx-controls"]):
        with contextlib.suppress(InvalidEvent):
            control = reading.decode(message.value, Control)
            found[control.control_id] = control
    return list(found.values())


def _instant(at: str) -> int:
    if at == "beginning":
        return 0
    try:
        return instant(at)
    except BadRecord as error:
        raise UserError(f"--from: {error}", "or `beginning`") from None


def _default(packs: list[Control], pack: CompiledPack, brand: str | None, now: int, *, decided: bool) -> int:
    """From the beginning as long as nothing is decided; where something is, tasks refuse what is dated before it."""
    earlier = [one for one in packs if one.brand == brand]
    if earlier:
        latest = max(earlier, key=lambda one: (one.in_force_at, one.written_at))
        if latest.pack is not None and (latest.pack.name, latest.pack.version) == (pack.name, pack.version):
            return latest.in_force_at
    elif not decided:
        return 0
    return now + AHEAD_SECONDS * 1_000_000


def _anything_came(settings: Settings) -> bool:
    with Admin(settings) as admin:
        return any(admin.end_offsets([settings.topic(topic) for topic in TOPICS]).values())
