"""Notices when a request that ends a transaction, or holds its offsets, was sent and got no answer.

aiokafka sends it again. The first one may still be on the road, and would end, or take back, the next transaction of the same
producer epoch (what KIP-890 is about). The epoch must not be raised without reading the offsets anew: a zombie would fence its heir.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, NodeNotReadyError
from aiokafka.protocol.transaction import EndTxnRequest, TxnOffsetCommitRequest


class Answers:
    """Of one producer, from its start on. `missing` names the request."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self.missing: str | None = None
        self._send: Callable[..., Awaitable[Any]] = producer.client.send
        producer.client.send = self._watched

    async def _watched(self, node: int, request: Any, **options: Any) -> Any:  # Any: aiokafka's requests and answers
        try:
            return await self._send(node, request, **options)
        except NodeNotReadyError:
            raise  # it was not sent
        except KafkaError:
            if isinstance(request, EndTxnRequest | TxnOffsetCommitRequest):
                self.missing = type(request).__name__
            raise
