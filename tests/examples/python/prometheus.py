"""Serves the counters of a client with prometheus_client, beside the program's own metrics.

    pip install prometheus_client
    python prometheus.py [ENDPOINT]        # prints where they are; without an endpoint it runs a dev cluster
"""

from __future__ import annotations

import contextlib
import sys
import urllib.request
from typing import Iterable

import libfluvio
from prometheus_client import REGISTRY, Counter, start_http_server
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector


class FluvioCollector(Collector):
    """Asks a client for its counters whenever somebody asks for metrics."""

    def __init__(self, client: libfluvio.Client) -> None:
        self._client = client

    def describe(self) -> Iterable[Metric]:
        return []  # so that registering does not ask the client

    def collect(self) -> Iterable[Metric]:
        if not self._client.closed:
            yield from text_string_to_metric_families(self._client.prometheus())


def main() -> None:
    handled = Counter("orders_handled", "The program's own.")
    with contextlib.ExitStack() as stack:
        endpoint = sys.argv[1] if len(sys.argv) > 1 else stack.enter_context(libfluvio.DevCluster()).endpoint
        client = stack.enter_context(libfluvio.connect(endpoint))
        REGISTRY.register(FluvioCollector(client))
        server, _ = start_http_server(0, "127.0.0.1")
        stack.callback(server.shutdown)
        url = f"http://127.0.0.1:{server.server_address[1]}/metrics"
        client.admin.create_topic("measured")
        stack.callback(client.admin.delete_topic, "measured")
        with client.producer("measured") as producer:
            producer.send(b"first")
            producer.flush()
            handled.inc()
            print(url)
            with urllib.request.urlopen(url) as answer:
                for line in answer.read().decode().splitlines():
                    if line.startswith(("orders_handled_total", "fluvio_producer_records_total")):
                        print(line)


if __name__ == "__main__":
    main()
