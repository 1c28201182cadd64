"""YAML with places: what comes out, where it stands, and what is refused."""

import pytest

from streams.experience.place import Place
from streams.experience.yaml_places import LOADERS, MAX_CHARACTERS, MAX_DEPTH, MAX_VALUES, YamlError, load

both_parsers = pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.__name__)

PACK = """\
name: retail
rules:
  - id: a
    when: event.x == "a"   # a remark
  - when: |
      event.x
        == 'b'

      && z
  - when: >-  # folded
      event.x
      == 'c'
  - when: "a \\"b\\" \\u0041\\
      x  y
      z"
  - when: 'it''s
      so'
  - when: plain
      cont  inued
  - when: >

      first
       indented
      last
"""


@both_parsers
def test_every_character_of_a_text_is_found_where_it_is_written(loader: type) -> None:
    data, places = load(PACK, "retail.yaml", loader)
    assert isinstance(data, dict)
    assert isinstance(data["rules"], list)
    lines = PACK.splitlines()
    for i, rule in enumerate(data["rules"]):
        assert isinstance(rule, dict)
        text = rule["when"]
        assert isinstance(text, str)
        for offset, character in enumerate(text):
            place = places["rules", i, "when"].within(text, offset)
            if not character.isspace():
                written = lines[place.line - 1][place.column - 1]
                assert written in (character, "\\"), (text, offset, place)


@both_parsers
def test_places_of_values_and_keys(loader: type) -> None:
    _, places = load(PACK, "retail.yaml", loader)
    assert places["name",] == Place("retail.yaml", 1, 7)
    assert places["rules", 0] == Place("retail.yaml", 3, 5)
    assert places["rules", 0, "when"] == Place("retail.yaml", 4, 11)
    assert places["rules", 1, "when"] == Place("retail.yaml", 6, 7)
    assert places.keys_at["rules", 0, "when"] == Place("retail.yaml", 4, 5)
    assert str(places["name",]) == "retail.yaml:1:7"


@both_parsers
def test_scalars_follow_yaml_1_2(loader: type) -> None:
    text = "[21:00, no, on, 2026-10-18, 1e3, 010, 0x10, 1.5, -3, null, ~, true, 'true', \"7\", 一]"
    data, _ = load(text, "f.yaml", loader)
    assert data == ["21:00", "no", "on", "2026-10-18", 1000.0, 10, "0x10", 1.5, -3, None, None, True, "true", "7", "一"]


@both_parsers
def test_an_alias_repeats_the_value_and_points_at_its_origin(loader: type) -> None:
    data, places = load("a: &x\n  b: [1, 2]\nc: *x\n", "f.yaml", loader)
    assert data == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}
    assert places["c", "b", 1] == places["a", "b", 1]
    assert places.keys_at["c", "b"] == places.keys_at["a", "b"]
    assert places.keys_at["c",] == Place("f.yaml", 3, 1)


@both_parsers
def test_an_empty_file_is_null(loader: type) -> None:
    assert load("# nothing\n", "f.yaml", loader) == (None, {(): Place("f.yaml", 1, 1)})


BOMB = "a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(8)
)

REFUSED = {
    "duplicate key": ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1", "the key `a` stands twice, first in line 1"),
    "duplicate key, nested": ("x:\n  - {a: 1, a: 2}\n", "f.yaml:2:12", "remove line 2"),
    "python object": ("a: !!python/object/apply:os.system [ls]\n", "f.yaml:1:4", "without a tag"),
    "tagged scalar": ("a: !!int 3\n", "f.yaml:1:4", "without a tag"),
    "tagged key": ("!!str a: 3\n", "f.yaml:1:1", "a key that is not plain text"),
    "broken": ("a: [1\nb: 2\n", "f.yaml:2:", "not valid YAML"),
    "tab": ("a:\n\t- 1\n", "f.yaml:2:1", "not valid YAML"),
    "control character": ("a: 1\nb: \x07\n", "f.yaml:2:4", "remove the character"),
    "two documents": ("a: 1\n---\nb: 1\n", "f.yaml:2:1", "a second document"),
    "merge key": ("a: &a {b: 1}\nc:\n  <<: *a\n", "f.yaml:3:3", "write the entries out"),
    "key not text": ("1: a\n", "f.yaml:1:1", 'put it in quotes: "1"'),
    "key a list": ("[a, b]: c\n", "f.yaml:1:1", "a key that is not plain text"),
    "infinite": ("a: .inf\n", "f.yaml:1:4", "write a finite number"),
    "not a number": ("a: .nan\n", "f.yaml:1:4", "write a finite number"),
    "too large": ("a: 1e999\n", "f.yaml:1:4", "too large"),
    "beyond 64 bits": ("a: 9223372036854775808\n", "f.yaml:1:4", "does not fit 64 bits"),
    "thousands of digits": (f"a: {'9' * 5000}\n", "f.yaml:1:4", "does not fit 64 bits"),
    "too deep": ("[" * 100_000, f"f.yaml:1:{MAX_DEPTH + 2}", "nested deeper"),
    "too deep by aliases": (
        "a: &a " + "[" * 20 + "]" * 20 + "\nb: " + "[" * 20 + "*a" + "]" * 20 + "\n",
        "f.yaml:2:24",
        "nested deeper",
    ),
    "alias bomb": (BOMB, "f.yaml:5:", f"more than {MAX_VALUES} values"),
    "alias of itself": ("a: &a [*a]\n", "f.yaml:1:8", "inside of its own anchor"),
    "unknown alias": ("a: *b\n", "f.yaml:1:4", "define &b"),
    "too long": ("#" * (MAX_CHARACTERS + 1), "f.yaml:1:1", "split it"),
}


@both_parsers
@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_place_and_remedy(name: str, loader: type) -> None:
    text, place, says = REFUSED[name]
    with pytest.raises(YamlError) as caught:
        load(text, "f.yaml", loader)
    assert str(caught.value).startswith(place)
    assert says in str(caught.value)


def test_without_marks_a_place_counts_lines_alike() -> None:
    place = Place("f.yaml", 10, 5)
    assert place.within("ab\ncd", 1) == Place("f.yaml", 10, 6)
    assert place.within("ab\ncd", 4) == Place("f.yaml", 11, 6)


@both_parsers
def test_a_long_run_of_blanks_is_read_at_once(loader: type) -> None:
    data, _ = load('a: "x' + " " * 100_000 + 'y"', "f.yaml", loader)
    assert data == {"a": "x" + " " * 100_000 + "y"}
