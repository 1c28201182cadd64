"""Tells everybody who watches that there is something new: threads call `tell`, coroutines wait for `news`."""

import asyncio


class Hub:
    """Belongs to one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()

    def tell(self) -> None:
        """From any thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._news, old = asyncio.Event(), self._news
        old.set()

    @property
    def news(self) -> asyncio.Event:
        """Will be set by the next `tell`: take it first, then look, then wait."""
        return self._news
