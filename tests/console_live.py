"""The console as it runs, with worker and sink: two dealers, customers who become unhappy on demand, and a ClickHouse to kill."""

import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any, NamedTuple

import msgspec
import pytest

from deploy.local import ports
from deploy.local.clickhouse.process import ClickHouse
from schemas.controls import Control, Unit
from schemas.events import ActionUpdate, Customer, Feedback, Touchpoint
from streams.connect.controls import send_control
from streams.engine.job import Headers, Message
from tests.builders import CODEC
from tests.clickhouse_service import READER, ClickHouseService
from tests.kafka_service import Kafka
from tests.main_service import Product, Running

TOKENS = {
    "lead": "lead-0123456789abcdef",
    "one": "one-0123456789abcdef",
    "two": "two-0123456789abcdef",
    "eye": "eye-0123456789abcdef",
}
USERS: list[dict[str, str]] = [
    {"name": "lead", "token": TOKENS["lead"], "role": "operator"},
    {"name": "one", "token": TOKENS["one"], "role": "operator", "unit": "dealer-1", "staff": "dealer-1/7"},
    {"name": "two", "token": TOKENS["two"], "role": "operator", "unit": "dealer-2"},
    {"name": "eye", "token": TOKENS["eye"], "unit": "dealer-1"},
    {"name": "pat", "unit": "dealer-1", "role": "operator"},  # comes in through the proxy only
]
PROXY = "127.0.0.2"  # whose header is believed; 127.0.0.1 is a visitor like any other
TOPIC: dict[type, str] = {Customer: "cx-customers", Touchpoint: "cx-touchpoints", Feedback: "cx-feedback"}


class Answer(NamedTuple):
    """Of the console."""

    status: int
    headers: dict[str, str]
    text: str


class Live:
    """One installation with its console."""

    def __init__(
        self, product: Product, clickhouse: ClickHouseService, console: Running, worker: Running, url: str, metrics: str
    ) -> None:
        self.product, self.clickhouse, self.console, self.worker, self.url = product, clickhouse, console, worker, url
        self.metrics = metrics
        self._cookies = {name: self._sign_in(token) for name, token in TOKENS.items()}

    def _sign_in(self, token: str) -> str:
        answer = self.ask("/sign-in", data={"token": token})
        assert answer.status == 303, answer.text
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        return str(cookie).split(";")[0]

    def cookie(self, user: str) -> str:
        """name=value of a session."""
        return self._cookies[user]

    def ask(
        self, path: str, user: str = "", data: dict[str, str] | None = None, source: str = "127.0.0.1", **headers: str
    ) -> Answer:
        """One request from the address `source`, redirects not followed."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if user:
            given["Cookie"] = self._cookies[user]
        if data is not None:
            given["Content-Type"] = "application/x-www-form-urlencoded"
        parts = urllib.parse.urlsplit(self.url)
        with closing(HTTPConnection(parts.hostname or "", parts.port, 30, (source, 0))) as connection:
            body = urllib.parse.urlencode(data) if data is not None else None
            connection.request("GET" if data is None else "POST", path, body, given)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())

    def page(self, path: str, user: str) -> str:
        """HTML."""
        return self.ask(path, user).text

    def unhappy(self, subject: str, unit: str, name: str, headers: Headers = ()) -> None:
        """Payment fails three times, and she says so."""
        now = time.time_ns() // 1_000
        who: dict[str, Any] = {"subject_type": "customer", "subject_id": subject, "brand": "marlow"}
        records: list[msgspec.Struct] = [
            Customer(event_id=f"{subject}-k", occurred_at=now - 60_000_000, name=name, unit=unit, tier="gold", language="en", **who),
            *(
                Touchpoint(event_id=f"{subject}-{n}", occurred_at=now - (9 - n) * 1_000_000, touchpoint="payment", outcome="failure",
                    channel="web", matter=f"m-{subject}", **who)
                for n in range(3)
            ),
            Feedback(event_id=f"{subject}-f", occurred_at=now - 500_000, kind="complaint", touchpoint="payment",
                text="It failed three times. Terrible.", language="en", **who),
        ]  # fmt: skip
        self.product.produce(
            [Message(TOPIC[type(one)], 0, 0, 0, subject.encode(), CODEC.encode(one), headers) for one in records]
        )

    def scored(self, subject: str, score: float, tier: str, city: str) -> None:
        """She says what she thinks of the payment, 1 to 5; of what segments she is, her name and nothing else is told."""
        now = time.time_ns() // 1_000
        who: dict[str, Any] = {"subject_type": "customer", "subject_id": subject, "brand": "marlow"}
        records: list[msgspec.Struct] = [
            Customer(event_id=f"{subject}-k", occurred_at=now - 60_000_000, name="Kim", tier=tier, attributes={"city": city, "diet": "vegan"}, **who),
            Feedback(event_id=f"{subject}-f", occurred_at=now - 500_000, kind="csat", score=score, scale_min=1.0, scale_max=5.0,
                touchpoint="payment", dimension="convenience", expectation=7.0, importance=8.0, ideal=10.0, **who),
        ]  # fmt: skip
        self.product.produce(
            [Message(TOPIC[type(one)], 0, 0, 0, subject.encode(), CODEC.encode(one), ()) for one in records]
        )

    def receipts(self) -> list[ActionUpdate]:
        """All that stand on the topic."""
        found = self.product.kafka.read(self.product.settings.topic("cx-action-updates"))
        return [CODEC.decode(record.value, ActionUpdate) for record in found]

    def until(self, condition: Callable[[], Any], what: str, seconds: float = 40.0) -> Any:
        """Waits."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s\n{self.console.said()[-3000:]}"
            time.sleep(0.05)
        return found


@pytest.fixture(scope="session")
def live(kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One installation for all tests: each has customers of its own."""
    folder = tmp_path_factory.mktemp("console")
    server = ClickHouseService(ClickHouse(folder / "clickhouse", options=("--readonly-user", READER)))
    port, metrics_port = ports.free_port(), ports.free_port()
    product = Product(
        kafka,
        server,
        "touchstone",
        folder,
        console_port=port,
        console_refresh_seconds=0.5,
        clickhouse_timeout_seconds=5.0,
        worker_traces="carry",
    )
    try:
        for number, region in ((1, "north"), (2, "south")):
            unit = Unit(unit_id=f"dealer-{number}", name=f"Dealer {number}", parents=[region])
            send_control(Control(control_id=f"unit-{number}", in_force_at=0, written_at=0, unit=unit), product.settings)
        worker = product.start("worker")
        product.start("sink", "clickhouse", TOUCHSTONE_SINK_SEGMENTS="city")
        users = msgspec.json.encode(USERS).decode()
        console = product.start(
            "console",
            TOUCHSTONE_CONSOLE_USERS=users,
            TOUCHSTONE_CONSOLE_SECRET="a secret of this test",
            TOUCHSTONE_CONSOLE_PROXY_HEADER="X-Forwarded-User",
            TOUCHSTONE_CONSOLE_PROXY_ADDRESSES=f"192.0.2.0/24,{PROXY}",
            TOUCHSTONE_METRICS_PORT=str(metrics_port),
        )
        deadline = time.monotonic() + 40
        while not ports.answers(port):
            assert time.monotonic() < deadline, console.said()
            time.sleep(0.05)
        yield Live(
            product, server, console, worker, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}/metrics"
        )
    finally:
        product.close()
        server.process.stop()
