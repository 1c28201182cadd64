"""Needs, initiatives and their rounds out of a YAML or JSON file (JSON is YAML, too), every error with its line."""

from pathlib import Path
from typing import Final

import msgspec

from streams.errors import ExitCode, UserError
from streams.experience.pack_shape import problems
from streams.experience.place import Place, PlacedError
from streams.experience.rounds import Rounds, check
from streams.experience.yaml_places import Path as Within
from streams.experience.yaml_places import Places, load

SUFFIX: Final = ".rounds.yaml"


def beside(pack: Path) -> Path | None:
    """`mine.rounds.yaml` beside `mine.yaml`, if it is there."""
    path = pack.with_name(pack.stem + SUFFIX)
    return path if path.is_file() else None


def read_rounds(file: Path) -> Rounds:
    """Raises UserError with every error and its line."""
    try:
        data, places = load(file.read_text(encoding="utf-8-sig"), str(file))
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}", "name a file with rounds: docs/gap.md") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8: {error.reason} at byte {error.start}", "save it as UTF-8") from None
    except PlacedError as error:
        raise _refused([str(error)]) from None
    errors = [f"{_place(places, path, file)}: {what}" for path, what in problems(data, Rounds)]
    if errors:
        raise _refused(errors)
    rounds = msgspec.convert(data, Rounds)
    errors = [f"{_place(places, path, file)}: {what}" for path, what in check(rounds)]
    if errors:
        raise _refused(errors)
    return rounds


def _refused(errors: list[str]) -> UserError:
    return UserError(
        "\n".join(errors), f"{len(errors)} error(s); docs/gap.md says what such a file holds", exit_code=ExitCode.NO
    )


def _place(places: Places, path: Within, file: Path) -> Place:
    while path and path not in places:
        path = path[:-1]
    return places.keys_at.get(path) or places.get(path, Place(str(file), 1, 1))
