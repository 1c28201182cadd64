"""Ports on loopback: a free one, whether one is taken, and by whom."""

import random
import socket

HOST = "127.0.0.1"


def free_port(host: str = HOST) -> int:
    """A port that nobody uses now, and that the system will not give to an outgoing connection meanwhile."""
    for _ in range(1000):
        port = random.randrange(20_000, 32_000)  # noqa: S311 - below what Linux and macOS hand out
        if is_free(port, host):
            return port
    raise OSError("no free port between 20000 and 32000")


def is_free(port: int, host: str = HOST) -> bool:
    """Could a server bind it? Connections of an earlier run that are still closing do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
        return True


def answers(port: int, host: str = HOST) -> bool:
    """Does something accept a connection?"""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def owner(port: int) -> str:
    """Who listens there, or else uses it: "java (pid 123)", or "" where the system does not tell."""
    import psutil

    found = ""
    try:
        for connection in psutil.net_connections("tcp"):
            if not connection.laddr or connection.laddr.port != port or not connection.pid:
                continue
            who = f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
            if connection.status == psutil.CONN_LISTEN:
                return who
            found = f"an outgoing connection of {who}"
    except (psutil.Error, OSError):  # macOS tells only root
        pass
    return found
