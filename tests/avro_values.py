"""Values for Avro schemas: Hypothesis strategies of our records, and seeded random data for any schema.

`plain` gives the schema that fastavro takes for the same bytes: instants as integers, amounts as bytes.
"""

import copy
import random
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st

from schemas.codec import STRUCT_OF
from schemas.shapes import Names, bare, named_types, resolved

TEXT = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(
    ["", "客服一直打不通，太失望了", "x" * 63, "é" * 32, "长" * 3000]
)
LONGS = (
    st.integers(-(2**63), 2**63 - 1) | st.integers(1_000_000_000_000_000, 2_000_000_000_000_000) | st.integers(-70, 70)
)
AMOUNTS = st.integers(-(10**18) + 1, 10**18 - 1).map(lambda digits: Decimal(digits).scaleb(-4))


def struct_of(name: str) -> type[msgspec.Struct]:
    """The struct for a record's name in a schema file."""
    return STRUCT_OF[bare(name)]


def record_strategy(document: Any) -> st.SearchStrategy[msgspec.Struct]:
    """Every value that a schema of ours allows, NaN apart (it equals nothing)."""
    return _strategy(document, named_types(document))


def _strategy(node: Any, names: Names) -> st.SearchStrategy[Any]:
    node = resolved(node, names)
    if isinstance(node, list):
        return st.one_of([_strategy(branch, names) for branch in node])
    kind = node["type"]
    if kind == "record":
        fields = {field["name"]: _strategy(field["type"], names) for field in node["fields"]}
        return st.builds(struct_of(node["name"]), **fields)
    if kind == "array":
        return st.lists(_strategy(node["items"], names), max_size=3)
    if kind == "map":
        return st.dictionaries(TEXT, _strategy(node["values"], names), max_size=3)
    if kind == "enum":
        return st.sampled_from(node["symbols"])
    simple: dict[str, st.SearchStrategy[Any]] = {
        "null": st.none(),
        "string": TEXT,
        "long": LONGS,
        "int": st.integers(-(2**31), 2**31 - 1),
        "double": st.floats(allow_nan=False),
        "boolean": st.booleans(),
        "bytes": AMOUNTS,
    }
    return simple[kind]


def plain(node: Any) -> Any:
    """A schema without logical types."""
    if isinstance(node, list):
        return [plain(item) for item in node]
    if isinstance(node, dict):
        return {key: plain(value) for key, value in node.items() if key not in ("logicalType", "precision", "scale")}
    return node


def plain_datum(value: Any) -> Any:
    """What fastavro writes and reads for a value of ours with a plain schema."""
    if isinstance(value, msgspec.Struct):
        return {field: plain_datum(getattr(value, field)) for field in value.__struct_fields__}
    if isinstance(value, Decimal):
        number = int(value.scaleb(4))
        return number.to_bytes((number + (number < 0)).bit_length() // 8 + 1, "big", signed=True)
    if isinstance(value, list):
        return [plain_datum(item) for item in value]
    return value


def random_datum(node: Any, names: Names, rng: random.Random) -> Any:
    """Random data for any schema, as fastavro takes it. A union's branch is chosen by a (type name, value) pair."""
    node = resolved(node, names)
    if isinstance(node, list):
        branch = resolved(rng.choice(node), names)
        if branch["type"] == "null":
            return None
        name = f"touchstone.{branch['name']}" if "name" in branch else branch["type"]
        return (name, random_datum(branch, names, rng))
    kind = node["type"]
    if kind == "record":
        return {field["name"]: random_datum(field["type"], names, rng) for field in node["fields"]}
    if kind == "array":
        return [random_datum(node["items"], names, rng) for _ in range(rng.choice((0, 1, 3, 70)))]
    if kind == "map":
        return {str(index): random_datum(node["values"], names, rng) for index in range(rng.choice((0, 1, 3)))}
    if kind == "enum":
        return rng.choice(node["symbols"])
    if kind == "fixed":
        return rng.randbytes(node["size"])
    return {
        "null": lambda: None,
        "string": lambda: rng.choice(("", "checkout", "退货", "x" * 100)),
        "bytes": lambda: rng.randbytes(rng.choice((1, 3, 8))),
        "int": lambda: rng.randrange(-(2**31), 2**31),
        "long": lambda: rng.choice((0, -1, 1_770_000_000_000_000, rng.randrange(-(2**63), 2**63))),
        "float": lambda: float(rng.randrange(1000)),
        "double": lambda: rng.random(),
        "boolean": lambda: rng.random() < 0.5,
    }[kind]()


def variant(document: Any, rng: random.Random) -> Any:
    """A random schema that can be read as this one: fields left out, moved, added, made nullable the other way round."""
    schema = copy.deepcopy(plain(document))
    kept = [item for item in schema["fields"] if "default" not in item or rng.random() < 0.7]
    for item in kept:
        if isinstance(item["type"], list) and rng.random() < 0.3:
            item["type"].reverse()
        if item["type"] in ("double", "long") and rng.random() < 0.3:
            item["type"] = "int"
    extra = rng.choice(("string", "float", ["int", "null", "string"], {"type": "array", "items": ["null", "double"]}))
    kept.insert(rng.randrange(len(kept)), {"name": "extra", "type": extra})
    if rng.random() < 0.5:
        rng.shuffle(kept)
    redefined(kept, schema)
    return schema | {"fields": kept}


def redefined(kept: list[Any], schema: Any) -> None:
    """Write each named type out where it is now used first."""
    names = named_types(schema)
    seen: set[str] = set()

    def walk(node: Any) -> Any:
        if isinstance(node, str):
            return walk(names[node]) if node in names and node not in seen else node
        if isinstance(node, list):
            return [walk(item) for item in node]
        if node.get("name") in seen:
            return node["name"]
        if "name" in node:
            seen.add(node["name"])
        inner = {key: walk(node[key]) for key in ("items", "values") if key in node}
        if "fields" in node:
            inner["fields"] = [item | {"type": walk(item["type"])} for item in node["fields"]]
        return {**node, **inner}

    for item in kept:
        item["type"] = walk(item["type"])
        item.pop("default", None)
