"""SQL text → its statements. Knows strings, quoted names, comments and heredocs; a semicolon inside one ends nothing.

Only statements that may be run any number of times are let through: migrations are repeated after a crash, or run by two at once.
"""

import re
from typing import Final

_TOKEN: Final = re.compile(
    r"""
      (?P<comment> --[^\n]* | \#[ !][^\n]* | /\*.*?\*/ )
    | (?P<quoted> '(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `(?:[^`\\]|\\.|``)*` | (?P<tag>\$\w*\$).*?(?P=tag) )
    | (?P<unclosed> ['"`] | /\* )
    | (?P<end> ; )
    | (?P<space> \s+ )
    | (?P<other> [^\s;'"`$/\-\#]+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)

_REPEATABLE: Final = re.compile(
    r"""
      CREATE \s (?: TABLE | MATERIALIZED\ VIEW | DATABASE ) \s IF\ NOT\ EXISTS \s
    | CREATE \s OR\ REPLACE \s (?: VIEW | FUNCTION | DICTIONARY ) \s
    | DROP \s (?: TABLE | VIEW | DICTIONARY | FUNCTION ) \s IF\ EXISTS \s
    | ALTER \s TABLE \s \S+ \s (?:
          ADD\ (?: COLUMN | INDEX | PROJECTION | CONSTRAINT )\ IF\ NOT\ EXISTS
        | DROP\ (?: COLUMN | INDEX | PROJECTION | CONSTRAINT )\ IF\ EXISTS
        | MODIFY\ (?: COLUMN | COMMENT | TTL | SETTING | QUERY | ORDER\ BY )
        | COMMENT\ COLUMN\ IF\ EXISTS
      ) \b
    """,
    re.VERBOSE | re.IGNORECASE,
)


def split(text: str) -> list[str]:
    """The statements of an SQL text, without comments around and inside them. Raises ValueError with the line."""
    statements: list[str] = []
    parts: list[str] = []
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "unclosed":
            line = text.count("\n", 0, match.start()) + 1
            raise ValueError(f"line {line}: {match.group()} is never closed")
        if match.lastgroup == "end":
            statements.append("".join(parts).strip())
            parts = []
        else:
            parts.append(" " if match.lastgroup == "comment" else match.group())
    statements.append("".join(parts).strip())
    return [statement for statement in statements if statement]


def is_repeatable(statement: str) -> bool:
    """Does running it twice, or twice at once, end as running it once?"""
    return _REPEATABLE.match(" ".join(statement.split()) + " ") is not None
