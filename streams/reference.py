"""The reference pages that the program writes about itself: docs/settings.md, docs/cli.md, docs/schemas.md, docs/metrics.md, .env.example,
and the JSON Schema of packs.

`python -m streams.reference` (`make docs`) writes them anew; a test fails while they are not current.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo

import schemas.reference
from streams import packs_schema, reference_metrics
from streams.settings import PREFIX, Settings

ROOT: Final = Path(__file__).parent.parent
_AREAS: Final = {
    "kafka": "Kafka",
    "registry": "Schema registry",
    "clickhouse": "ClickHouse",
    "worker": "Worker",
    "core": "The core",
    "sink": "Sink",
    "console": "Console",
    "metrics": "Observability",
    "log": "Observability",
    "local": "Local stack",
}
_NUMBERS: Final = {int: "whole number", float: "number", bool: "true or false", Path: "path"}
_AS_IT_IS: Final = "\b"  # before a paragraph of examples, each below a line that says what it does
_LIMITS: Final = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}

_SETTINGS_HEAD = f"""# Settings

Written by `make docs` from `streams/settings.py`.

Every setting is an environment variable; an unknown name that begins with `{PREFIX}` stops the command. A variable with
`_FILE` at its end names a file that holds the value, for secrets: `TOUCHSTONE_CLICKHOUSE_PASSWORD_FILE=/run/secrets/clickhouse`.
`touchstone doctor` shows what is in force and where it comes from.
"""

_ENVIRONMENT_HEAD = """# Settings of Touchstone with their defaults. Written by `make docs` from streams/settings.py.
# Take a copy, uncomment what you change, and load it: set -a; . ./.env; set +a
"""

_COMMANDS_HEAD = """# Command line

Written by `make docs` from the commands themselves. Settings come from the environment: [settings.md](settings.md).

Results go to stdout, everything else (progress, logs, errors) to stderr. `--json` gives results for machines: one document, or
one line a message. An error says what is wrong, where, and what to do.

| exit code | meaning |
|---|---|
| 0 | ok |
| 1 | the command worked and the answer is no: rows were refused, a check failed, a comparison differs |
| 2 | a wrong argument, file or setting |
| 3 | something that the command needs does not answer |
| 130 | interrupted by Ctrl-C |
"""


def pages() -> dict[Path, str]:
    """Path in the repository → text."""
    return {
        Path("docs/settings.md"): settings_page(),
        Path("docs/cli.md"): commands_page(),
        Path("docs/schemas.md"): schemas.reference.page(),
        Path("docs/metrics.md"): reference_metrics.page(),
        Path(".env.example"): environment_example(),
        Path("streams/packs") / packs_schema.FILE: packs_schema.text(),
    }


def settings_page() -> str:
    """Every setting by area: name, default, what it takes, meaning."""
    parts = [_SETTINGS_HEAD]
    for area in dict.fromkeys(_AREAS.values()):
        rows = [
            f"| `{PREFIX}{field.upper()}` | {_default(info)} | {_kind(info)} | {_cell(str(info.description))} |"
            for field, info in _fields(area)
        ]
        parts.append(
            "\n".join([f"## {area}", "", "| name | default | takes | meaning |", "|---|---|---|---|", *rows, ""])
        )
    return "\n".join(parts)


def environment_example() -> str:
    """Every setting, commented out, with its default."""
    parts = [_ENVIRONMENT_HEAD]
    for area in dict.fromkeys(_AREAS.values()):
        lines = [f"# {info.description}\n#{PREFIX}{field.upper()}={_value(info)}" for field, info in _fields(area)]
        parts.append("\n".join([f"# --- {area} ---", *lines, ""]))
    return "\n".join(parts)


def commands_page() -> str:
    """Every command: what it does, an example, its arguments and options."""
    return "\n".join([_COMMANDS_HEAD, *(_command(path, command) for path, command in commands())])


def commands() -> Iterator[tuple[str, Any]]:
    """`touchstone send`, `touchstone topics create`, … in the order of `touchstone --help`."""
    from streams.cli import app

    root: Any = typer.main.get_command(app)
    yield from _walk("touchstone", root)


def _walk(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, child in inner.items():
        yield from _walk(f"{path} {name}", child)


def _command(path: str, command: Any) -> str:
    text, examples = _split(command.help or "")
    lines = [f"## `{path}`", "", *text]
    if examples:
        lines += ["```", *examples, "```", ""]
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    if shown:
        rows = [f"| {_names(parameter)} | {_cell(getattr(parameter, 'help', None) or '')} |" for parameter in shown]
        lines += ["| argument or option | meaning |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def _split(text: str) -> tuple[list[str], list[str]]:
    """Paragraphs, each followed by an empty line; and the example lines."""
    paragraphs: list[str] = []
    examples: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        if paragraph.startswith(_AS_IT_IS):
            lines = paragraph.removeprefix(_AS_IT_IS).strip("\n").splitlines()
            examples += [line.strip() if line.startswith(" ") else f"# {line}" for line in lines]
            continue
        one = " ".join(paragraph.split())
        if one.startswith("Example: "):
            examples.append(one.removeprefix("Example: "))
        else:
            paragraphs += [one, ""]
    return paragraphs, examples


def _names(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{(parameter.metavar or parameter.name or '').upper()}`"
    takes = "" if parameter.is_flag else " …"
    default = parameter.default
    told = f", default {default}" if isinstance(default, int | float | str) and not isinstance(default, bool) else ""
    return f"`{', '.join([*parameter.opts, *parameter.secondary_opts])}{takes}`{told}"


def _fields(area: str) -> list[tuple[str, FieldInfo]]:
    return [(field, info) for field, info in Settings.model_fields.items() if _AREAS[field.partition("_")[0]] == area]


def _value(info: FieldInfo) -> str:
    value = info.default
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return "" if value is None else str(value)


def _default(info: FieldInfo) -> str:
    return f"`{_value(info)}`" if _value(info) else "empty"


def _kind(info: FieldInfo) -> str:
    annotation: Any = info.annotation
    options = [one for one in get_args(annotation) if one is not type(None)]
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{option}`" for option in options)
    base = options[0] if options else annotation
    limits = [
        f"{sign} {getattr(one, name)}" for one in info.metadata for name, sign in _LIMITS.items() if hasattr(one, name)
    ]
    return ", ".join([_NUMBERS.get(base, "secret" if base is SecretStr else "text"), *limits])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    for page, content in pages().items():
        (ROOT / page).parent.mkdir(exist_ok=True)
        (ROOT / page).write_text(content, encoding="utf-8")
        sys.stdout.write(f"wrote {page}\n")
