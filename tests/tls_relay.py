"""TLS in front of a server that speaks without: what a client sends encrypted goes on in the clear, on loopback."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

CHUNK_BYTES = 65_536


@contextlib.contextmanager
def tls_relay(host: str, port: int, pem: Path) -> Iterator[int]:
    """The port to connect to. `pem`: key and certificate of the server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    started: SimpleQueue[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = SimpleQueue()

    async def serve() -> None:
        end, open_ones = asyncio.Event(), set[asyncio.Task[None]]()

        def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(_relay(reader, writer, host, port))
            open_ones.add(task)
            task.add_done_callback(open_ones.discard)

        server = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=context)
        started.put((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), end))
        await end.wait()
        server.close()
        for task in tuple(open_ones):
            task.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="tls-relay", daemon=True)
    thread.start()
    listening, loop, end = started.get(timeout=10)
    try:
        yield listening
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(10)


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    behind, before = await asyncio.open_connection(host, port)
    try:
        await asyncio.wait(
            [asyncio.ensure_future(_copy(reader, before)), asyncio.ensure_future(_copy(behind, writer))],
            return_when=asyncio.FIRST_COMPLETED,
        )
    finally:
        for one in (writer, before):
            one.transport.abort()
            with contextlib.suppress(OSError):
                await one.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
