"""Runs the clients against one cluster, once, and keeps what each wrote and read."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

from .cases import CASES, PARTITIONS, Case
from .clients import CLIENTS, Client, Failed, Job, Unavailable

Key = Tuple[str, str]
"""A client's slug and the name of what it did."""


@dataclass(frozen=True, order=True)
class Read:
    """A record that a client read."""

    partition: int
    offset: int
    timestamp: int
    key: Optional[bytes]
    value: bytes


def read_jobs(reader: Client, topic: str) -> Dict[str, Job]:
    """The jobs that read a topic, by their names: one, or one for each partition."""
    job: Job = {"do": "consume", "topic": topic}
    if reader.reads_all:
        return {f"read {topic}": job}
    return {f"read {topic}/{partition}": {**job, "partition": partition} for partition in range(PARTITIONS)}


@dataclass
class Matrix:
    """What every client did. Failures are kept too, for the tests to raise: one client must not end the others'."""

    endpoint: str
    cluster: str
    """What the cluster is called in the report."""
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:6])
    missing: Dict[str, str] = field(default_factory=dict)
    """Why a client is not here, by slug."""
    results: Dict[Key, Any] = field(default_factory=dict)
    """Results of jobs; a Failed for one without."""
    written: Dict[str, Tuple[int, int]] = field(default_factory=dict)
    """When a client wrote: before and after, in milliseconds since the epoch."""

    def result(self, client: Client, name: str) -> Any:
        """The result of a job, or its failure raised."""
        result = self.results[client.slug, name]
        if isinstance(result, Failed):
            raise Failed(str(result))  # a new one: many tests raise it
        return result

    def present(self) -> List[Client]:
        """The clients that this machine has."""
        return [client for client in CLIENTS if client.slug not in self.missing]

    def judge(self, client: Client) -> Client:
        """Whose view counts where two could be wrong together: an official client's, without one the client's own."""
        return next((each for each in reversed(self.present()) if each.official), client)

    def neighbour(self, client: Client) -> Client:
        """The next client that is here: it deletes what this one created."""
        present = self.present()
        return present[(present.index(client) + 1) % len(present)]

    def kept(self, client: Client) -> Dict[str, int]:
        """The topics that a client created and nobody deletes, with their numbers of partitions."""
        return {case.topic(client, self.run): PARTITIONS for case in CASES}

    def deleted(self, client: Client) -> str:
        """The topic that a client creates and its neighbour deletes."""
        return f"m-{self.run}-{client.slug}-deleted"

    def reads(self, writer: Client, reader: Client, case: Case) -> List[Read]:
        """What a reader found in a writer's topic, in the order of partitions and offsets."""
        found: List[Read] = []
        for name in read_jobs(reader, case.topic(writer, self.run)):
            for partition, offset, timestamp, key, value in self.result(reader, name):
                raw = None if key is None else bytes.fromhex(key)
                found.append(Read(partition, offset, timestamp, raw, bytes.fromhex(value)))
        return sorted(found, key=lambda read: (read.partition, read.offset))

    # ------------------------------------------------------------------ running

    def fill(self) -> None:
        """Runs every client: all create, all write, each deletes a topic of another, all list and read.

        Creating and writing are processes of their own: right after creating a topic the official clients may not find
        it yet, when the cluster answers faster than they take in the metadata it sends.
        """
        for client in CLIENTS:
            try:
                client.prepare()
            except Unavailable as reason:
                self.missing[client.slug] = str(reason)
            except Failed:
                pass  # the first jobs report it
        for client in self.present():
            self._jobs(client, self._creating(client))
        for client in self.present():
            before = time.time_ns() // 1_000_000
            self._jobs(client, self._writing(client))
            self.written[client.slug] = before, time.time_ns() // 1_000_000 + 1
        for client in self.present():
            self._jobs(client, self._changing(client))
        for client in self.present():
            self._jobs(client, self._reading(client))

    def outcomes(self, client: Client, jobs: Dict[str, Job]) -> Dict[str, Any]:
        """Runs named jobs in one process; gives the result of each, or the Failed that says why there is none."""
        try:
            results = client.run(self.endpoint, list(jobs.values()))
        except Failed as failure:
            return {name: failure for name in jobs}
        return {
            name: result["ok"] if "error" not in result else Failed(f"{client.name}, {name}: {result['error']}")
            for name, result in zip(jobs, results)
        }

    def _jobs(self, client: Client, jobs: Dict[str, Job]) -> None:
        self.results.update({(client.slug, name): result for name, result in self.outcomes(client, jobs).items()})

    def _creating(self, client: Client) -> Dict[str, Job]:
        topics = {**self.kept(client), self.deleted(client): 1}
        return {
            f"create {topic}": {"do": "create_topic", "topic": topic, "partitions": partitions}
            for topic, partitions in topics.items()
        }

    def _writing(self, client: Client) -> Dict[str, Job]:
        return {
            f"write {case.topic(client, self.run)}": case.job(client, self.run)
            for case in CASES
            if case.written_by(client)
        }

    def _changing(self, client: Client) -> Dict[str, Job]:
        """Refused requests first: the topic is there, or it is not."""
        other = next(each for each in self.present() if self.neighbour(each) is client)
        taken, unknown = CASES[0].topic(client, self.run), f"m-{self.run}-nowhere"
        return {
            "create a topic twice": {"do": "create_topic", "topic": taken, "partitions": 1},
            "delete an unknown topic": {"do": "delete_topic", "topic": unknown},
            f"delete {self.deleted(other)}": {"do": "delete_topic", "topic": self.deleted(other)},
        }

    def _reading(self, client: Client) -> Dict[str, Job]:
        jobs: Dict[str, Job] = {"list topics": {"do": "list_topics"}}
        for writer in self.present():
            for case in CASES:
                if case.written_by(writer):
                    jobs.update(read_jobs(client, case.topic(writer, self.run)))
        return jobs
