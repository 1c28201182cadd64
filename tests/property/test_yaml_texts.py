"""Any text, in every YAML style: read back as it was, and each of its characters found where the file has it."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.experience.yaml_places import LOADERS, YamlError, load

WORDS = (
    "event.x",
    "==",
    "'b'",
    '"c d"',
    "&&",
    "||",
    "# no",
    "a: b",
    "- x",
    "张三",
    "it's",
    "\\",
    "\\n",
    "%",
    "\u00e9",
    "\U0001f600",
)
GAPS = (" ", "  ", "\n", "\n\n", "\n  ", "\t")
texts = st.lists(st.sampled_from(WORDS + GAPS), min_size=1, max_size=14).map("".join)


@pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.__name__)
@pytest.mark.parametrize("style", [None, "'", '"', "|", ">"])
@settings(deadline=None)
@given(text=texts, width=st.sampled_from([12, 30, 1000]), indent=st.sampled_from([2, 4]))
def test_places_of_a_text(text: str, width: int, indent: int, style: str | None, loader: type) -> None:
    written = yaml.dump(
        {"rules": [{"when": text}]}, default_style=style, width=width, indent=indent, allow_unicode=True
    )
    text = yaml.safe_load(written)["rules"][0]["when"]  # PyYAML's folding writer does not keep every text
    data, places = load(written, "f.yaml", loader)
    assert data == {"rules": [{"when": text}]}
    lines = written.splitlines()
    for offset, character in enumerate(text):
        if not character.isspace():
            place = places["rules", 0, "when"].within(text, offset)
            assert lines[place.line - 1][place.column - 1] in (character, "\\"), (written, offset, place)


@settings(deadline=None)
@given(
    text=st.text(max_size=80)
    | st.lists(
        st.sampled_from(
            [
                "a",
                ":",
                " ",
                "\n",
                "-",
                "[",
                "]",
                "{",
                "}",
                "&a",
                "*a",
                "'",
                '"',
                "|",
                ">",
                "!",
                "?",
                "#",
                "<<",
                ".inf",
                "9" * 30,
            ]
        )
    ).map("".join)
)
def test_any_file_is_read_or_refused_with_its_place(text: str) -> None:
    for loader in LOADERS:
        try:
            load(text, "f.yaml", loader)
        except YamlError as error:
            refusal = error
        else:
            continue
        assert str(refusal).startswith("f.yaml:")
        assert refusal.fix
