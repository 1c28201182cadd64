"""The value of a literal, from its token's type and text. Stricter than the grammar: what it lets through by accident is refused."""

import math
import re

from streams.experience.conditions.errors import Refused

_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_SIMPLE.update({character: character for character in "\\?\"'`"})
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\?\"'`])|[xX]([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|)", re.DOTALL
)

_OPENS = re.compile(r"//|[\"']")
# Possessive: the first way is the only one.
_CLOSES = {quote: re.compile(rf"(?:\\[abfnrtv\"'\\]|[^{quote}\n])*+{quote}") for quote in "\"'"}


def check_quotes(text: str) -> None:
    """Every quote closes on its line. The grammar's own pattern would find that out in time exponential in the backslashes. Raises Refused."""
    offset = 0
    while (opens := _OPENS.search(text, offset)) is not None:
        offset = opens.end()
        if (quote := opens[0]) == "//":
            offset = text.find("\n", offset)
            if offset < 0:
                return
            continue
        if text.startswith(quote * 3, opens.start()):
            raise Refused(opens.start(), "a string in three quotes", "write one quote, and \\n for a new line")
        closes = _CLOSES[quote].match(text, offset)
        if closes is None:
            raise Refused(opens.start(), "a quote that does not close on its line", "close the quote")
        offset = closes.end()


def literal_value(kind: str, text: str) -> str | int | float | bool | None:
    """Raises ValueError "what is wrong; what to write"."""
    match kind:
        case "BOOL_LIT":
            return text == "true"
        case "NULL_LIT":
            return None
        case "INT_LIT":
            return _int(text)
        case "FLOAT_LIT":
            return _double(text)
        case "STRING_LIT":
            return _string(text)
        case "UINT_LIT":
            raise ValueError("unsigned numbers are not supported; write it without u")
        case "BYTES_LIT":
            raise ValueError("bytes are not supported; write a string, without b")
    raise ValueError(f"{kind} is not supported; see docs/conditions.md for what is")


def _int(text: str) -> int:
    value = int(text, 16) if "x" in text else int(text[:40])
    if len(text) > 40 or not -(2**63) <= value < 2**63:
        raise ValueError(
            f"the number {text[:40]} does not fit 64 bits; write a smaller one, or a double: {text[:20]}.0"
        )
    return value


def _double(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {text[:40]} is too large; write one below 1.8e308")
    return value


def _string(text: str) -> str:
    raw = text[0] in "rR"
    quote, content = text[raw], text[1 + raw : -1]
    if raw:
        if quote in content:
            raise ValueError(f"a {quote} within a raw string; use the other kind of quote around it")
        return content
    return _ESCAPE.sub(_unescape, content)


def _unescape(match: re.Match[str]) -> str:
    simple, hexadecimal, short, long, octal = match.groups()
    if simple:
        return _SIMPLE[simple]
    digits = hexadecimal or short or long
    if digits is None and octal is None:
        raise ValueError("a backslash that begins no escape; write \\\\ for a backslash, or r'...'")
    code = int(digits, 16) if digits else int(octal, 8)
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        raise ValueError(f"{match[0]} is no character; write the character itself")
    return chr(code)
