"""Puts a pack into force: a control on every partition of cx-controls, dated ahead unless it is the first one."""

import contextlib
import time
from typing import Final, NamedTuple

from schemas.json_form import BadRecord, instant, instant_text
from schemas.records import Control, PackInForce
from streams.codec import codec
from streams.connect.controls import send_control
from streams.connect.log import read_log
from streams.errors import InvalidEvent, UserError
from streams.experience.compiled import CompiledPack
from streams.experience.ids import digest
from streams.settings import Settings

AHEAD_SECONDS: Final = 60  # so that every worker has it before the first event that it judges


class Activated(NamedTuple):
    """`since`: from when, in words; `copies`: partitions that hold it."""

    since: str
    copies: int


def activate(pack: CompiledPack, settings: Settings, *, at: str | None, brand: str | None) -> Activated:
    """Raises UserError for a bad instant, Unavailable when Kafka does not answer."""
    now = time.time_ns() // 1_000
    in_force_at = _instant(at, pack, settings, brand, now)
    control = Control(
        control_id=digest("pack", pack.name, pack.version, str(in_force_at), brand or ""),
        in_force_at=in_force_at,
        written_at=now,
        brand=brand,
        pack=PackInForce(name=pack.name, version=pack.version),
    )
    copies = send_control(control, settings)
    return Activated("from the beginning" if in_force_at == 0 else f"from {instant_text(in_force_at)}", copies)


def controls(settings: Settings) -> list[Control]:
    """All controls that stand on cx-controls, each once. What does not decode is left to the workers, which dead-letter it."""
    reading, found = codec(settings, writes=()), {}
    for message in read_log(settings, ["cx-controls"]):
        with contextlib.suppress(InvalidEvent):
            control = reading.decode(message.value, Control)
            found[control.control_id] = control
    return list(found.values())


def _instant(at: str | None, pack: CompiledPack, settings: Settings, brand: str | None, now: int) -> int:
    if at == "beginning":
        return 0
    if at is not None:
        try:
            return instant(at)
        except BadRecord as error:
            raise UserError(f"--from: {error}", "or `beginning`") from None
    earlier = [one for one in controls(settings) if one.pack is not None and one.brand == brand]
    if not earlier:
        return 0
    latest = max(earlier, key=lambda one: (one.in_force_at, one.written_at))
    same = latest.pack is not None and (latest.pack.name, latest.pack.version) == (pack.name, pack.version)
    return latest.in_force_at if same else now + AHEAD_SECONDS * 1_000_000
