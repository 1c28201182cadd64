"""Texts with {parameters}: filled in without ever evaluating anything."""

import re
from collections.abc import Mapping

_PARAMETER = re.compile(r"\{([a-z_]+)\}")


def named(text: str) -> list[str]:
    """The parameters that a text names."""
    return _PARAMETER.findall(text)


def fill(text: str, parameters: Mapping[str, str]) -> str:
    """The text with its parameters; an unknown one stays as it is."""
    return _PARAMETER.sub(lambda match: parameters.get(match[1], match[0]), text)
