"""`touchstone schemas`: what it prints, and with which code it exits."""

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.local.registry import server
from schemas import check, registry
from schemas.registry import FOLDER, local
from schemas.topics import Topic, all_topics
from streams import settings as settings_module
from streams.cli import app
from streams.errors import ExitCode, UserError
from tests.registry_service import RegistryService, serving

RUNNER = CliRunner()


@pytest.fixture
def service() -> Iterator[RegistryService]:
    with serving(RegistryService()) as running:
        yield running


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings_module.current.cache_clear()
    yield
    settings_module.current.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the schema files."""
    for path in [*FOLDER.glob("*.avsc"), FOLDER / "ids.yaml", FOLDER / "published.yaml"]:
        shutil.copy(path, tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, url: str, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr of `touchstone schemas …`."""
    monkeypatch.setenv("TOUCHSTONE_REGISTRY_URL", url)
    done = RUNNER.invoke(app, ["schemas", *arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def test_check_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    code, printed, _ = run(monkeypatch, "", "check")
    assert (code, printed) == (0, "23 schema files, no problems\n")


def test_check_tells_every_problem_with_its_place(folder: Path) -> None:
    document = json.loads((folder / "touchpoint.v1.avsc").read_text(encoding="utf-8"))
    document["fields"][0]["type"] = "long"
    (folder / "touchpoint.v2.avsc").write_text(json.dumps(document), encoding="utf-8")
    (folder / "feedback.v1.avsc").write_text("{", encoding="utf-8")
    (folder / "order.v1.avsc").write_text("{}", encoding="utf-8")
    (folder / "Cause.avsc").write_text("{}", encoding="utf-8")
    (folder / "action_update.v1.avsc").unlink()
    (folder / "action_update.v2.avsc").unlink()
    ids = (folder / "ids.yaml").read_text(encoding="utf-8")
    ids = ids.replace("touchpoint: {1: 1}", "touchpoint: {1: 1, 2: 3}")
    (folder / "ids.yaml").write_text(ids, encoding="utf-8")
    found = check.problems(folder)
    for words in (
        "touchpoint.v2.avsc: cannot read v1: Touchpoint.event_id: string is not long",
        "touchpoint.v2.avsc: readers of v1 cannot read it: Touchpoint.event_id",
        "feedback.v1.avsc: no JSON",
        "order.v1.avsc: no id in ids.yaml",
        "Cause.avsc: a schema file is named <name>.v<version>.avsc",
        "ids.yaml: action_update v1 has no file",
        "ids.yaml: 3 is the id of customer v1 and touchpoint v2",
        "topics.yaml: cx-action-updates carries action_update, which has no schema file",
        "touchpoint.v2.avsc: not in published.yaml; publish it with `touchpoint: {2: ",
    ):
        assert any(problem.startswith(words) for problem in found), (words, found)


def test_check_finds_a_schema_that_no_topic_carries(folder: Path) -> None:
    topics: dict[str, Topic] = {name: topic for name, topic in all_topics().items() if name != "cx-causes"}
    assert check.problems(folder, topics) == ["cause: no topic in topics.yaml carries it"]


def test_a_published_file_does_not_change_but_its_docs_may_get_better(folder: Path) -> None:
    path = folder / "cause.v1.avsc"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("Causing event.", "The event that caused it."), encoding="utf-8")
    assert check.problems(folder) == []
    path.write_text(text.replace('"default": null', '"default": null, "aliases": ["old"]', 1), encoding="utf-8")
    assert check.problems(folder) == ["cause.v1.avsc: changed since it was published; leave it and write v2"]


def test_check_exits_with_1(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "cause.v1.avsc").write_text("[", encoding="utf-8")
    monkeypatch.setattr(check.problems, "__defaults__", (folder, None))
    code, printed, told = run(monkeypatch, "", "check")
    assert (code, printed) == (ExitCode.NO, "")
    assert "cause.v1.avsc: no JSON" in told
    code, printed, _ = run(monkeypatch, "", "check", "--json")
    assert code == ExitCode.NO
    assert json.loads(printed)["problems"]


def test_register_needs_a_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="no registry is configured"):
        run(monkeypatch, "", "register")


def test_register_prints_subject_version_and_id(monkeypatch: pytest.MonkeyPatch, service: RegistryService) -> None:
    monkeypatch.setenv("TOUCHSTONE_KAFKA_PREFIX", "shop.")
    code, printed, _ = run(monkeypatch, service.url, "register", "--dry-run")
    assert code == ExitCode.NO
    assert "missing" in printed
    code, printed, _ = run(monkeypatch, service.url, "register", "--audience", "purchasing")
    assert code == 0
    line = next(line for line in printed.splitlines() if "shop.cx-touchpoints-value" in line)
    assert line.replace("│", " ").split() == ["shop.cx-touchpoints-value", "touchpoint", "1", "1", "registered"]
    for audience in ("care", "sales", "managers", "product", "customers", "purchasing"):
        assert f"shop.cx-notify-{audience}-value" in service.subjects
    code, printed, _ = run(monkeypatch, service.url, "register", "--json")
    assert code == 0
    rows = json.loads(printed)
    assert {row["outcome"] for row in rows} == {"there"}
    assert {row["schema"] for row in rows} == {file.name for file in registry.schema_files()}


def test_register_exits_with_1_for_a_refused_schema(monkeypatch: pytest.MonkeyPatch, service: RegistryService) -> None:
    service.read_only = True
    code, printed, told = run(monkeypatch, service.url, "register")
    assert code == ExitCode.NO
    assert "refused" in printed
    assert "cx-touchpoints-value: compatibility cannot be set" in told


def test_register_at_a_registry_that_is_away(monkeypatch: pytest.MonkeyPatch, service: RegistryService) -> None:
    service.fail = (503, b"")
    with pytest.raises(UserError, match="cannot answer now") as away:
        run(monkeypatch, service.url, "register")
    assert away.value.exit_code == ExitCode.UNAVAILABLE


def test_the_local_stacks_endpoint_has_everything_already(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(local(), 0) as bound:
        thread = threading.Thread(target=bound.serve_forever, args=(0.01,))
        thread.start()
        try:
            code, printed, _ = run(monkeypatch, f"http://127.0.0.1:{bound.server_port}", "register", "--json")
        finally:
            bound.shutdown()
            thread.join()
    assert code == 0
    assert {(row["id"], row["outcome"]) for row in json.loads(printed)} == {
        (file.id, "there") for file in registry.schema_files()
    }
