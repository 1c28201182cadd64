"""`touchstone demo`, short, in a pipe: events in, actions out, reconciled, nothing left running; the second run just works."""

import signal
import time
from pathlib import Path

from deploy.local import ports
from streams.settings import Settings
from tests.touchstone_command import start_touchstone, touchstone


def own(folder: Path) -> Settings:
    """Ports and data of the test's own."""
    return Settings(
        kafka_brokers=f"127.0.0.1:{ports.free_port()}",
        clickhouse_host="127.0.0.1",
        clickhouse_port=ports.free_port(),
        local_registry_port=ports.free_port(),
        console_port=ports.free_port(),
        local_dir=folder,
    )


def test_a_short_demo_ends_with_a_summary_that_agrees(tmp_path: Path) -> None:
    settings = own(tmp_path)
    picture = tmp_path / "demo.svg"
    done = touchstone("demo", "--minutes", "0.25", "--picture", picture, settings=settings, seconds=150)
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("events in", "event → action", "event → visible", "topics and ClickHouse agree"):
        assert words in done.stdout
    assert "<svg" in picture.read_text(encoding="utf-8")
    assert "url(" not in picture.read_text(encoding="utf-8").replace("url(#", "")  # nothing is fetched from the net
    assert all(ports.is_free(port) for port in (settings.clickhouse_port, settings.local_registry_port))


def test_ctrl_c_ends_the_demo_with_its_summary(tmp_path: Path) -> None:
    settings = own(tmp_path)
    demo = start_touchstone("demo", "--minutes", "5", settings=settings)
    assert demo.stderr is not None
    lines: list[bytes] = []
    for line in demo.stderr:
        lines.append(line)
        if b"sink is ready" in line:
            break
    time.sleep(3)  # into the story
    demo.send_signal(signal.SIGINT)
    out, err = demo.communicate(timeout=90)
    assert demo.returncode == 0, b"".join(lines) + err
    assert "topics and ClickHouse agree" in out.decode()
