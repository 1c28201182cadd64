"""Texts with {parameters}: filled in without ever evaluating anything. Instants as the clock on the wall shows them."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_PARAMETER = re.compile(r"\{([a-z_]+)\}")


def named(text: str) -> list[str]:
    """The parameters that a text names."""
    return _PARAMETER.findall(text)


def fill(text: str, parameters: Mapping[str, str]) -> str:
    """The text with its parameters; an unknown one stays as it is."""
    return _PARAMETER.sub(lambda match: parameters.get(match[1], match[0]), text)


def local(at: int, zone: str) -> str:
    """An instant (µs) for people in a time zone (IANA), to the minute and not too late: "2026-03-07 18:00 (Asia/Shanghai)"."""
    return f"{datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"
