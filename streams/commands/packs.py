"""`touchstone packs`: check a pack, see which there are, put one into force. Writing one: `pack_authoring`."""

from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands import pack_authoring, start

if TYPE_CHECKING:
    from streams.experience.compiled import CompiledPack

Name = Annotated[str, typer.Argument(help="A pack's name (retail), or its file (./mine.yaml).")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]

app = typer.Typer(no_args_is_help=True, help="Packs: the configuration of an industry or brand. See docs/packs.md.")


def mount(root: typer.Typer) -> None:
    pack_authoring.mount(app)
    root.add_typer(app, name="packs")


def row(pack: "CompiledPack") -> dict[str, object]:
    """What a pack holds, in figures."""
    return {
        "name": pack.name,
        "version": pack.version,
        "touchpoints": len(pack.file.touchpoints),
        "signals": len(pack.file.signals),
        "actions": len(pack.file.actions),
        "audiences": sorted(pack.file.audiences),
        "description": pack.file.description,
    }


@app.command("list")
def list_packs(as_json: AsJson = False) -> None:
    """The packs that this installation has: the built-in ones and those of TOUCHSTONE_CORE_PACKS.

    Example: touchstone packs list
    """
    from rich.table import Table

    from streams.packs_folder import files, read_pack
    from streams.terminal import out, write_json

    settings = start()
    rows = [row(read_pack(path, settings)) for path in files(settings)]
    if as_json:
        write_json(rows)
        return
    table = Table("pack", "version", "touchpoints", "signals", "actions", "audiences", "description")
    for one in rows:
        audiences = ", ".join(one["audiences"]) if isinstance(one["audiences"], list) else ""
        table.add_row(
            *(str(one[key]) for key in ("name", "version", "touchpoints", "signals", "actions")),
            audiences,
            str(one["description"]),
        )
    out().print(table)


@app.command()
def check(name: Name, as_json: AsJson = False) -> None:
    """Check a pack: every error with its file, line and column. Exit code 1 when there is one.

    Example: touchstone packs check ./mine.yaml
    """
    from streams.packs_folder import find
    from streams.terminal import out, write_json

    pack = find(name, start())
    if as_json:
        write_json(row(pack))
    else:
        out().print(
            f"{pack.name} {pack.version}: {len(pack.file.touchpoints)} touchpoints, {len(pack.file.signals)} signals, "
            f"{len(pack.file.actions)} actions: no errors",
            markup=False,
        )


@app.command()
def activate(
    name: Name,
    at: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="From when: an instant (2026-03-01T00:00:00Z) or `beginning`. Default: in a minute; while no event has come: from the beginning.",
        ),
    ] = None,
    brand: Annotated[
        str | None, typer.Option(help="Only for this brand. Default: all brands without a pack of their own.")
    ] = None,
) -> None:
    """Put a pack into force: from an event time on, inputs are judged by it. Open episodes finish under the pack that opened them.

    The workers must have the pack (same file) before it comes into force; a worker that lacks it holds its tasks and says so.

    Example: touchstone packs activate retail
    """
    from streams.packs_folder import find
    from streams.packs_in_force import activate as put_into_force
    from streams.terminal import err, out

    settings = start()
    pack = find(name, settings)
    done = put_into_force(pack, settings, at=at, brand=brand)
    out().print(
        f"{pack.name} {pack.version} is in force {done.since} ({done.copies} partitions acknowledged)", markup=False
    )
    if done.doubt:
        err().print(
            "tasks that have decided beyond that refuse it (dead letter control_too_late); without --from it is dated ahead",
            markup=False,
        )
