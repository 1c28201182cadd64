"""Where the characters of a YAML text value stand in the file: folding, indentation and escapes undone.

Every character of the value that is not white space stands in the source in the same order, so the two are walked together.
"""

import re
from itertools import dropwhile, groupby

import yaml

Marks = tuple[tuple[int, int, int], ...]

_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r\n|.)", re.DOTALL)


def text_marks(source: str, event: yaml.ScalarEvent) -> Marks:
    """(offset in the value, line, column), from 1, wherever value and file stop running side by side; the first is the text's start."""
    written = list(_written(source, event))
    value: str = event.value
    marks: list[tuple[int, int, int]] = []
    position = 0
    expected = (-1, -1, -1)
    for character, line, column in written:
        while position < len(value) and value[position] != character and value[position].isspace():
            position += 1
        if position == len(value) or value[position] != character:
            continue  # white space of the source that folding took away
        if (position, line, column) != expected:
            marks.append((position, line, column))
        position += 1
        expected = (position, line, column + 1)
    return tuple(marks)


def _written(source: str, event: yaml.ScalarEvent) -> list[tuple[str, int, int]]:
    """The characters that the source writes, with their places; white space only where it is on one line with what is around it."""
    start, end = event.start_mark, event.end_mark
    if start is None or end is None:
        return []
    raw = source[start.index : end.index]
    offset = 0
    if event.style in ("|", ">"):
        offset = raw.find("\n") + 1 or len(raw)
    elif event.style in ("'", '"'):
        offset, raw = 1, raw[:-1]
    line, column = start.line + 1, start.column + 1 + offset
    if event.style in ("|", ">"):
        line, column = line + 1, 1
    out: list[tuple[str, int, int]] = []
    while offset < len(raw):
        length, character = _unit(raw, offset, event.style)
        out.append((character, line, column))
        newlines = raw.count("\n", offset, offset + length)
        line, column = (line + newlines, 1) if newlines else (line, column + length)
        offset += length
    return _trim(out)


def _unit(raw: str, offset: int, style: str | None) -> tuple[int, str]:
    """Length in the source and the character that it stands for ("" for none)."""
    if style == "'" and raw.startswith("''", offset):
        return 2, "'"
    if style == '"' and (escape := _ESCAPE.match(raw, offset)):
        code = escape[1]
        if code[0] in "xuU" and len(code) > 1:
            return len(escape[0]), chr(int(code[1:], 16))
        return len(escape[0]), _NAMED.get(code, "")
    return 1, raw[offset]


_NAMED = {
    **{"0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r", "e": "\x1b"},
    **{" ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029"},
}


def _trim(written: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Without the white space at the start and end of lines: folding and indentation decide about that."""
    kept: list[tuple[str, int, int]] = []
    for _, units in groupby(written, key=lambda unit: unit[1]):
        line = list(dropwhile(_blank, units))
        while line and _blank(line[-1]):
            line.pop()
        kept += [unit for unit in line if unit[0]]
    return kept


def _blank(unit: tuple[str, int, int]) -> bool:
    return not unit[0] or unit[0].isspace()
