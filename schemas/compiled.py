"""Source code for one schema, compiled once: what decoder.py and encoder.py share.

Only numbers, our own field names and fixed text stand in the source; symbols and structs are passed in as objects.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

# File name of a compiled function → the field at each of its lines, for error messages.
_FIELDS: Final[dict[str, list[str]]] = {}


class Source:
    """Lines of one function, each with the field that it is about."""

    def __init__(self, name: str, head: str, objects: dict[str, Any]) -> None:
        self._name = name
        self._lines = [head]
        self._fields = [""]
        self._field = ""
        self._indent = 1
        self._objects = dict(objects)
        self._variables = 0

    def about(self, field: str) -> None:
        """The lines from here on are about this field."""
        self._field = field

    def add(self, *lines: str) -> None:
        """Lines at the present depth."""
        self._lines += ["    " * self._indent + line for line in lines]
        self._fields += [self._field] * len(lines)

    def inside(self, head: str) -> "Source":
        """`with source.inside("if x:"):` puts what is added one level deeper."""
        self.add(head)
        return self

    def __enter__(self) -> None:
        self._indent += 1

    def __exit__(self, *_: object) -> None:
        self._indent -= 1

    def variable(self) -> str:
        """A name that is not used yet."""
        self._variables += 1
        return f"v{self._variables}"

    def object(self, value: Any) -> str:
        """A name under which the code finds a Python object."""
        name = f"o{len(self._objects)}"
        self._objects[name] = value
        return name

    def compile(self, function: str) -> Callable[..., Any]:
        """The finished function."""
        file = f"<avro {self._name} {len(_FIELDS)}>"
        _FIELDS[file] = self._fields
        code = compile("\n".join(self._lines), file, "exec")
        exec(code, self._objects)  # noqa: S102 - made above of numbers, our own field names and fixed text
        made: Callable[..., Any] = self._objects[function]
        return made


def failed_field(traceback: TracebackType | None) -> str:
    """Path of the field at which compiled code failed, `?` when it failed outside of one."""
    path = []
    while traceback is not None:
        fields = _FIELDS.get(traceback.tb_frame.f_code.co_filename)
        if fields is not None and fields[traceback.tb_lineno - 1]:
            path.append(fields[traceback.tb_lineno - 1])
        traceback = traceback.tb_next
    return ".".join(path) or "?"
