"""ClickHouse's own error codes, as the engine reports them and as clients expect them."""

import re

NO_SUCH_COLUMN = (16, "NO_SUCH_COLUMN_IN_TABLE")
UNSUPPORTED = (48, "NOT_IMPLEMENTED")
LOGICAL_ERROR = (49, "LOGICAL_ERROR")
SYNTAX_ERROR = (62, "SYNTAX_ERROR")
UNKNOWN_TYPE_OF_QUERY = (78, "UNKNOWN_TYPE_OF_QUERY")
UNEXPECTED_PACKET = (101, "UNEXPECTED_PACKET_FROM_CLIENT")
UNKNOWN_PACKET = (99, "UNKNOWN_PACKET_FROM_CLIENT")
UNKNOWN_SETTING = (115, "UNKNOWN_SETTING")
TOO_LARGE = (131, "TOO_LARGE_STRING_SIZE")
READONLY = (164, "READONLY")
TOO_MANY_CONNECTIONS = (202, "TOO_MANY_SIMULTANEOUS_QUERIES")
INCORRECT_DATA = (117, "INCORRECT_DATA")
NOT_ENOUGH_SPACE = (243, "NOT_ENOUGH_SPACE")
QUERY_WAS_CANCELLED = (394, "QUERY_WAS_CANCELLED")
ACCESS_DENIED = (497, "ACCESS_DENIED")
AUTHENTICATION_FAILED = (516, "AUTHENTICATION_FAILED")
UNKNOWN = (1002, "UNKNOWN_EXCEPTION")

_ENGINE_TEXT = re.compile(r"Code: (\d+)\. (DB::[A-Za-z]*Exception: .*)", re.DOTALL)
_REPEATED = re.compile(r"DB::Exception: Code: \d+\. (DB::[A-Za-z]*Exception: .*)", re.DOTALL)
_SUFFIX = re.compile(r"\s*\(version [^()]*\)\.?\s*$|\s*\([A-Z][A-Z0-9_]+\)\s*$")


class ClickHouseError(Exception):
    """An error with ClickHouse's code; its message is what a client shows."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ProtocolError(ClickHouseError):
    """The client's bytes make no sense: the answer is sent and the connection closed."""


class ConnectionGone(Exception):
    """The client closed the connection, or the server is stopping."""


def error(kind: tuple[int, str], message: str) -> ClickHouseError:
    """A ClickHouseError of one of the kinds above."""
    return ClickHouseError(kind[0], f"DB::Exception: {message}")


def protocol_error(kind: tuple[int, str], message: str) -> ProtocolError:
    """A ProtocolError of one of the kinds above."""
    return ProtocolError(kind[0], f"DB::Exception: {message}")


def from_engine(text: str) -> ClickHouseError:
    """The engine's text `Code: 60. DB::Exception: … (UNKNOWN_TABLE)` as code and message, as a server would send them."""
    found = _ENGINE_TEXT.search(text)
    if found is None:
        return ClickHouseError(UNKNOWN[0], f"DB::Exception: {text}")
    code, message = found[1], _without_suffix(found[2])
    while repeated := _REPEATED.match(message):  # "DB::Exception: Code: 60. DB::Exception: …"
        message = _without_suffix(repeated[1])
    return ClickHouseError(int(code), message)


def _without_suffix(message: str) -> str:
    while (shorter := _SUFFIX.sub("", message)) != message:
        message = shorter
    return message
