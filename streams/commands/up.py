"""`touchstone up`: the local stack alone, until Ctrl-C."""

from typing import Annotated

import typer

from streams.commands import start
from streams.errors import UserError


def mount(root: typer.Typer) -> None:
    root.command()(up)


def up(
    fresh: Annotated[bool, typer.Option("--fresh", help="Delete the data of earlier runs first.")] = False,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", help="Leave a part out: kafka, clickhouse, schemas or console. Repeatable."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The addresses as one JSON line.")] = False,
) -> None:
    """Start Kafka, ClickHouse, a schema endpoint and the console on this machine, print their addresses, and run until Ctrl-C.

    Nothing has to be installed. Data stay in .touchstone (TOUCHSTONE_LOCAL_DIR) and are there again the next time.
    A part whose address in the settings is not on this machine is yours, and is not started. The console reads Kafka and
    ClickHouse: where one of them is left out, it is, too.

    Example: touchstone up --without kafka
    """
    from deploy.local.stack import PARTS, local_stack
    from deploy.local.supervisor import Stopped
    from streams.terminal import err, out, write_json

    unknown = set(without or []) - set(PARTS)
    if unknown:
        raise UserError(f"--without {sorted(unknown)[0]}: there is no such part", f"one of {', '.join(PARTS)}")
    try:
        with local_stack(start(), fresh=fresh, without=without or []) as stack:
            if as_json:
                write_json(stack.addresses)
            else:
                for title, address in stack.addresses.items():
                    out().print(f"{title:<11}{address}", markup=False)
            err().print(f"Data and logs: {stack.folder}. Ctrl-C stops everything; the data stay.", markup=False)
            stack.supervisor.run()
    except Stopped:
        return  # asked for, and done: exit code 0
