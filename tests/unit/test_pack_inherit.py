"""A pack that inherits: what it takes over, what it says otherwise, what it removes, and whose line an error names."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from streams.cli import app
from streams.errors import UserError
from streams.experience.pack_compile import compile_pack
from streams.experience.pack_inherit import Inherited, Source, inherit
from streams.experience.place import PlacedError
from streams.experience.yaml_places import Places, load
from streams.packs_folder import find, read_merged, read_pack
from streams.packs_show import at, leaves, one_file
from streams.settings import Settings
from tests.builders import PACKS

PARENT = """\
pack: base
description: A parent.
list: [a, b]
map:
  kept: 1
  changed: 2
  gone: 3
"""
CHILD = """\
pack: mine
inherits: base
description: A child.
list: [c]
map:
  changed: 20
  gone: null
  new: {x: null}
"""


def merged(child: str, **parents: str) -> Inherited:
    def find_parent(name: str, read: tuple[str, ...]) -> Source | None:
        file = f"{name}.yaml"
        return Source(parents[name], file) if name in parents and file not in read else None

    return inherit(Source(child, "mine.yaml"), find_parent)


def test_maps_merge_lists_replace_null_removes() -> None:
    found = merged(CHILD, base=PARENT)
    assert found.data == {
        "pack": "mine",
        "description": "A child.",
        "list": ["c"],
        "map": {"kept": 1, "changed": 20, "new": {"x": None}},
    }
    assert str(found.places["map", "kept"]) == "base.yaml:5:9"
    assert str(found.places["map", "changed"]) == "mine.yaml:6:12"
    assert str(found.places["list", 0]) == "mine.yaml:4:8"
    assert ("list", 1) not in found.places
    assert [(str(one.place), one.value) for one in found.replaced["map", "changed"]] == [("base.yaml:6:12", 2)]
    place, was = found.removed["map", "gone"]
    assert (str(place), str(was.place), was.value) == ("mine.yaml:7:9", "base.yaml:7:9", 3)
    assert found.origins == {"mine.yaml": "mine", "base.yaml": "base"}


def test_name_and_description_are_never_taken_over() -> None:
    assert merged("inherits: base\nlist: []\n", base=PARENT).data == {
        "list": [],
        "map": {"kept": 1, "changed": 2, "gone": 3},
    }


def test_every_value_of_three_generations_has_its_place() -> None:
    middle = "pack: middle\ninherits: base\ndescription: m\nmap: {changed: 21}\n"
    found = merged("pack: mine\ninherits: middle\ndescription: x\nmap: {changed: 22}\n", base=PARENT, middle=middle)
    assert {found.origins[found.places[path].file] for path, _ in leaves(found)} == {"mine", "base"}
    assert [one.value for one in found.replaced["map", "changed"]] == [21, 2]
    assert list(found.origins) == ["mine.yaml", "middle.yaml", "base.yaml"]


WRONG = {
    "a parent that is not there": ("inherits: bass\n", "mine.yaml:1:11: no other pack 'bass' to inherit from"),
    "no name": ("inherits: ../base\n", "mine.yaml:1:11: '../base' is no name of a pack"),
    "no text": ("inherits: [base]\n", "mine.yaml:1:11: ['base'] is no name of a pack"),
    "nothing to remove": (
        "inherits: base\nmap: {gome: null}\n",
        "mine.yaml:2:7: `gome: null` removes what 'base' does not have here; did you mean `gone`?",
    ),
    "nothing to remove at the top": ("inherits: base\nfoo: null\n", "mine.yaml:2:1: `foo: null` removes what"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_inherited_is_told_with_its_place(case: str) -> None:
    text, says = WRONG[case]
    with pytest.raises(PlacedError) as refused:
        merged(text, base=PARENT)
    assert str(refused.value).startswith(says)


def test_no_pack_is_its_own_ancestor() -> None:
    with pytest.raises(PlacedError, match="no other pack 'other'"):
        merged("inherits: other\n", other="inherits: third\n", third="inherits: other\n")
    chain = {f"p{number}": f"inherits: p{number + 1}\n" for number in range(12)}
    with pytest.raises(PlacedError, match="more than 8 generations"):
        merged("inherits: p0\n", **chain)


LEAF = st.none() | st.integers(0, 3) | st.lists(st.integers(0, 3), max_size=2)
PLAIN = st.recursive(LEAF, lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8)
MAPS = st.dictionaries(st.sampled_from("abc"), PLAIN, max_size=3)
Tree = dict[str, object]


def patched(target: object, patch: object) -> object:
    """JSON Merge Patch as RFC 7396, section 2, has it, but for nulls in maps that are new: they stay."""
    if not isinstance(patch, dict) or not isinstance(target, dict):
        return patch
    result = dict(target)
    for name, value in patch.items():
        if value is None:
            del result[name]
        else:
            result[name] = patched(result[name], value) if name in result else value
    return result


@settings(deadline=None)
@given(MAPS, MAPS)
def test_merging_is_json_merge_patch(base: Tree, child: Tree) -> None:
    base_text, child_text = one_file_of(base), one_file_of(child | {"inherits": "base"})
    try:
        wanted = patched(base, child)
    except KeyError:
        with pytest.raises(PlacedError, match="does not have here"):
            merged(child_text, base=base_text)
        return
    found = merged(child_text, base=base_text)
    assert found.data == wanted
    texts = {"mine.yaml": load(child_text, "mine.yaml"), "base.yaml": load(base_text, "base.yaml")}
    for path, value in leaves(found):
        if path and value != {}:  # what stands at the place that is told is the value; a map may have been emptied
            data, places = texts[found.places[path].file]
            assert places[path] == found.places[path]
            assert at(data, path) == value


def one_file_of(data: Tree) -> str:
    return one_file(Inherited(data, Places(), {}, {}, {}))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", sorted(PACKS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_pack_in_one_file_is_the_same_version(path: Path) -> None:
    whole = one_file(read_merged(path))
    assert "inherits" not in whole
    assert compile_pack(whole, "whole.yaml").version == read_pack(path).version


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Co", "Cn")), max_size=12))
def test_texts_in_one_file_stay_texts(text: str) -> None:
    data, _ = load(one_file_of({"text": text, "map": {"x": text, "y": "1e3"}, "list": [text, "08", "on", "null"]}), "x")
    assert data == {"text": text, "map": {"x": text, "y": "1e3"}, "list": [text, "08", "on", "null"]}


MINE = """\
pack: mine
inherits: standard
description: My own.
"""


def mine(folder: Path, more: str = "") -> Path:
    path = folder / "mine.yaml"
    path.write_text(MINE + more, encoding="utf-8")
    return path


def refused(path: Path) -> str:
    with pytest.raises(UserError) as error:
        read_pack(path)
    return error.value.what


def test_three_lines_are_a_pack(tmp_path: Path) -> None:
    assert read_pack(mine(tmp_path)).file.actions == read_pack(PACKS / "standard.yaml").file.actions


def test_an_error_of_ones_own_names_ones_own_line(tmp_path: Path) -> None:
    path = mine(tmp_path, "signals:\n  complaint: {weight: 7}\n")
    assert refused(path) == f"{path}:5:23: weight 7.0 is outside 0 to 1"


def test_an_error_in_a_parents_line_names_the_parent_and_the_way_out(tmp_path: Path) -> None:
    path = mine(tmp_path, "audiences:\n  product: null\n")
    line = (PACKS / "standard.yaml").read_text(encoding="utf-8").splitlines().index("  audience: product") + 1
    told = refused(path)
    assert told.startswith(f"{PACKS / 'standard.yaml'}:{line}:13: no audience 'product'; known: ")
    assert told.endswith(f"(mine inherits this from standard: say otherwise, or remove it, in {path})")


def test_conditions_of_a_parent_are_checked_against_the_child(tmp_path: Path) -> None:
    parent = tmp_path / "garage.yaml"
    parent.write_text(
        "pack: garage\ninherits: standard\ndescription: x\ntouchpoints:\n  lift: {journey: other}\n"
        'signals:\n  stuck: {on: touchpoint, when: event.touchpoint == "lift", weight: 0.3}\n',
        encoding="utf-8",
    )
    path = tmp_path / "mine.yaml"
    path.write_text(MINE.replace("standard", "garage") + "touchpoints: {lift: null}\n", encoding="utf-8")
    told = refused(path)
    assert told.startswith(f"{parent}:7:")
    assert "mine inherits this from garage" in told


def test_parents_are_found_beside_the_file_then_in_the_folder_of_packs_then_built_in(tmp_path: Path) -> None:
    folder = tmp_path / "packs"
    folder.mkdir()
    known = Settings(core_packs=folder)
    (folder / "standard.yaml").write_text(
        "pack: standard\ninherits: standard\ndescription: Ours.\ncurrency: CNY\n", encoding="utf-8"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = mine(elsewhere)
    assert read_pack(path).file.currency == "EUR"
    assert read_pack(path, known).file.currency == "CNY"
    assert find("retail", known).file.currency == "EUR", "built-in packs stay what they are"
    assert find("standard", known).file.currency == "CNY"
    (elsewhere / "standard.yaml").write_text(
        "pack: standard\ninherits: standard\ndescription: Nearer.\ncurrency: CHF\n", encoding="utf-8"
    )
    assert read_pack(path, known).file.currency == "CHF"


def test_what_a_pack_is_depends_on_what_it_says_and_not_on_who_says_it(tmp_path: Path) -> None:
    short = read_pack(mine(tmp_path, "currency: CNY\n"))
    same = read_pack(mine(tmp_path, "currency: CNY # ours\ntreatment: {opens_at: 0.45}\n"))
    other = read_pack(mine(tmp_path, "currency: CNY\ntreatment: {opens_at: 0.5}\n"))
    assert short.version == same.version != other.version
    rule = {pack.rules("episode_opened")[0].version for pack in (short, other)}
    assert len(rule) == 1, "a rule that says the same has the same version"


def line_of(text: str) -> int:
    """Where it stands in the standard."""
    lines = (PACKS / "standard.yaml").read_text(encoding="utf-8").splitlines()
    return lines.index(text) + 1


def test_show_says_where_each_value_stands(tmp_path: Path) -> None:
    path = mine(tmp_path, "treatment:\n  opens_at: 0.5\nactions:\n  say_sorry: null\n")
    done = CliRunner().invoke(app, ["packs", "show", str(path)])
    assert done.exit_code == 0, done.output
    lines = [line.split(None, 1) for line in done.output.splitlines()]
    assert ["mine:5", f"opens_at: 0.5  # instead of 0.45 (standard:{line_of('  opens_at: 0.45')})"] in lines
    assert [f"standard:{line_of('  worsens_by: 0.15')}", "worsens_by: 0.15"] in lines
    assert any(line[0] == "mine:7" and "removed: actions.say_sorry (standard:" in line[1] for line in lines)
    part = CliRunner().invoke(app, ["packs", "show", str(path), "treatment.escalates_most"])
    last = part.output.splitlines()[-1].split()
    assert last == [f"standard:{line_of('  escalates_most: 3')}", "escalates_most:", "3"]
    wrong = CliRunner().invoke(app, ["packs", "show", str(path), "treatment.opens"])
    assert isinstance(wrong.exception, UserError)
    assert "treatment has opens_at, worsens_by" in wrong.exception.fix


def test_show_for_machines(tmp_path: Path) -> None:
    path = mine(tmp_path, "treatment:\n  opens_at: 0.5\nactions:\n  say_sorry: null\n")
    done = CliRunner().invoke(app, ["packs", "show", str(path), "--json"])
    told = json.loads(done.stdout)
    assert (told["name"], told["version"]) == ("mine", read_pack(path).version)
    assert told["inherits"] == [{"name": "standard", "file": str(PACKS / "standard.yaml")}]
    [opens] = [one for one in told["values"] if one["path"] == "treatment.opens_at"]
    assert (opens["value"], opens["pack"], opens["file"], opens["line"], opens["column"]) == (
        0.5,
        "mine",
        str(path),
        5,
        13,
    )
    assert [(one["value"], one["pack"], one["line"]) for one in opens["replaces"]] == [
        (0.45, "standard", line_of("  opens_at: 0.45"))
    ]
    [gone] = told["removed"]
    assert (gone["path"], gone["pack"], gone["line"], gone["was"]["pack"]) == (
        "actions.say_sorry",
        "mine",
        7,
        "standard",
    )
    assert gone["was"]["value"]["kind"] == "recovery_message"
