"""The reference pages are current, every command has an example that it understands, and every setting its default."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams import reference
from streams.cli import app
from streams.settings import PREFIX, Settings, environment_names, load

COMMANDS = dict(reference.commands())
PAGES = reference.pages()


@pytest.mark.parametrize("path", PAGES, ids=str)
def test_a_page_is_current(path: Path) -> None:
    there = (reference.ROOT / path).read_text(encoding="utf-8")
    assert there == PAGES[path], f"{path} is not what the program says now: `make docs` writes it anew"


@pytest.mark.parametrize("path", COMMANDS)
def test_help_works(path: str) -> None:
    done = CliRunner().invoke(app, [*path.split()[1:], "--help"], prog_name="touchstone")
    assert done.exit_code == 0
    assert f"Usage: {path}" in done.stdout


@pytest.mark.parametrize("path", COMMANDS)
def test_each_command_has_examples_that_it_understands(path: str) -> None:
    section = re.search(rf"^## `{re.escape(path)}`\n(.*?)(?=^## |\Z)", PAGES[Path("docs/cli.md")], re.M | re.S)
    assert section is not None
    block = re.search(r"```\n(.*?)```", section[1], re.S)
    assert block is not None, f"{path}: end its docstring with a paragraph `Example: {path} …`"
    examples = [line for line in block[1].splitlines() if not line.startswith("#")]
    assert examples
    known = {name for parameter in COMMANDS[path].params for name in (*parameter.opts, *parameter.secondary_opts)}
    for example in examples:
        words = shlex.split(example)
        while re.fullmatch(rf"{PREFIX}[A-Z_]+=.*", words[0]):
            assert words.pop(0).partition("=")[0] in environment_names()
        assert " ".join(words).startswith(path)
        assert {word for word in words if re.match(r"--?[a-z]", word)} <= known


def test_what_the_commands_say_about_settings_is_so() -> None:
    names = environment_names()
    told = set(re.findall(rf"{PREFIX}[A-Z]+(?:_[A-Z]+)+", PAGES[Path("docs/cli.md")]))
    assert told
    assert told <= set(names)


def test_the_example_environment_holds_the_defaults() -> None:
    lines = PAGES[Path(".env.example")].splitlines()
    assert all(line.startswith("#") for line in lines if line)
    given = dict(line[1:].split("=", 1) for line in lines if line.startswith(f"#{PREFIX}"))
    assert set(given) == set(environment_names())
    assert load({name: value for name, value in given.items() if value}) == Settings()


def test_every_setting_is_on_its_page() -> None:
    told = re.findall(r"^\| `(TOUCHSTONE_[A-Z_]+)` \| (.+?) \|", PAGES[Path("docs/settings.md")], re.M)
    assert sorted(name for name, _ in told) == sorted(environment_names())
    assert dict(told)["TOUCHSTONE_KAFKA_PARTITIONS"] == "`4`"
