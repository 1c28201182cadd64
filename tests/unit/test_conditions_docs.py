"""The examples of docs/conditions.md: what it shows compiles, what it says is refused is refused in those words."""

import re
from pathlib import Path

import pytest

from streams.experience.conditions import ConditionError, Place, compile_condition
from streams.experience.conditions.syntax import MAX_CHARACTERS, MAX_DEPTH
from streams.experience.environments import environments
from tests.builders import pack

PAGE = (Path(__file__).parents[2] / "docs" / "conditions.md").read_text(encoding="utf-8")
ENVIRONMENT = environments(pack("retail").file)["touchpoint"]
PLACE = Place("docs/conditions.md", 1, 1)


def block(kind: str) -> list[str]:
    found = re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    return "".join(found).splitlines()


@pytest.mark.parametrize("text", block("cel"))
def test_what_the_page_shows_compiles(text: str) -> None:
    compile_condition(text, ENVIRONMENT, PLACE)


@pytest.mark.parametrize("line", block("refused"))
def test_what_the_page_calls_refused_is_refused(line: str) -> None:
    text, _, says = line.rpartition("// ")
    with pytest.raises(ConditionError) as caught:
        compile_condition(text.rstrip(), ENVIRONMENT, PLACE)
    assert says in str(caught.value)


def test_the_limits_of_the_page_are_the_program_s() -> None:
    assert f"At most {MAX_CHARACTERS:,} characters and {MAX_DEPTH} levels" in PAGE
