"""A text in the form that is looked up: lower case, simplified characters, plain apostrophes, after Chinese characters their own
punctuation. As long as before, so that places stay places."""

import re
from functools import cache
from pathlib import Path
from typing import Final

_DATA: Final = Path(__file__).parent / "traditional.txt"
_SAME: Final = {"’": "'", "‘": "'", "`": "'", "＇": "'", "\u3000": " ", "\ufe0f": " "}

_PUNCTUATION: Final = {",": "，", "!": "！", "?": "？", ";": "；", ".": "。"}
_NARROW: Final = re.compile(r"(?<=[\u3400-\u9fff])(?:[,!?;]|\.(?![a-z0-9.]))")  # many type it as it is on the keyboard


@cache
def _table() -> dict[int, int]:
    rows = [row for row in _DATA.read_text(encoding="utf-8").splitlines() if not row.startswith("#")]
    table = {ord(pair[0]): ord(pair[1]) for row in rows for pair in zip(row[::2], row[1::2], strict=True)}
    table |= {code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
    return table | {ord(key): ord(value) for key, value in _SAME.items()}


def normal(text: str) -> str:
    """The same text to look up in; `len` stays."""
    if text.isascii():
        return text.lower().replace("`", "'")
    changed = _NARROW.sub(lambda one: _PUNCTUATION[one[0]], text.translate(_table()))
    lower = changed.lower()
    if len(lower) == len(text):
        return lower
    return "".join([one if len(one) == 1 else character for character in changed for one in (character.lower(),)])
