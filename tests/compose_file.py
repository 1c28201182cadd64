"""docker-compose.yml as the tests read it: services, and their commands, environments and health checks for a machine without Docker."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
_VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::(?P<kind>[?-])(?P<rest>[^}]*))?\}")


def interpolated(text: str, variables: dict[str, str]) -> str:
    """`${NAME:?why}` and `${NAME:-default}` as compose fills them in. Raises KeyError for a required one that is missing."""

    def value(found: re.Match[str]) -> str:
        if variables.get(found[1]):
            return variables[found[1]]
        if found["kind"] == "-":
            return str(found["rest"])
        raise KeyError(f"{found[1]}: {found['rest']}")

    return _VARIABLE.sub(value, text)


def required() -> set[str]:
    """Variables without which nothing starts."""
    return {found[1] for found in _VARIABLE.finditer(TEXT) if found["kind"] == "?"}


def environment(service: str, variables: dict[str, str]) -> dict[str, str]:
    """What the container sees of the file."""
    given: dict[str, str] = SERVICES[service]["environment"]
    return {name: interpolated(value, variables) for name, value in given.items()}


def seconds(duration: str) -> float:
    """`75s` or `2m`."""
    return float(duration[:-1]) * {"s": 1, "m": 60}[duration[-1]]
