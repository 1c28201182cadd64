"""Who may import whom: schemas know nobody, the engine nothing of customers, the decisions nothing of Kafka, clocks or chance."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
OURS = ("schemas", "streams", "sinks", "deploy")
RECORDS = ("schemas.events", "schemas.decisions", "schemas.controls")


def imports(folder: str) -> Iterator[tuple[str, str]]:
    """(file, imported module) of every import in a folder, those inside functions and for types too."""
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((str(path.relative_to(ROOT)), alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: a relative import"
                yield str(path.relative_to(ROOT)), node.module or ""


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize(
    ("folder", "forbidden", "allowed"),
    [
        ("schemas", OURS[1:], ()),
        ("streams/engine", ("streams.experience", "streams.packs", "sinks", "deploy", *RECORDS), ()),
        (
            "streams/experience",
            ("streams.engine", "sinks", "deploy", "kafka", "aiokafka", "faust", "time", "random", "socket", "os"),
            ("streams.engine.job",),
        ),
        ("sinks", ("streams.experience", "deploy"), ()),
    ],
)
def test_arrows(folder: str, forbidden: tuple[str, ...], allowed: tuple[str, ...]) -> None:
    wrong = {
        (file, module) for file, module in imports(folder) if within(module, forbidden) and not within(module, allowed)
    }
    assert wrong == set()
