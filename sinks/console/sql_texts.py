"""The console's queries: the files under `sql/` by name. A line `-- include NAME` stands for the text of `sql/parts/NAME.sql`."""

import re
from pathlib import Path
from textwrap import indent
from typing import Final

_FOLDER: Final = Path(__file__).parent / "sql"
_INCLUDE: Final = re.compile(r"^( *)-- include (\w+)$", re.MULTILINE)


def sql_texts() -> dict[str, str]:
    """Name → text, without the semicolon at its end."""
    return {path.stem: _INCLUDE.sub(_part, _read(path)) for path in _FOLDER.glob("*.sql")}


def _part(include: re.Match[str]) -> str:
    return indent(_read(_FOLDER / "parts" / f"{include[2]}.sql"), include[1])


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").rstrip().removesuffix(";")
