"""Runs the clients against one cluster, once, and keeps what each wrote and read."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from . import raw
from .cases import CASES, CHOSEN, REFUSED, VIEWS, Case, Record, View
from .clients import CLIENTS, Client, Failed, Job, Unavailable, value_of

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


def refusal(client: Client, name: str, error: str) -> Failed:
    """What became of a job that ended with an error."""
    return Failed(f"{client.name}, {name}: {error}", error)


@dataclass
class Matrix:
    """What every client did. Failures are kept too, for the tests to raise: one client must not end the others'."""

    endpoint: str
    cluster: str
    """What the cluster is called in the report."""
    spus: Sequence[str]
    """The addresses of its SPUs."""
    clients: Sequence[Client] = tuple(CLIENTS)
    cases: Sequence[Case] = tuple(CASES)
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:6])
    missing: Dict[str, Unavailable] = field(default_factory=dict)
    """Why a client is not here, by slug."""
    results: Dict[Key, Any] = field(default_factory=dict)
    """Results of jobs; a Failed for one without."""
    written: Dict[str, Tuple[int, int]] = field(default_factory=dict)
    """When a client wrote: before and after, in milliseconds since the epoch."""

    def result(self, client: Client, name: str) -> Any:
        """The result of a job, or its failure raised."""
        return value_of(self.results[client.slug, name])

    def present(self) -> List[Client]:
        """The clients that this machine has."""
        return [client for client in self.clients if client.slug not in self.missing]

    def judge(self, client: Client) -> Client:
        """Whose view counts where two could be wrong together: an official client's, without one the client's own."""
        return next((each for each in reversed(self.present()) if each.official), client)

    def neighbour(self, client: Client) -> Client:
        """The next client that is here: it deletes what this one created."""
        present = self.present()
        return present[(present.index(client) + 1) % len(present)]

    def creator(self, client: Client, case: Case) -> Client:
        """Who creates the topic of a case and writer: the writer, if it can."""
        return client if client.sets_policy or not case.policy else self.present()[0]

    def has(self, case: Case) -> bool:
        """Whether there is a topic for a case."""
        return any(each.name == case.name for each in self.cases)

    def kept(self, client: Client) -> Dict[str, int]:
        """The topics that a client created and nobody deletes, with their numbers of partitions."""
        return {
            case.topic(writer, self.run): case.partitions
            for writer in self.present()
            for case in self.cases
            if self.creator(writer, case) is client
        }

    def deleted(self, client: Client) -> str:
        """The topic that a client creates and its neighbour deletes."""
        return f"m-{self.run}-{client.slug}-deleted"

    def stored(self, writer: Client, case: Case) -> List[Tuple[int, int, Record]]:
        """What a writer was told: partition and offset of each record it sent."""
        reports = self.result(writer, f"write {case.topic(writer, self.run)}")
        records = case.written_by(writer)
        assert len(reports) == len(records)
        return [(partition, offset, record) for (partition, offset), record in zip(reports, records)]

    def reads(self, writer: Client, reader: Client, case: Case) -> List[Read]:
        """What a reader found in a writer's topic, in the order of partitions and offsets."""
        return self.found(reader, self._reads(reader, writer, case))

    def views(self, writer: Client, reader: Client, view: View) -> List[Read]:
        """What a reader found in a view of a writer's topic."""
        return self.found(reader, [f"read {CHOSEN.topic(writer, self.run)} {view.name}"])

    def found(self, reader: Client, names: Iterable[str]) -> List[Read]:
        """What a reader's jobs read, in the order of partitions and offsets."""
        found: List[Read] = []
        for name in names:
            for partition, offset, timestamp, key, value in self.result(reader, name):
                seen_key = None if key is None else bytes.fromhex(key)
                found.append(Read(partition, offset, timestamp, seen_key, bytes.fromhex(value)))
        return sorted(found, key=lambda read: (read.partition, read.offset))

    def codecs(self, writer: Client, case: Case) -> Dict[int, List[str]]:
        """The codec of every batch, by partition, as the SPUs have them stored."""
        topic = case.topic(writer, self.run)
        return {partition: raw.codecs(self.spus, topic, partition) for partition in range(case.partitions)}

    # ------------------------------------------------------------------ running

    def fill(self) -> None:
        """Runs every client: all create, all write, each deletes a topic of another, all list and read.

        Creating and writing are processes of their own: right after creating a topic the official clients may not find
        it yet, when the cluster answers faster than they take in the metadata it sends.
        """
        for client in self.clients:
            try:
                client.prepare()
            except Unavailable as reason:
                self.missing[client.slug] = reason
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

    def clear(self) -> None:
        """Deletes every topic of this run, from a cluster that goes on."""
        remover = self.present()[0]
        topics = [topic for topic, _ in remover.run(self.endpoint, [{"do": "list_topics"}])[0]["ok"]]
        mine = [topic for topic in topics if topic.startswith(f"m-{self.run}-")]
        remover.run(self.endpoint, [{"do": "delete_topic", "topic": topic} for topic in mine])

    def outcomes(self, client: Client, jobs: Dict[str, Job]) -> Dict[str, Any]:
        """Runs named jobs in one process; gives the result of each, or the Failed that says why there is none."""
        try:
            results = client.run(self.endpoint, list(jobs.values()))
        except Failed as failure:
            return {name: failure for name in jobs}
        return {
            name: result["ok"] if "error" not in result else refusal(client, name, result["error"])
            for name, result in zip(jobs, results)
        }

    def _jobs(self, client: Client, jobs: Dict[str, Job]) -> None:
        self.results.update({(client.slug, name): result for name, result in self.outcomes(client, jobs).items()})

    def _creating(self, client: Client) -> Dict[str, Job]:
        jobs = {
            f"create {case.topic(writer, self.run)}": case.creation(writer, self.run)
            for writer in self.present()
            for case in self.cases
            if self.creator(writer, case) is client
        }
        gone = self.deleted(client)
        return {**jobs, f"create {gone}": {"do": "create_topic", "topic": gone, "partitions": 1}}

    def _writing(self, client: Client) -> Dict[str, Job]:
        return {
            f"write {case.topic(client, self.run)}": case.job(client, self.run)
            for case in self.cases
            if case.written_by(client)
        }

    def _changing(self, client: Client) -> Dict[str, Job]:
        """Refused requests first: the topic is there, or it is not, or has another codec."""
        other = next(each for each in self.present() if self.neighbour(each) is client)
        taken, unknown = self.cases[0].topic(client, self.run), f"m-{self.run}-nowhere"
        return {
            "create a topic twice": {"do": "create_topic", "topic": taken, "partitions": 1},
            "delete an unknown topic": {"do": "delete_topic", "topic": unknown},
            **({"write with another codec": REFUSED.job(client, self.run)} if self.has(REFUSED) else {}),
            f"delete {self.deleted(other)}": {"do": "delete_topic", "topic": self.deleted(other)},
        }

    def _reading(self, client: Client) -> Dict[str, Job]:
        jobs: Dict[str, Job] = {"list topics": {"do": "list_topics"}}
        for writer in self.present():
            for case in self.cases:
                if case.written_by(writer):
                    jobs.update(self._reads(client, writer, case))
            if self.has(CHOSEN):
                topic = CHOSEN.topic(writer, self.run)
                jobs.update({f"read {topic} {view.name}": view.job(topic) for view in VIEWS if view.offered_by(client)})
        return jobs

    def _reads(self, reader: Client, writer: Client, case: Case) -> Dict[str, Job]:
        """The jobs that read a topic, by their names: one, or one for each partition."""
        topic = case.topic(writer, self.run)
        job: Job = {"do": "consume", "topic": topic}
        if reader.reads_all:
            return {f"read {topic}": job}
        jobs = {f"read {topic}/{each}": {**job, "partition": each} for each in range(case.partitions)}
        if reader.stops_at_end:
            return jobs
        wrote = self.results[writer.slug, f"write {topic}"]
        counts = Counter() if isinstance(wrote, Failed) else Counter(partition for partition, _ in wrote)
        return {name: {**each, "count": counts[each["partition"]]} for name, each in jobs.items()}
