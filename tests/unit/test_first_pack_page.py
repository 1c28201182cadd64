"""docs/first-pack.md followed literally in an empty folder: its files, its commands, its output."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from streams.cli import app

PAGE = (Path(__file__).parents[2] / "docs" / "first-pack.md").read_text(encoding="utf-8")
HERE, FORCE = PAGE.split("## 5. Put it into force")


class Block(NamedTuple):
    """`kind`: sh, text (what the commands before it must print) or yaml, jsonl (a file)."""

    kind: str
    file: str
    body: str


def blocks() -> Iterator[Block]:
    for kind, file, body in re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```", HERE, re.MULTILINE | re.DOTALL):
        yield Block(kind, file, body)


def versions_apart(text: str) -> str:
    """Versions are hashes of the merged pack: another standard, another version, and other lines of it."""
    return re.sub(r"\(standard:\d+\)", "(standard:LINE)", re.sub(r"\b[0-9a-f]{16}\b", "VERSION", text))


def run(line: str) -> str:
    """A line of shell as the page has it: touchstone, or taking a line out of a file."""
    words = shlex.split(line)
    if words[:2] == ["sed", "-i"]:
        number, file = int(words[2].removesuffix("d")), Path(words[3])
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        file.write_text("".join(lines[: number - 1] + lines[number:]), encoding="utf-8")
        return ""
    assert words[0] == "touchstone", line
    done = CliRunner().invoke(app, words[1:])
    assert done.exit_code in (0, 1), done.output
    return done.output + (str(done.exception) if done.exception and done.exit_code == 1 else "")


def test_the_page_can_be_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    printed, shown, ran = "", 0, 0
    for block in blocks():
        if block.file:
            assert Path(block.file).exists(), "the page writes over what `packs new` made"
            Path(block.file).write_text(block.body, encoding="utf-8")
        elif block.kind == "sh":
            printed = "".join(run(line) for line in block.body.splitlines())
            ran += block.body.count("touchstone")
        else:
            assert block.kind == "text"
            for line in block.body.splitlines():
                assert versions_apart(line) in versions_apart(printed).splitlines(), line
                shown += 1
    assert (ran, shown) == (9, 12)


def test_the_error_that_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    [pack] = [block.body for block in blocks() if block.file == "clinic.yaml"]
    Path("clinic.yaml").write_text(pack.replace("expectation: 8\n", "expectation: 80\n", 1), encoding="utf-8")
    [told] = re.findall(r"^`(clinic\.yaml:\d.*?)`", HERE, re.MULTILINE)
    assert told in run("touchstone packs check clinic.yaml")


def test_the_commands_that_need_kafka_exist() -> None:
    commands = re.findall(r"^touchstone (.*?) *(?:#|$)", FORCE, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        words = shlex.split(command)
        names = [word for word in words[:2] if re.fullmatch(r"[a-z]+", word)]
        names = names[:1] if names[0] == "replay" else names
        shown = CliRunner().invoke(app, [*names, "--help"])
        assert shown.exit_code == 0
        assert all(word in shown.output for word in words if word.startswith("--"))
