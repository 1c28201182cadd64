"""`python -m deploy.local.clickhouse --data DIR`: one line of JSON on stdout when it is ready; SIGTERM or SIGINT stops it.

Exit codes: 0 stopped; 2 wrong arguments, a port or a directory in use; 3 the engine does not start. The reason is on stderr.
"""

import argparse
import json
import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from zoneinfo import ZoneInfo

from streams.errors import UserError

from .engine import Engine
from .errors import ClickHouseError
from .quoting import identifier, quote
from .server import Server, reserve
from .session import Shared
from .space import SpaceGuard
from .users import User, Users
from .watch import Watcher

_STOP_SECONDS = 4.0
_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.local.clickhouse", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory of the data; one server at a time")
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=9000, help="0: any free port")
    parser.add_argument("--database", action="append", default=[], help="create this database; may be repeated")
    parser.add_argument("--password-file", type=Path, help="password of the user `default`; none: empty")
    parser.add_argument("--readonly-user", help="a second user, who may only query")
    parser.add_argument("--readonly-password-file", type=Path, help="password of the read-only user; none: empty")
    parser.add_argument(
        "--readonly-setting",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a limit of the read-only user, such as max_execution_time=30; may be repeated",
    )
    parser.add_argument("--max-connections", type=int, default=256, help="clients at a time")
    parser.add_argument(
        "--reserve-mb", type=int, default=256, help="with less free space on the disk nothing is written"
    )
    parser.add_argument("--timezone", default="UTC", help="the server's time zone")
    return parser.parse_args(arguments)


def _password(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8").rstrip("\n")
    except OSError as problem:
        raise UserError(f"cannot read the password file {path}: {problem.strerror}", "name a readable file") from None


def _users(options: argparse.Namespace) -> Users:
    users = [User("default", _password(options.password_file))]
    if options.readonly_user == "default":
        raise UserError("--readonly-user default: that user may write", "choose another name")
    if options.readonly_user:
        limits = dict(setting.split("=", 1) for setting in options.readonly_setting if "=" in setting)
        if len(limits) != len(options.readonly_setting):
            raise UserError("--readonly-setting takes NAME=VALUE, each name once", "max_execution_time=30")
        users.append(User(options.readonly_user, _password(options.readonly_password_file), 1, limits))
    return Users(users)


def serve(options: argparse.Namespace) -> None:
    """Until a signal comes. Raises UserError when it cannot start."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)  # in all threads to come: this one waits for them
    users = _users(options)
    listener = reserve(options.host, options.port)
    os.environ["TZ"] = _timezone(options.timezone)  # before the engine is loaded: it reads it once
    engine = Engine(options.data)
    _prepare(engine, options)
    space = SpaceGuard(engine, options.data, options.reserve_mb)
    shared = Shared(engine, users, Watcher(engine), space, socket.gethostname())
    server = Server(listener, shared, options.max_connections)
    host, port = listener.getsockname()[:2]
    version = ".".join(map(str, engine.version))
    print(json.dumps({"ready": True, "host": host, "port": port, "version": version}), flush=True)  # noqa: T201 - whoever has started it reads this
    signal.sigwait(_STOP_SIGNALS)
    space.stop()
    server.stop(_STOP_SECONDS)
    # Never for longer than a while, whatever the engine does.
    closing = threading.Thread(target=engine.close, daemon=True)
    closing.start()
    closing.join(_STOP_SECONDS)


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise UserError(f"--timezone {name}: no such time zone", "a name such as UTC or Asia/Shanghai") from None
    return name


def _prepare(engine: Engine, options: argparse.Namespace) -> None:
    """The databases, and whether the read-only user's limits are settings that the engine takes."""
    statements = {
        f"--database {name}": f"CREATE DATABASE IF NOT EXISTS {identifier(name)}" for name in options.database
    }
    for setting in options.readonly_setting:
        name, _, value = setting.partition("=")
        statements[f"--readonly-setting {setting}"] = f"SELECT 1 SETTINGS {identifier(name)} = {quote(value)}"
    for option, statement in statements.items():
        try:
            engine.control(statement)
        except ClickHouseError as problem:
            raise UserError(f"{option}: {problem.message}", "give a value that ClickHouse takes") from None


def main(arguments: list[str] | None = None) -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        serve(_arguments(arguments))
    except UserError as problem:
        print(problem, file=sys.stderr)  # noqa: T201 - a program of its own
        return problem.exit_code
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the engine's own threads are not waited for: everything is on disk
