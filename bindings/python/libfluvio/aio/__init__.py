"""libfluvio for asyncio: the same names as in :mod:`libfluvio`, with ``await`` and ``async for``.

::

    import libfluvio.aio

    async def main(endpoint):
        async with libfluvio.aio.connect(endpoint) as client:
            await client.admin.create_topic("orders", partitions=3)
            async with client.producer("orders") as producer:
                delivery = await producer.send(b"first", key=b"k1")  # accepted
                report = await delivery                              # stored
            async with client.consumer("orders", start="beginning", stop_at="end") as consumer:
                async for record in consumer:
                    print(record.partition, record.offset, record.key, record.value)

``connect``, ``client.producer``, ``client.consumer`` and ``DevCluster`` may be awaited, or used with ``async with``,
which closes at the end of the block. The event loop waits on the library's descriptors, without helper threads; only
logs, statistics and events come by way of one that all clients share. Cancelling a task cancels what it waits for and
loses no record. Objects belong to the event loop they were made in.
"""

from __future__ import annotations

from ._admin import Admin
from ._client import Client, connect
from ._consumer import Consumer
from ._devcluster import DevCluster
from ._producer import Delivery, DeliveryGroup, Producer
from ._watch import Watch

__all__ = ["Admin", "Client", "Consumer", "Delivery", "DeliveryGroup", "DevCluster", "Producer", "Watch", "connect"]
