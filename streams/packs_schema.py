"""The JSON Schema of a pack's file, made from the structs of `experience/pack.py`: completion and hints in editors.

It is a help while writing; `touchstone packs check` judges. A pack with a parent may leave out anything and remove by null, so
nothing below the top is required. Descriptions are the comments beside the fields.
"""

import inspect
import re
from typing import Any, Final

import msgspec

from streams.experience import pack as shape
from streams.experience import pack_insights
from streams.experience.pack_inherit import INHERITS

FILE: Final = "pack.schema.json"
_NAMES: Final = "^[a-z][a-z0-9_]{0,63}$"
_FIELD: Final = re.compile(r"^    (\w+): .*?#\s*(.+)$", re.MULTILINE)

Json = dict[str, Any]


def schema() -> Json:
    """The whole schema."""
    _, parts = msgspec.json.schema_components([shape.PackFile], ref_template="#/$defs/{name}")
    root = parts.pop("PackFile")
    structs = {name: part for name, part in {**vars(pack_insights), **vars(shape)}.items() if inspect.isclass(part)}
    for name, part in (*parts.items(), ("PackFile", root)):
        _describe(part, structs[name])
    required = [name for name in root.pop("required") if name not in ("pack", "description")]
    root["properties"] = {
        "pack": root["properties"]["pack"],
        INHERITS: {
            "type": "string",
            "pattern": _NAMES,
            "description": "pack from which all is taken that is not said here",
        },
        **root["properties"],
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A pack of Touchstone",
        **{key: value for key, value in root.items() if key != "title"},
        "required": ["pack", "description"],
        "if": {"not": {"required": [INHERITS]}},
        "then": {"required": required},
        "$defs": parts,
    }


def _describe(part: Json, struct: type) -> None:
    """Descriptions of the fields; null allowed everywhere, because it removes what a parent has."""
    if struct is not shape.PackFile:
        part.pop("required", None)
    comments = dict(_FIELD.findall(inspect.getsource(struct)))
    for name, field in part["properties"].items():
        if name in comments:
            field["description"] = comments[name]
        if name not in ("pack", "description"):
            part["properties"][name] = _removable(field)


def _removable(field: Json) -> Json:
    """Null besides what the field takes. Where it can be said by `type`, editors tell the place of an error better."""
    entries = field.get("additionalProperties")
    if isinstance(entries, dict):
        field["additionalProperties"] = _removable(entries)
    if isinstance(items := field.get("items"), dict) and "prefixItems" in items:  # of a later draft than ours
        items["items"], items["additionalItems"] = items.pop("prefixItems"), False
    if isinstance(field.get("type"), str):
        field["type"] = [field["type"], "null"]
    elif "enum" in field:
        field["enum"] = [*field["enum"], None]
    elif "anyOf" not in field:
        field["anyOf"] = [{"$ref": field.pop("$ref")}, {"type": "null"}]
    elif {"type": "null"} not in field["anyOf"]:
        field["anyOf"].append({"type": "null"})
    return field


def text() -> str:
    """As it stands in the file."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=1).decode() + "\n"
