"""Follows what another worker's tasks write to their changelogs, so that this one can take a partition over at once.

In: the cores of one partition's tasks, without inputs. They only read; nothing fences and nothing is written.
"""

import asyncio
import logging
from collections.abc import Sequence

from aiokafka.errors import KafkaError

from streams.engine.core import TaskCore
from streams.engine.restore import read_changelog, state_consumer
from streams.errors import UserError
from streams.settings import Settings

_log = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0


class Standby:
    """Of one partition number; `cores` in the order of the jobs."""

    def __init__(self, cores: Sequence[TaskCore], settings: Settings) -> None:
        self.cores = list(cores)
        self._settings = settings
        self._following = asyncio.create_task(self._follow(), name=f"standby-{self.cores[0].partition}")

    async def _follow(self) -> None:
        told = False
        while True:
            try:
                async with state_consumer(self._settings) as consumer:
                    while True:
                        for core in self.cores:
                            await read_changelog(core, consumer, self._settings)
                        if not told:
                            told = True
                            self._tell()
                        await asyncio.sleep(_PAUSE_SECONDS)
            except KafkaError as error:
                _log.warning("standby of partition %d: %r; tries again", self.cores[0].partition, error)
                await asyncio.sleep(_PAUSE_SECONDS)
            except UserError as error:
                _log.error("standby of partition %d stops: %s", self.cores[0].partition, error)
                return  # whoever takes the partition over meets the same error and says it again

    def _tell(self) -> None:
        for core in self.cores:
            _log.info("%s: standby follows with %d keys", core.where, len(core.store))

    @property
    def ended(self) -> bool:
        """Does it follow no longer?"""
        return self._following.done()

    async def stop(self) -> list[TaskCore]:
        """The cores, for the tasks that take over."""
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)
        return self.cores

    async def close(self) -> None:
        """Follow no longer."""
        for core in await self.stop():
            core.store.close()
