"""Every setting with its value and where it comes from; secrets hidden."""

import os
import re
from typing import Final

import msgspec
from pydantic import SecretStr

from streams.settings import Settings, environment_names

HIDDEN: Final = "**********"
_USER_IN_URL: Final = re.compile(r"(?<=://)[^/@]*(?=@)")


class Setting(msgspec.Struct, frozen=True):
    """`source`: default, environment, or the file that a `…_FILE` variable names."""

    name: str
    value: str
    source: str
    meaning: str


def configured(settings: Settings, environment: dict[str, str] | None = None) -> list[Setting]:
    """All settings in the order of streams/settings.py."""
    env = dict(os.environ if environment is None else environment)
    names = {field: variable for variable, field in environment_names().items()}
    listed = []
    for field, info in Settings.model_fields.items():
        value = shown(getattr(settings, field))
        listed.append(Setting(names[field], value, _source(names[field], env), str(info.description)))
    return listed


def shown(value: object) -> str:
    """A setting's value as it may be seen."""
    if isinstance(value, SecretStr):
        return HIDDEN if value.get_secret_value() else ""
    return _USER_IN_URL.sub(HIDDEN, "" if value is None else str(value))


def _source(variable: str, env: dict[str, str]) -> str:
    if variable in env:
        return "environment"
    return f"file {env[f'{variable}_FILE']}" if f"{variable}_FILE" in env else "default"
