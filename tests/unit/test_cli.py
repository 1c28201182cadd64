"""The frame of the command line: errors become messages and exit codes, results and errors keep apart."""

import subprocess
import sys

import pytest
import typer

from streams import cli
from streams.errors import ExitCode, Unavailable, UserError


def run_with(monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> int:
    """The exit code of a command that ends with `error`."""
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def command() -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(cli, "app", app)
    monkeypatch.setattr(sys, "argv", ["touchstone"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return int(stopped.value.code or 0)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (None, 0),
        (typer.Exit(ExitCode.NO), 1),
        (UserError("port 1 is taken", "choose another"), 2),
        (UserError("nothing answers", exit_code=ExitCode.UNAVAILABLE), 3),
        (Unavailable("the broker does not answer"), 3),
    ],
)
def test_exit_codes(monkeypatch: pytest.MonkeyPatch, error: Exception | None, code: int) -> None:
    assert run_with(monkeypatch, error) == code


def test_a_defect_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        run_with(monkeypatch, ZeroDivisionError())


def test_an_error_says_what_and_what_to_do_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_with(monkeypatch, UserError("port 1 is taken [by x]", "choose another"))
    captured = capsys.readouterr()
    assert captured.err == "error: port 1 is taken [by x]\n  choose another\n"
    assert captured.out == ""


def test_what_looks_like_an_emoji_code_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_with(monkeypatch, UserError("--offsets cx-feedback/0:a:9"))
    assert capsys.readouterr().err == "error: --offsets cx-feedback/0:a:9\n"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, streams.cli; "
        "print([m for m in ('kafka', 'aiokafka', 'faust', 'chdb', 'pydantic', 'clickhouse_driver', 'fastavro') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
