"""`touchstone packs show|test|new|schema`: for whoever writes a pack."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands import start
from streams.commands.event_files import MappingOption
from streams.errors import ExitCode, UserError

if TYPE_CHECKING:
    from streams.replay.scenario import Difference
    from streams.settings import Settings

Name = Annotated[str, typer.Argument(help="A pack's name (retail), or its file (./mine.yaml).")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def mount(packs: typer.Typer) -> None:
    for name, command in (("show", show), ("test", run_scenarios), ("new", new), ("schema", schema)):
        packs.command(name)(command)


def show(
    name: Name,
    section: Annotated[str | None, typer.Argument(help="Only this part: signals, or signals.low_score.")] = None,
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="One file without a parent: the same version, for keeping.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print a pack with all that it inherits, and the pack and line that each value comes from.

    Example: touchstone packs show airline signals
    """
    from streams import packs_show
    from streams.packs_folder import find_file, read_merged, read_pack
    from streams.terminal import out, write_json

    settings = start()
    path = find_file(name, settings)
    pack, merged = read_pack(path, settings), read_merged(path, settings)
    part = packs_show.section(merged, section)
    if as_json:
        write_json(packs_show.document(merged, part, pack.name, pack.version))
    elif as_yaml:
        out().print(packs_show.one_file(merged, part), markup=False, end="")
    else:
        out().print(f"{pack.name} {pack.version}", style="bold", markup=False)
        for file, origin in merged.origins.items():
            out().print(f"{origin} = {file}", style="dim", markup=False)
        lines = list(packs_show.lines(merged, part))
        width = max(len(line.origin) for line in lines)
        for line in lines:
            style = "dim" if line.inherited else None
            out().print(f"{line.origin:{width}}  {line.text}", style=style, markup=False)


def run_scenarios(
    names: Annotated[
        list[str] | None, typer.Argument(help="Packs by name or file. Default: all that have a scenario.")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write what follows now as what is expected. Read the difference first.")
    ] = False,
    until: Annotated[
        str | None, typer.Option(help="With --write: how long time goes on after the last event. [default: +72h]")
    ] = None,
    mapping: MappingOption = None,
    as_json: AsJson = False,
) -> None:
    """Run the scenario beside a pack and compare the actions with the expected ones. Exit code 1 when something differs.

    For mine.yaml: events in mine.scenario.jsonl, expected actions in mine.expected.jsonl.

    Example: touchstone packs test ./mine.yaml
    """
    from streams.packs_folder import files, find_file
    from streams.replay.scenario import scenario_of
    from streams.terminal import out, write_json

    settings = start()
    if names:
        paths = [(name, find_file(name, settings)) for name in names]
    else:
        paths = [(path.stem, path) for path in files(settings) if scenario_of(path).exists()]
        for path in files(settings) if not as_json else ():
            if not scenario_of(path).exists():
                out().print(f"{path.stem}: no {scenario_of(path).name}", style="dim", markup=False)
    results = [_tested(name, path, settings, until if write else None, mapping, write=write) for name, path in paths]
    if as_json:
        write_json([result for result, _ in results])
    else:
        for result, differences in results:
            _tell(result, differences)
    if any(differences for _, differences in results):
        raise typer.Exit(ExitCode.NO)


Result = dict[str, object]


def _tested(
    name: str, path: Path, settings: "Settings", until: str | None, mapping: Path | None, *, write: bool
) -> tuple[Result, "list[Difference]"]:
    """Runs one scenario; writes the expected actions, or compares with them."""
    import msgspec

    from streams.commands.decide import advance, run_file
    from streams.connect.files import read_records
    from streams.replay import scenario

    events, wanted = scenario.scenario_of(path), scenario.expected_of(path)
    if not events.exists():
        raise UserError(f"{path} has no scenario", f"put events into {events}, as for `touchstone decide`")
    if write:
        kept = scenario.read_expected(wanted).until if wanted.exists() else scenario.UNTIL
        expected = scenario.Expected(until or kept, [])
    else:
        expected = scenario.read_expected(wanted)
    decider, refused = run_file(read_records(events, mapping=mapping), events, settings, str(path))
    if refused:
        raise UserError("\n".join(refused), "put the scenario right", exit_code=ExitCode.NO)
    advance(decider, expected.until)
    lines = scenario.came(decider.decided)
    result: Result = {"pack": path.stem, "name": name, "actions": len(lines), "expected": str(wanted), "written": write}
    if write:
        wanted.write_text(scenario.written(expected.until, lines), encoding="utf-8")
        return result, []
    differences = scenario.compare(expected, lines, decider.decided)
    return {**result, "differences": [msgspec.to_builtins(one._asdict()) for one in differences]}, differences


_SIGNS = {"missing": ("-", "red"), "unexpected": ("+", "yellow"), "different": ("~", "cyan")}


def _tell(result: Result, differences: "list[Difference]") -> None:
    from streams.terminal import out

    if result["written"]:
        out().print(f"{result['pack']}: wrote {result['actions']} actions to {result['expected']}", markup=False)
        return
    if not differences:
        out().print(f"{result['pack']}: {result['actions']} actions, as expected", style="green", markup=False)
        return
    out().print(f"{result['pack']}: {len(differences)} difference(s)", style="bold red", markup=False)
    for one in differences:
        sign, style = _SIGNS[one.what]
        when = f" at {one.action.at}" if one.action.at else ""
        where = f"  {result['expected']}:{one.line}" if one.line else ""
        out().print(
            f"  {sign} {one.what:10} {one.action.subject}: {one.action.rule}{when}{where}", style=style, markup=False
        )
        if one.why:
            out().print(f"      it lost: {one.why}", markup=False)
        if one.what == "unexpected":
            told = f"{one.action.origin} {one.action.score}, because of {', '.join(one.action.because or [])}"
            out().print(f"      {told}: {one.action.text}", markup=False)
        for field, (expected, came) in one.fields.items():
            out().print(f"      {field}: expected {_shown(expected)}, came {_shown(came)}", markup=False)
    out().print(f"  is the new way right? then: touchstone packs test {result['name']} --write", markup=False)


def _shown(value: object) -> str:
    return "nothing" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def new(
    name: Annotated[str, typer.Argument(help="Name of the pack: lower-case letters, digits and _.")],
    folder: Annotated[Path, typer.Option("--in", help="Where the files go.")] = Path(),
) -> None:
    """Start a pack that inherits the standard: NAME.yaml with comments, a scenario, its expected actions, and the schema for editors.

    Example: touchstone packs new garage
    """
    import re

    from streams import packs_schema
    from streams.packs_folder import BUILT_IN
    from streams.terminal import out

    start()
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name):
        raise UserError(
            f"{name!r} is no name for a pack", "write lower-case letters, digits and _, beginning with a letter"
        )
    templates = sorted((BUILT_IN / "new").iterdir())
    targets = [folder / template.name.replace("new_pack", name) for template in templates]
    for target in targets:
        if target.exists():
            raise UserError(f"{target} is there already", "take another name, or another folder with --in")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for template, target in zip(templates, targets, strict=True):
            target.write_text(template.read_text(encoding="utf-8").replace("new_pack", name), encoding="utf-8")
        (folder / packs_schema.FILE).write_text(packs_schema.text(), encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}", "name a folder with --in") from None
    for target in (*targets, folder / packs_schema.FILE):
        out().print(f"wrote {target}", markup=False)
    out().print(f"now: touchstone packs test {folder / name}.yaml", markup=False)


def schema() -> None:
    """Print the JSON Schema of packs, for completion in editors. Packs name it in their first line.

    Example: touchstone packs schema > pack.schema.json
    """
    import sys

    from streams.packs_schema import text

    start()
    sys.stdout.write(text())
