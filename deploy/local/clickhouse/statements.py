"""What a statement needs from the server around the engine: an INSERT's table and columns, a FORMAT to drop, what to refuse.

Only words, quotes and brackets are looked at; the engine does the parsing.
"""

import itertools
import re
from dataclasses import dataclass

from .errors import ACCESS_DENIED, UNKNOWN_TYPE_OF_QUERY, UNSUPPORTED, error

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|\#[!\ ][^\n]*|/\*.*?\*/)
      | (?P<string>'(?:[^'\\]|\\.|'')*')
      | (?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
      | (?P<heredoc>\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
      | (?P<word>\w+)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
# Functions and engines that reach the machine's files and programs, or this process: no server grants them like this.
_OUTSIDE = {"file", "filecluster", "executable", "executablepool", "python", "sqlite", "filesystem"}
_BEFORE_A_TABLE_NAME = {"TABLE", "INTO", "EXISTS"}


_SELECT = {"SELECT", "WITH", "FROM"}  # first words of a query


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    start: int
    end: int
    depth: int

    @property
    def word(self) -> str:
        """Upper case for bare words, otherwise empty."""
        return self.text.upper() if self.kind == "word" else ""


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT whose rows come as blocks."""

    table: str  # as written: a name or a FUNCTION call
    columns: str  # as written between the brackets; empty: all
    settings: str  # as written: `SETTINGS …` or empty

    @property
    def head(self) -> str:
        """`INSERT INTO t (a, b)`"""
        return f"INSERT INTO {self.table} ({self.columns})" if self.columns else f"INSERT INTO {self.table}"


@dataclass(frozen=True, slots=True)
class Statement:
    text: str  # what the engine is given: no trailing `;`, no FORMAT
    first_word: str
    insert: Insert | None = None
    needs_totals: bool = False  # WITH TOTALS, or extremes asked for

    @property
    def is_select(self) -> bool:
        return self.first_word in _SELECT


def tokens_of(text: str) -> list[Token]:
    """Tokens without white space and comments."""
    tokens, depth = [], 0
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        kind = "heredoc" if kind == "tag" else kind
        if kind == "space":
            continue
        symbol = match[0]
        depth -= symbol in (")", "]") and kind == "other"
        tokens.append(Token(kind, symbol, match.start(), match.end(), depth))
        depth += symbol in ("(", "[") and kind == "other"
    return tokens


def understand(text: str) -> Statement:
    """Raises ClickHouseError for what a server would not do over this protocol."""
    tokens = tokens_of(text)
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    if not tokens:
        return Statement(text, "")
    _refuse(tokens)
    first = next((token.word for token in tokens if token.text != "("), "")
    insert = _insert(text, tokens) if first == "INSERT" else None
    words = [token.word for token in tokens if token.depth == 0]
    totals = ("WITH", "TOTALS") in itertools.pairwise(words) or "EXTREMES" in words
    return Statement(_without_format(text, tokens, first), first, insert, totals and first in _SELECT)


def _refuse(tokens: list[Token]) -> None:
    for previous, token, following in zip([tokens[0], *tokens], tokens, tokens[1:], strict=False):
        is_call = following.text == "(" and previous.word not in _BEFORE_A_TABLE_NAME
        if is_call and (token.word.lower() in _OUTSIDE or (token.kind == "quoted" and _may_be_outside(token.text))):
            raise error(ACCESS_DENIED, f"{token.text}: the local server reaches no files or programs of the machine")
        if token.word == "INTO" and following.word == "OUTFILE":
            raise error(UNSUPPORTED, "INTO OUTFILE is written by clickhouse-client, not by a server")
        if token.word == "FROM" and following.word == "INFILE":
            raise error(UNKNOWN_TYPE_OF_QUERY, "FROM INFILE is read by clickhouse-client, not by a server")


def _may_be_outside(quoted: str) -> bool:
    r"""Also `fi\x6ce`: no function needs an escape in its name."""
    return "\\" in quoted or quoted[1:-1].lower() in _OUTSIDE


def _without_format(text: str, tokens: list[Token], first: str) -> str:
    """Over the native protocol results are blocks whatever FORMAT says; the data of an INSERT keep theirs."""
    end = tokens[-1].end
    if first == "INSERT":
        return text[: len(text.rstrip("; \n\t"))] if text.rstrip().endswith(";") else text
    for index in range(len(tokens) - 2, 0, -1):
        token, after = tokens[index], tokens[index + 1]
        if token.depth or token.word != "FORMAT" or after.kind != "word" or tokens[index - 1].text in (",", ".", "="):
            continue
        rest = tokens[index + 2 :]
        if not rest or rest[0].word == "SETTINGS":
            return text[: token.start] + text[after.end : end]
        break
    return text[:end]


def _insert(text: str, tokens: list[Token]) -> Insert | None:
    """None when the rows are in the statement itself (SELECT, or values after VALUES or FORMAT)."""
    index = 1
    while index < len(tokens) and tokens[index].word in ("INTO", "TABLE"):
        index += 1
    start = index
    while index < len(tokens) and not _ends_table(tokens, index, start):
        index += 1
    if start >= len(tokens):
        return None
    table_end, columns = (tokens[index - 1].end if index > start else 0), ""
    if index < len(tokens) and tokens[index].text == "(":
        close = next((i for i in range(index + 1, len(tokens)) if tokens[i].text == ")" and tokens[i].depth == 0), None)
        if close is None or (index + 1 < close and tokens[index + 1].word in ("SELECT", "WITH")):
            return None
        columns = text[tokens[index].end : tokens[close].start].strip()
        index = close + 1
    settings = _settings_before_data(text, tokens, index)
    return None if settings is None else Insert(text[tokens[start].start : table_end], columns, settings)


def _ends_table(tokens: list[Token], index: int, start: int) -> bool:
    token = tokens[index]
    if token.depth:
        return False
    if token.text == "(":
        # after FUNCTION name the first bracket belongs to the call
        is_call = tokens[start].word == "FUNCTION" and tokens[index - 1].kind == "word" and index == start + 2
        return not is_call
    return index > start and token.word in ("VALUES", "FORMAT", "SELECT", "WITH", "SETTINGS", "PARTITION", "FROM")


def _settings_before_data(text: str, tokens: list[Token], index: int) -> str | None:
    """What stands between the columns and VALUES or FORMAT; None when the rows are in the statement."""
    begin = tokens[index].start if index < len(tokens) else len(text)
    for position in range(index, len(tokens)):
        token, left = tokens[position], len(tokens) - position - 1
        if token.depth:
            continue
        if token.word in ("SELECT", "WITH", "FROM"):
            return None
        if token.word in ("VALUES", "FORMAT"):
            return text[begin : token.start].strip() if left == (token.word == "FORMAT") else None
    return text[begin : tokens[-1].end].strip()
