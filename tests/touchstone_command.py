"""Runs `touchstone` as a user does: a process of its own, settings by the environment."""

import os
import subprocess
import sys
from pathlib import Path

from streams.settings import PREFIX, Settings

TOUCHSTONE = Path(sys.executable).with_name("touchstone")
SECONDS = 60.0


def environment(settings: Settings) -> dict[str, str]:
    """The process's environment without our settings, with those of `settings` that are not defaults."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    given = {PREFIX + name.upper(): str(getattr(settings, name)) for name in settings.model_fields_set}
    return clean | given | {"PYTHONUNBUFFERED": "1", "COLUMNS": "200"}


def touchstone(
    *arguments: object, settings: Settings | None = None, stdin: bytes = b"", seconds: float = SECONDS
) -> subprocess.CompletedProcess[str]:
    """Runs to the end; output as text."""
    done = subprocess.run(
        [TOUCHSTONE, *map(str, arguments)],
        env=environment(settings or Settings()),
        input=stdin,
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def start_touchstone(*arguments: object, settings: Settings) -> subprocess.Popen[bytes]:
    """Starts and leaves it running, in a process group of its own so that Ctrl-C reaches it alone."""
    return subprocess.Popen(
        [TOUCHSTONE, *map(str, arguments)],
        env=environment(settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
