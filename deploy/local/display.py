"""What a person sees while the local stack starts and stops: spinners and a progress bar on a terminal, lines in a pipe. On stderr."""

import contextlib
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from streams.terminal import err


class Shown:
    """Shows a supervisor's doings. `quiet` shows only what `say` is told."""

    def __init__(self, console: Console | None = None, *, quiet: bool = False) -> None:
        self._console = console or err()
        self._quiet = quiet
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.done()

    def say(self, line: str) -> None:
        self._console.print(line, markup=False)

    def starting(self, name: str) -> None:
        if self._quiet or not self._console.is_terminal:
            return
        if self._progress is None:
            columns = SpinnerColumn(finished_text="[green]✓"), TextColumn("{task.description}"), TimeElapsedColumn()
            self._progress = Progress(*columns, console=self._console)
            self._progress.start()
        self._tasks[name] = self._progress.add_task(f"{name} is starting", total=1)

    def ready(self, name: str, seconds: float) -> None:
        if self._progress is not None and name in self._tasks:
            self._progress.update(self._tasks[name], description=f"{name} is ready", completed=1)
        elif not self._quiet:
            self.say(f"{name} is ready after {seconds:.1f} s")

    def stopping(self, name: str) -> None:
        self.done()
        if not self._quiet:
            self.say(f"stopping {name}")

    def done(self) -> None:
        """What was started is ready: leaves the screen to others."""
        if self._progress is not None:
            progress, self._progress = self._progress, None
            self._tasks.clear()
            with contextlib.suppress(OSError):
                progress.stop()

    @contextlib.contextmanager
    def download(self, what: str, size_bytes: int) -> Iterator[Callable[[int], None]]:
        """A bar; the callable receives the bytes that have come."""
        title = f"fetching {what} (once)"
        if self._quiet or not self._console.is_terminal:
            if not self._quiet:
                self.say(f"{title}: {size_bytes / 1e6:.0f} MB")
            yield lambda _: None
            return
        with Progress(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), console=self._console) as bar:
            task = bar.add_task(title, total=size_bytes)
            yield lambda done: bar.advance(task, done)
