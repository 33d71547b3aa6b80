"""What is the same in the programs for both versions of the official Python client."""

from __future__ import annotations

import os
from typing import Any, Iterable, List

import fluvio
import jobs
from jobs import Job


class Client:
    """Its two connections, each made when it is needed first."""

    def __init__(self, endpoint: str) -> None:
        self.config = fluvio.FluvioConfig.new(endpoint)
        self.config.disable_tls()
        self._data: Any = None
        self._admin: Any = None

    @property
    def data(self) -> Any:
        """Produces and consumes."""
        if self._data is None:
            self._data = fluvio.Fluvio.connect_with_config(self.config)
        return self._data

    @property
    def admin(self) -> Any:
        """Creates, deletes and lists."""
        if self._admin is None:
            self._admin = fluvio.FluvioAdmin.connect_with_config(self.config)
        return self._admin


def delete_topic(client: Client, job: Job) -> Any:
    """Deletes a topic."""
    client.admin.delete_topic(job["topic"])


def list_topics(client: Client, job: Job) -> Any:
    """The names of the topics; the client does not show their numbers of partitions."""
    return sorted([topic.name(), None] for topic in client.admin.all_topics())


def places(outputs: Iterable[Any]) -> List[Any]:
    """Partition and offset of each record that was sent."""
    return [[report.partition_id(), report.offset()] for report in [output.wait() for output in outputs]]


def row(partition: int, record: Any) -> List[Any]:
    """A record that was read. It does not tell its partition."""
    key, value = bytes(record.key()).hex(), bytes(record.value()).hex()
    return [partition, record.offset(), record.timestamp(), key, value]


def main(table: jobs.Jobs) -> None:
    """Runs the jobs, and ends even if the client's threads would not let the interpreter."""
    asked = jobs.asked()
    jobs.answer(Client(asked["endpoint"]), asked, table)
    os._exit(0)
