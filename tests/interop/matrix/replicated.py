"""A partition with records that are not committed: what read_committed leaves out, and nothing else does."""

from __future__ import annotations

import json
import os
import tempfile
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Dict, List, Sequence

import libfluvio

from .clients import Client, Job, value_of
from .matrix import Matrix
from .recorder import isolations, through

TOPIC = "replicated"
COMMITTED, MORE = 3, 2


@dataclass
class Replicated:
    """What every client read, and asked for."""

    results: Dict[str, Any]
    asked: Dict[str, List[int]]
    """The isolation of the streams that a client opened, by slug: 1 is read_committed."""

    def offsets(self, client: Client, isolation: str) -> List[int]:
        """The offsets that a client saw, or its failure raised."""
        return [offset for _, offset, *_ in value_of(self.results[client.slug][isolation])]


def control(cluster: libfluvio.DevCluster, path: str, post: bool = False) -> Any:
    """Asks the dev cluster's control port."""
    request = urllib.request.Request(f"{cluster.control_url}/v1/{path}", method="POST" if post else "GET")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def read(clients: Sequence[Client]) -> Replicated:
    """Has every client read in both ways, on a dev cluster of two SPUs where the follower went down after COMMITTED
    records and before MORE of them."""
    job: Job = {"do": "consume", "topic": TOPIC, "partition": 0}
    jobs = {
        "read_committed": {**job, "isolation": "read_committed"},
        "read_uncommitted": {**job, "isolation": "read_uncommitted", "count": COMMITTED + MORE},
    }
    found = Replicated({}, {})
    with ExitStack() as stack:
        cluster = stack.enter_context(libfluvio.DevCluster(spus=2))
        client = stack.enter_context(libfluvio.connect(cluster.endpoint))
        file = os.path.join(stack.enter_context(tempfile.TemporaryDirectory()), "session.jsonl")
        client.admin.create_topic(TOPIC, replication=2)
        with client.producer(TOPIC) as producer:
            producer.send_many([b"committed"] * COMMITTED).result(10)
            leader = control(cluster, f"topics/{TOPIC}/0")["leader"]
            (follower,) = {5001, 5002} - {leader}
            control(cluster, f"spu/{follower}/stop", post=True)
            producer.send_many([b"only with the leader"] * MORE).result(10)
        for each in clients:
            if each.chooses_isolation:

                def run(endpoint: str, each: Client = each) -> Dict[str, Any]:
                    return Matrix(endpoint, "", cluster.spu_endpoints).outcomes(each, jobs)

                found.results[each.slug], _, _ = through(run, "--sc", cluster.endpoint, "--out", file)
                found.asked[each.slug] = list(isolations(file))
    return found
