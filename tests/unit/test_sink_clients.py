"""Clients of ClickHouse are closed while their threads are at work: cut, then disconnected by one thread only, and never for long."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from clickhouse_driver import Client

from sinks.clients import Clients
from sinks.database import judge
from streams.errors import Unavailable

WAIT_SECONDS = 20.0


class Watched(Client):  # type: ignore[misc]  # the library is untyped
    """Says when it is at work, and notes a disconnection from outside meanwhile."""

    def __init__(self, port: int) -> None:
        super().__init__("127.0.0.1", port=port, send_receive_timeout=600)
        self.working_thread: int | None = None
        self.raced = False

    def execute(self, *arguments: Any, **options: Any) -> Any:
        self.working_thread = threading.get_ident()
        try:
            return super().execute(*arguments, **options)
        finally:
            self.working_thread = None

    def disconnect(self) -> None:
        self.raced |= self.working_thread not in (None, threading.get_ident())
        super().disconnect()


def query(clients: Clients) -> None:
    try:
        with clients.own() as client:
            client.execute("SELECT 1")
    except Exception as error:
        raise judge(error) from error


def test_a_query_under_way_is_cut_and_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1) as pool:
        client = Watched(silent.getsockname()[1])
        clients = Clients(lambda: client)
        asked = pool.submit(query, clients)
        silent.settimeout(WAIT_SECONDS)
        peer, _ = silent.accept()
        with peer:
            peer.settimeout(WAIT_SECONDS)
            assert peer.recv(1)  # it has said hello, and waits for the answer
            clients.close()
            with pytest.raises(Unavailable):
                asked.result(WAIT_SECONDS)
        assert not client.raced
        assert not client.connection.connected


def test_after_the_end_nothing_is_asked_any_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        clients = Clients(lambda: Watched(silent.getsockname()[1]))
        clients.close()
        with pytest.raises(Unavailable, match="being closed"):
            query(clients)
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.accept()
