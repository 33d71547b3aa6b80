"""How the steps of objects are written down, and what objects look like in lists."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from typing import Any, Callable, List, Sequence

from .clients import CLIENTS, Client, Job

BY_SLUG = {client.slug: client for client in CLIENTS}
RUST, PYTHON = BY_SLUG["ors"], BY_SLUG["opy"]
OURS = [client for client in CLIENTS if not client.official]
PAYLOAD = gzip.compress(b"\0asm\1\0\0\0")
"""What a SmartModule's spec carries: WebAssembly, compressed. The official Python client leaves that to its user."""


@dataclass(frozen=True)
class Step:
    """One job, and what has to come of it."""

    client: Client
    column: str
    name: str
    job: Job
    ok: Any = None
    """The result, as far as ``part`` shows it."""
    refused: str = ""
    """What an error has to say, as a regular expression. The Rust client names the server's code."""
    part: Callable[[Any], Any] = lambda result: result
    needs: Sequence[Client] = ()
    """Whose earlier steps this one looks at."""

    @property
    def key(self) -> str:
        """Names it in all of the script."""
        return f"{self.client.slug} {self.column}: {self.name}"


@dataclass
class Script:
    """Collects the steps of one client, one column of the report after the other."""

    client: Client
    run: str
    steps: List[Step] = field(default_factory=list)
    column: str = ""

    def name(self, suffix: str) -> str:
        """The name of an object of this run."""
        return f"o-{self.run}-{suffix}"

    def step(self, name: str, job: Job, ok: Any = None, **more: Any) -> None:
        """Adds a step."""
        self.steps.append(Step(self.client, self.column, name, job, ok, **more))

    def create(self, what: str, kind: str, name: str, spec: Any, **more: Any) -> None:
        """Adds the creation of an object; more of the job's fields, or what it is refused with."""
        refused = more.pop("refused", "")
        job = {"do": "create_object", "type": kind, "name": name, "spec": spec, **more}
        self.step(what, job, refused=refused)

    def delete(
        self, what: str, kind: str, name: str, refused: str = "", needs: Sequence[Client] = (), **more: Any
    ) -> None:
        """Adds a deletion."""
        job = {"do": "delete_object", "type": kind, "name": name, **more}
        self.step(what, job, refused=refused, needs=needs)

    def see(self, what: str, kind: str, name: str, ok: Any, needs: Sequence[Client] = (), **more: Any) -> None:
        """Adds a look at one object: spec and status, or only the spec. None when it must not be there."""
        job = {"do": "list_objects", "type": kind, "names": [name], **more}

        def part(rows: Any) -> Any:
            found = next((unplaced(spec, status) for each, spec, status in rows if each == name), None)
            return found if isinstance(ok, list) or found is None else found[0]

        self.step(what, job, ok, part=part, needs=needs)


def unplaced(spec: Any, status: Any) -> List[Any]:
    """Spec and status of an object without the SPUs that the SC has chosen."""
    if isinstance(status, dict) and "replicaMap" in status:
        status = {**status, "replicaMap": sorted(map(int, status["replicaMap"]))}
    if "leader" in spec:
        spec = {field: value for field, value in spec.items() if field not in ("leader", "replicas")}
    return [spec, status]


def computed(partitions: int = 1, replication: int = 1, **settings: Any) -> Any:
    """The spec of a topic whose replicas the SC places."""
    counts = {"partitions": partitions, "replicationFactor": replication, "ignoreRackAssignment": False}
    return {"replicas": {"computed": counts}, **settings}


def storage(segment: Any, most: Any) -> Any:
    """The part of a topic's spec about sizes."""
    return {"storage": {"segmentSize": segment, "maxPartitionSize": most}}


def assigned(*replicas: List[int], first: int = 0) -> Any:
    """The spec of a topic with chosen SPUs for each partition."""
    return {"replicas": {"assigned": [{"id": first + i, "replicas": each} for i, each in enumerate(replicas)]}}


def topic(spec: Any, partitions: int, mirrors: Any = None) -> Any:
    """A topic as listed."""
    filled = {"compressionType": "Any", "system": False, **spec}
    placed = list(range(partitions))
    return [filled, {"resolution": "Provisioned", "replicaMap": placed, "mirrorMap": mirrors or {}, "reason": ""}]


EVERY_SETTING = {
    "replication": 1,
    "ignore_rack": True,
    "retention_seconds": 3600,
    "segment_size": 4096,
    "max_partition_size": 8192,
    "compression": "lz4",
}


def every_setting(partitions: int, **asked: Any) -> Any:
    """The spec of a topic with everything set, as listed: ignoreRackAssignment is there when it is false only."""
    return {
        "replicas": {"computed": {"partitions": partitions, "replicationFactor": 1, **asked}},
        "cleanupPolicy": {"segment": {"timeInSeconds": 3600}},
        **storage(4096, 8192),
        "compressionType": "Lz4",
    }


def described(partitions: int) -> Any:
    """The same as libfluvio's clients describe it."""
    shown = {name: value for name, value in EVERY_SETTING.items() if name != "ignore_rack"}
    return {"partitions": partitions, **shown, "status": "provisioned"}


def partition(**spec: Any) -> Any:
    """A partition's spec as listed, without the SPUs."""
    nothing = {"cleanupPolicy": None, "storage": None, "deduplication": None, "mirror": None, "system": False}
    return {"compressionType": "Any", **nothing, **spec}


def one_of(name: str) -> Callable[[Any], Any]:
    """Takes one topic out of all."""
    return lambda topics: topics.get(name)
