"""Consumer offsets: what one client stores, another lists, goes on from, and deletes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Tuple

from .clients import Client, Job, value_of
from .matrix import Matrix

FIRST, THEN = 3, 2
"""How many records the first client reads, and the second one after it."""


@dataclass
class Offsets:
    """What every client with named consumers did, in turns: store, go on as the other's consumer, delete, list."""

    matrix: Matrix
    results: Dict[Tuple[str, str], Any] = field(default_factory=dict)

    @property
    def topic(self) -> str:
        """The topic that all of them read."""
        return f"m-{self.matrix.run}-offsets"

    def clients(self) -> List[Client]:
        """Those that take part."""
        return [client for client in self.matrix.present() if client.offsets]

    def consumer(self, one: Client, other: Client) -> str:
        """The consumer's name of a pair."""
        return f"c-{self.matrix.run}-{one.slug}-{other.slug}"

    def result(self, client: Client, name: str) -> Any:
        """The result of a job, or its failure raised."""
        return value_of(self.results[client.slug, name])

    def listed(self, client: Client, when: str) -> Dict[str, int]:
        """Offsets of the topic by consumer, as a client listed them."""
        rows = self.result(client, f"list {when}")
        return {
            consumer: offset for consumer, topic, partition, offset in rows if (topic, partition) == (self.topic, 0)
        }

    def fill(self) -> None:
        """Runs every client."""
        writer = self.matrix.present()[0]
        records = [{"key": f"{i:02x}", "value": ""} for i in range(FIRST + THEN + 1)]
        self._run(writer, {"create": {"do": "create_topic", "topic": self.topic, "partitions": 1}})
        self._run(writer, {"write": {"do": "produce", "topic": self.topic, "records": records}})
        clients = self.clients()
        for one in clients:
            self._run(one, {f"store {self.consumer(one, other)}": self._commit(one, other, FIRST) for other in clients})
        for other in clients:
            jobs: Dict[str, Job] = {"list stored": {"do": "list_offsets"}}
            jobs.update({f"go on {self.consumer(one, other)}": self._commit(one, other, THEN) for one in clients})
            self._run(other, jobs)
        for one in clients:
            jobs = {"list moved": {"do": "list_offsets"}}
            for other in clients:
                name = self.consumer(one, other)
                jobs[f"delete {name}"] = {"do": "delete_offset", "topic": self.topic, "partition": 0, "consumer": name}
            self._run(one, jobs)
        for client in clients:
            self._run(client, {"list deleted": {"do": "list_offsets"}})

    def _commit(self, one: Client, other: Client, count: int) -> Job:
        name = self.consumer(one, other)
        return {"do": "commit", "topic": self.topic, "partition": 0, "consumer": name, "count": count}

    def _run(self, client: Client, jobs: Dict[str, Job]) -> None:
        self.results.update(
            {(client.slug, name): result for name, result in self.matrix.outcomes(client, jobs).items()}
        )
