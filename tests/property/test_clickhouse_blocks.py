"""Blocks of the local ClickHouse server: their end is found exactly as clickhouse-driver writes them; other bytes end in a typed error."""

import contextlib
import datetime as dt
import decimal
import uuid
from typing import Any

from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.bufferedwriter import CompressedBufferedWriter
from clickhouse_driver.connection import ServerInfo
from clickhouse_driver.context import Context
from clickhouse_driver.streams.native import BlockOutputStream
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deploy.local.clickhouse.blocks import header_body, read_block, read_body, retyped
from deploy.local.clickhouse.errors import ClickHouseError, ConnectionGone
from deploy.local.clickhouse.packets import REVISION, read_hello, read_query
from deploy.local.clickhouse.wire import Reader

Typed = tuple[str, st.SearchStrategy[Any]]

TEXT = st.text(max_size=300)
SCALARS: list[Typed] = [
    ("UInt8", st.integers(0, 255)),
    ("Int64", st.integers(-(2**63), 2**63 - 1)),
    ("UInt256", st.integers(0, 2**256 - 1)),
    ("Float64", st.floats()),
    ("Bool", st.booleans()),
    ("String", TEXT),
    ("FixedString(3)", st.text("abc", max_size=3)),
    ("Date", st.dates(dt.date(1970, 1, 1), dt.date(2149, 6, 6))),
    ("DateTime('UTC')", st.integers(0, 2**32 - 1)),
    ("DateTime64(6, 'Asia/Shanghai')", st.integers(0, 2**40)),
    ("Decimal(9, 2)", st.integers(-9999, 9999).map(decimal.Decimal)),
    ("Decimal(38, 4)", st.integers(-9999, 9999).map(decimal.Decimal)),
    ("Enum8('a' = 1, 'b' = 2)", st.sampled_from([1, 2])),
    ("UUID", st.uuids()),
]


def compound(inner: Typed) -> list[Typed]:
    name, values = inner
    key = st.dictionaries(st.text(max_size=5), values, max_size=3)
    return [
        (f"Array({name})", st.lists(values, max_size=4)),
        (f"Tuple(String, {name})", st.tuples(TEXT, values)),
        (f"Tuple(a {name}, `b c` UInt8)", st.tuples(values, st.integers(0, 255))),
        *(
            [] if "," in name else [(f"Map(String, {name})", key)]
        ),  # clickhouse-driver cannot read `Map(String, Tuple(…))`
    ]


LEAVES = [
    *SCALARS,
    *((f"Nullable({name})", st.none() | values) for name, values in SCALARS),
    ("LowCardinality(String)", TEXT),
]
# Not inside others: for no values at all clickhouse-driver writes a dictionary there, which no server expects.
NESTED = [*LEAVES, ("LowCardinality(Nullable(String))", st.none() | TEXT)]
NESTED += [outer for leaf in LEAVES for outer in compound(leaf)]
NESTED += [outer for inner in compound(("LowCardinality(String)", TEXT)) for outer in compound(inner)]


@st.composite
def blocks(draw: st.DrawFn) -> tuple[list[tuple[str, str]], list[list[Any]]]:
    """(columns, values of each column)."""
    types = draw(st.lists(st.sampled_from(NESTED), min_size=1, max_size=5))
    rows = draw(st.integers(1, 5))
    columns = [(f"c{number}", name) for number, (name, _) in enumerate(types)]
    return columns, [draw(st.lists(values, min_size=rows, max_size=rows)) for _, values in types]


class Collected:
    """Stands where clickhouse-driver puts a compressor: keeps what is written."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, piece: bytes) -> None:
        self.data += bytes(piece)


def encoded(columns: list[tuple[str, str]], values: list[list[Any]]) -> bytes:
    """A block as clickhouse-driver sends it."""
    context = Context()
    context.server_info = ServerInfo("ClickHouse", 26, 9, 0, REVISION, "UTC", "", REVISION)
    context.settings = {}
    context.client_settings = {"use_numpy": False, "strings_encoding": "utf-8", "strings_as_bytes": False}
    collected = Collected()
    BlockOutputStream(CompressedBufferedWriter(collected, 1024), context).write(ColumnOrientedBlock(columns, values))
    return collected.data


@settings(deadline=None)
@given(blocks(), st.binary(max_size=20))
def test_the_end_of_a_block(block: tuple[list[tuple[str, str]], list[list[Any]]], after: bytes) -> None:
    data = encoded(*block)
    reader = Reader(None, data + after)
    found = read_block(reader)
    assert (found.rows, found.columns) == (len(block[1][0]), block[0])
    assert data.endswith(found.body)
    assert bytes(reader.buffer[reader.position :]) == after


@settings(deadline=None)
@given(blocks(), st.data())
def test_a_block_cut_short(block: tuple[list[tuple[str, str]], list[list[Any]]], data: st.DataObject) -> None:
    whole = encoded(*block)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with contextlib.suppress(ConnectionGone):
        read_block(Reader(None, whole[:cut]))
        raise AssertionError("a block that has not come whole was taken")


@settings(deadline=None)
@given(blocks(), st.data())
def test_a_damaged_block(block: tuple[list[tuple[str, str]], list[list[Any]]], data: st.DataObject) -> None:
    """Taken as some other block, or refused with an error of the protocol: nothing else."""
    damaged = bytearray(encoded(*block))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ConnectionGone, ClickHouseError):
        read_block(Reader(None, bytes(damaged)))


@settings(deadline=None)
@given(st.binary(max_size=2000))
@example(b"\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x01a\x05UInt8")  # claims 2**62 rows
@example(b"\x01\x02\x01a\x06String\xff\xff\xff\xff\xff\xff\xff\xff\x7f")  # a string of 2**62 bytes
@example(b"\xff\xff\xff\xff\x0f\x01")  # billions of columns
@example(b"\x01\x01\x01a\x04JSON\x05garbage")
@example(b"\x01\x01\x01a" + b"\xd0\x0f" + b"Array(" * 333 + b"A(")
def test_any_bytes(data: bytes) -> None:
    for read in (read_block, read_body, read_hello, lambda reader: read_query(reader, REVISION)):
        with contextlib.suppress(ConnectionGone, ClickHouseError):
            read(Reader(None, data))


@settings(deadline=None)
@given(blocks())
def test_other_names_and_types(block: tuple[list[tuple[str, str]], list[list[Any]]]) -> None:
    body = read_block(Reader(None, encoded(*block))).body
    wanted = [(f"renamed {name}", type_name) for name, type_name in block[0]]
    changed = read_body(Reader(None, retyped(body, wanted)))
    assert changed.columns == wanted
    assert retyped(changed.body, block[0]) == body


def test_a_header_is_a_block() -> None:
    columns = [("a", "UInt8"), ("名", "String"), (str(uuid.uuid4()), "Array(String)")]
    assert read_body(Reader(None, header_body(columns))).columns == columns
