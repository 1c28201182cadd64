"""The console over HTTP: sign-in, scope in pages and receipts, what other sites may not do, and the way of a receipt through the stream."""

import re
import urllib.request
from contextlib import closing
from http.client import HTTPConnection

import pytest

from tests.console_live import PROXY, Live

PAGES = ("/now", "/episodes", "/touchpoints", "/health", "/tasks")


def action_of(live: Live, user: str, name: str) -> tuple[str, str]:
    """(action, address of the customer) of the first thing to do for somebody with this name."""

    def found() -> tuple[str, str] | None:
        for row in live.page("/episodes", user).split("<tr")[1:]:
            action, address = re.search(r'data-action="([^"]+)"', row), re.search(r'href="(/customers/\w+)"', row)
            if name in row and action and address:
                return action[1], address[1]
        return None

    made: tuple[str, str] = live.until(found, f"an episode of {name} on the page")
    return made


def test_nobody_comes_in_without_a_session(live: Live) -> None:
    for path in (*PAGES, "/customers/" + "0" * 32):
        answer = live.ask(path)
        assert (answer.status, answer.headers["Location"]) == (303, "/sign-in")
    assert live.ask("/stream/now").status == 401
    assert live.ask("/receipts", data={"action": "a", "status": "accepted"}).status == 401
    assert live.ask("/sign-in", data={"token": "wrong-0123456789abcdef"}).status == 401
    assert live.ask("/now", Cookie="touchstone_session=AAAA").status == 303
    assert live.ask("/now", X_Forwarded_User="lead").status == 303  # only a proxy is believed
    assert live.ask("/livez").status == 200


def test_a_proxy_names_the_visitor_and_nobody_else_does(live: Live) -> None:
    live.unhappy("proxy-1", "dealer-1", "Ann Proxy")
    live.unhappy("proxy-2", "dealer-2", "Bob Proxy")
    mine, elsewhere = action_of(live, "one", "Ann Proxy")[0], action_of(live, "two", "Bob Proxy")[0]
    page = live.ask("/episodes", source=PROXY, X_Forwarded_User="pat")
    assert page.status == 200
    assert "Ann Proxy" in page.text
    assert "Bob Proxy" not in page.text
    assert "sign-out" not in page.text  # that is the proxy's to do
    assert live.ask("/episodes", X_Forwarded_User="pat").status == 303  # the same from elsewhere
    for name in ("nobody", "", "PAT"):
        assert live.ask("/episodes", source=PROXY, X_Forwarded_User=name).status == 303
    assert (
        live.ask("/episodes", user="lead", source=PROXY, X_Forwarded_User="nobody").status == 303
    )  # its word counts, not the cookie's
    assert live.ask("/episodes", user="lead", source=PROXY).status == 200  # it says nothing: she signed in here

    with closing(HTTPConnection(*live.url.removeprefix("http://").split(":"), 30, (PROXY, 0))) as connection:  # type: ignore[arg-type]
        connection.putrequest("GET", "/episodes")
        connection.putheader("X-Forwarded-User", "lead")  # what a visitor sent, and the proxy did not take out
        connection.putheader("X-Forwarded-User", "pat")
        connection.endheaders()
        assert connection.getresponse().status == 303

    def send(action: str, **headers: str) -> int:
        return live.ask("/receipts", data={"action": action, "status": "accepted"}, source=PROXY, **headers).status

    by_script = {"X_Requested_With": "console"}
    assert send(mine) == 401
    assert send(elsewhere, X_Forwarded_User="pat", **by_script) == 403
    assert send(mine, X_Forwarded_User="pat", Origin="http://elsewhere.example", **by_script) == 403
    assert send(mine, X_Forwarded_User="pat", **by_script) == 204
    live.until(lambda: [one for one in live.receipts() if one.subject_id == "proxy-1"], "the receipt")
    (receipt,) = [one for one in live.receipts() if one.subject_id.startswith("proxy")]
    assert (receipt.by, receipt.unit) == ("pat", "dealer-1")


def test_the_console_counts_what_it_does(live: Live) -> None:
    def counted() -> dict[str, float]:
        with urllib.request.urlopen(live.metrics, timeout=10) as answer:  # noqa: S310
            lines = [line for line in answer.read().decode().splitlines() if line.startswith("touchstone_console_")]
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def watching(now: dict[str, float]) -> bool:
        rising = ("queries_total", "panels_total", "round_seconds_count")
        return (
            now["touchstone_console_pages"] >= 1
            and now["touchstone_console_questions"] >= 1
            and all(now[f"touchstone_console_{name}"] > before.get(f"touchstone_console_{name}", 0) for name in rising)
            and all(
                now.get(f'touchstone_console_available{{source="{name}"}}') == 1
                for name in ("clickhouse", "topics", "kafka")
            )
        )

    before = counted()
    refused = 'touchstone_console_receipts_total{outcome="forbidden",status="resolved"}'
    wrong = 'touchstone_console_sign_ins_total{outcome="refused"}'
    assert live.ask("/receipts", "lead", {"action": "no such action", "status": "resolved"}).status == 403
    assert live.ask("/sign-in", data={"token": "wrong-0123456789abcdef"}).status == 401
    request = urllib.request.Request(live.url + "/stream/touchpoints", headers={"Cookie": live.cookie("lead")})  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as stream:  # noqa: S310
        while b"event: state" not in stream.readline():
            pass
        live.until(lambda: watching(counted()), "what the rounds count while somebody watches")
        after = counted()
    assert after[refused] == before.get(refused, 0) + 1
    assert after[wrong] == before.get(wrong, 0) + 1


@pytest.mark.parametrize("path", [*PAGES, "/sign-in", "/static/console.js", "/none"])
def test_every_answer_says_what_a_browser_may_do(live: Live, path: str) -> None:
    answer = live.ask(path, "lead")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.status == (404 if path == "/none" else 200)


def test_a_receipt_goes_through_the_stream_and_only_for_ones_own(live: Live) -> None:
    live.unhappy("http-1", "dealer-1", "Ada Http")
    live.unhappy("http-2", "dealer-2", "Bea Http")
    action, address = action_of(live, "one", "Ada Http")
    other, elsewhere = action_of(live, "two", "Bea Http")

    for path in ("/now", "/episodes", "/tasks", "/touchpoints", "/health"):
        page = live.page(path, "one")
        assert "Bea Http" not in page
        assert "http-2" not in page
    assert live.ask(address, "one").status == 200
    assert live.ask(elsewhere, "one").status == live.ask("/customers/" + "0" * 32, "one").status == 404
    assert live.ask("/stream" + elsewhere, "one").status == 404
    assert live.ask("/find", "one", {"subject": "http-2"}).status == 404
    found = live.ask("/find", "one", {"subject": "http-1"})
    assert (found.status, found.headers["Location"]) == (303, address)
    assert "http-1" not in address

    assert live.ask("/receipts", "one", {"action": other, "status": "accepted"}).status == 403
    assert live.ask("/receipts", "eye", {"action": action, "status": "accepted"}).status == 403
    assert live.ask("/receipts", "one", {"action": action, "status": "compensated"}).status == 400
    foreign = live.ask("/receipts", "one", {"action": action, "status": "accepted"}, Origin="http://elsewhere.example")
    assert foreign.status == 403
    assert [one for one in live.receipts() if one.subject_id.startswith("http")] == []

    sent = live.ask(
        "/receipts", "one", {"action": action, "status": "accepted", "note": "I call her"}, X_Requested_With="console"
    )
    assert sent.status == 204
    live.until(lambda: "claimed by dealer-1/7" in live.page(address, "one"), "the receipt on the page")
    (receipt,) = [one for one in live.receipts() if one.subject_id.startswith("http")]
    assert (receipt.action_id, receipt.status, receipt.by, receipt.unit) == (
        action,
        "accepted",
        "dealer-1/7",
        "dealer-1",
    )
    assert receipt.subject_id == "http-1"
    live.until(lambda: "I call her" in live.page(address, "one"), "the words, from ClickHouse")
    assert "<mark>" in live.page(address, "one")
    assert live.ask("/receipts", "lead", {"action": other, "status": "declined"}).status == 303


def test_a_refused_message_is_opened_repaired_and_sent_again(live: Live) -> None:
    cut = b"\0\0\0\0\1" + b"\6abc" + b"\2" + b"\6c-9"
    live.product.kafka.produce(live.product.settings.topic("cx-touchpoints"), [(b"c-9", cut)])

    def letter() -> str | None:
        found = re.search(r'href="(/letters/[^"]+)"', live.page("/health", "lead"))
        return found[1] if found else None

    path = live.until(letter, "the refused message on the page")
    refused = re.compile(r'href="/health"><b>[1-9]\d*</b> Refused')
    live.until(lambda: refused.search(live.page("/now", "lead")), "how many were refused, on Now")
    page = live.page(path, "lead")
    assert "abc" in page
    assert "00 00 00 00 01" in page
    assert live.ask(path, "one").status == 404  # nobody can say whose it is
    assert live.ask(path, "one", {"record": "{}"}).status == 403
    assert "Not sent" in live.ask(path, "lead", {"record": '{"event_id": "abc"}'}).text
    repaired = '{"event_id": "abc", "subject_type": "customer", "subject_id": "c-9", "occurred_at": "2026-03-01T09:00:00Z", "touchpoint": "search", "outcome": "success"}'
    assert "Sent." in live.ask(path, "lead", {"record": repaired}).text
    live.until(lambda: live.ask("/find", "lead", {"subject": "c-9"}).status == 303, "the repaired event in ClickHouse")


def test_a_stream_brings_panels_and_their_age(live: Live) -> None:
    request = urllib.request.Request(live.url + "/stream/now", headers={"Cookie": live.cookie("lead")})  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as stream:  # noqa: S310
        assert stream.headers["Content-Type"] == "text/event-stream"
        seen = set()
        while not {"event: panel", "event: state"} <= seen:
            seen.add(stream.readline().decode().strip())
