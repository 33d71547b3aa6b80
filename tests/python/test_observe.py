"""Counters, Prometheus text, statistics at intervals and logs."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any, Dict, List, Tuple

import libfluvio
import libfluvio.aio
import pytest
from helpers import ROOT, await_log, control
from prometheus_client.parser import text_string_to_metric_families


def parse(text: str) -> Dict[Tuple[str, Tuple[Tuple[str, str], ...]], float]:
    """The samples of a text by name and labels. No sample may come twice, no family either."""
    samples: Dict[Tuple[str, Tuple[Tuple[str, str], ...]], float] = {}
    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert family.type in ("counter", "gauge", "histogram") and family.documentation
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in samples
            samples[key] = sample.value
    return samples


def total(samples: Dict[Any, float], name: str, **labels: str) -> float:
    """The sum of what has these labels."""
    found = [value for (key, has), value in samples.items() if key == name and set(labels.items()) <= set(has)]
    assert found, name
    return sum(found)


def test_counters(cluster: libfluvio.DevCluster, client: libfluvio.Client, topic: str) -> None:
    with libfluvio.connect(cluster.endpoint, client_id="counting") as own:
        with own.producer(topic) as producer, own.consumer(topic, start="beginning") as consumer:
            producer.send_many([b"12345"] * 20)
            producer.flush()
            seen = 0
            while seen < 20:
                seen += len(consumer.poll(30) or ())
            stats, text = own.stats(), own.prometheus()
        assert stats.client.startswith("counting-")
        (writer,) = stats.producers
        assert (writer.topic, writer.records_acknowledged, writer.bytes_accepted) == (topic, 20, 100)
        (reader,) = stats.consumers
        assert (reader.records, reader.lag, reader.partitions[0].position) == (20, 0, 20)
        request = next(each for each in stats.requests if each.api == "Produce")
        assert request.count == request.latency.count and 0 < request.latency.p50 <= request.latency.max
        assert request.latency.buckets[-1] == (60.0, request.count)
        assert {"watch", "produce", "fetch"} <= {each.kind for each in stats.connections}
        assert stats.errors == ()
        assert {breaker.state for breaker in stats.breakers} == {"closed"}
        samples = parse(text)
        assert total(samples, "fluvio_producer_records_total", topic=topic, outcome="acknowledged") == 20
        assert total(samples, "fluvio_consumer_records_total", client=stats.client) == 20
        assert total(samples, "fluvio_request_duration_seconds_bucket", api="Produce", le="+Inf") >= 1
        assert own.stats().producers == ()
    with pytest.raises(libfluvio.ClosedError):
        own.stats()


def test_intervals(cluster: libfluvio.DevCluster) -> None:
    told: List[libfluvio.ClientStats] = []
    twice = threading.Event()

    def on_stats(stats: libfluvio.ClientStats) -> None:
        told.append(stats)
        if len(told) == 1:
            raise ValueError("of the application")  # the next one comes all the same
        twice.set()

    with libfluvio.connect(cluster.endpoint, statistics_interval_ms=10, on_stats=on_stats):
        assert twice.wait(30)
    assert told[0].client == told[1].client and told[0].time <= told[1].time
    with pytest.raises(libfluvio.InvalidArgumentError):
        libfluvio.connect(cluster.endpoint, statistics_interval_ms=10)
    with pytest.raises(libfluvio.InvalidArgumentError):
        libfluvio.connect(cluster.endpoint, on_stats=print)
    with pytest.raises(libfluvio.InvalidArgumentError):
        libfluvio.connect(cluster.endpoint, statistics_interval_ms=10, on_stats="print")  # type: ignore[arg-type]


def test_asyncio(cluster: libfluvio.DevCluster) -> None:
    async def run() -> None:
        thread, told = threading.get_ident(), asyncio.Event()

        def on_stats(stats: libfluvio.ClientStats) -> None:
            assert threading.get_ident() == thread
            told.set()

        async with libfluvio.aio.connect(
            cluster.endpoint, statistics_interval_ms=10, on_stats=on_stats
        ) as client:
            await asyncio.wait_for(told.wait(), 30)
            stats = await client.stats()
            assert total(parse(await client.prometheus()), "fluvio_requests_total", client=stats.client) >= 1

    asyncio.run(run())


def test_logging(caplog: pytest.LogCaptureFixture, name: str) -> None:
    with libfluvio.DevCluster() as cluster, caplog.at_level(logging.DEBUG, "libfluvio"):
        with libfluvio.connect(cluster.endpoint, retry_backoff_ms=1, retry_backoff_max_ms=5) as client:
            client.admin.create_topic(name)
            with client.producer(name) as producer:
                producer.send(b"secret value", key=b"secret key")
            line = await_log(caplog, "connected", "kind=watch")
            assert (line.name, line.levelno, line.fluvio["addr"]) == ("libfluvio", logging.INFO, cluster.endpoint)
            assert await_log(caplog, "request:", "api=Produce").levelno == logging.DEBUG
            control(cluster, "POST", "sc/stop")
            assert await_log(caplog, "metadata watch lost", "code=CONNECTION").levelno == logging.WARNING
            control(cluster, "POST", "sc/start")
            assert await_log(caplog, "metadata watch recovered").levelno == logging.INFO
    assert "secret" not in caplog.text


SCRIPT = """
import sys, logging, libfluvio
exec(sys.argv[2])
try:
    libfluvio.connect(sys.argv[1], tls="anonymous", tls_insecure=True, connection_timeout_ms=200)
except libfluvio.FluvioError:
    pass  # the cluster speaks no TLS
"""


@pytest.mark.parametrize(
    ("variable", "setup", "wanted", "unwanted"),
    [
        ("", "", ["tls is anonymous"], ["cannot connect"]),
        ("", "logging.basicConfig(level='INFO')", ["WARNING:libfluvio:tls is anonymous", "INFO:libfluvio:cannot"], []),
        ("", "logging.getLogger('libfluvio').setLevel('ERROR')", [], ["tls is anonymous"]),
        ("debug", "", ["INFO libfluvio: cannot connect", "WARNING libfluvio: tls is anonymous"], []),
        ("off", "", [], ["tls is anonymous"]),
    ],
)
def test_level(
    cluster: libfluvio.DevCluster, script: Any, variable: str, setup: str, wanted: List[str], unwanted: List[str]
) -> None:
    """A program that says nothing of logs, and some that do."""
    status, _, errors = script(SCRIPT, cluster.endpoint, setup, FLUVIO_LOG=variable)
    assert status == 0, errors
    for text in wanted:
        assert text in errors
    for text in unwanted:
        assert text not in errors


def test_example(cluster: libfluvio.DevCluster, script: Any) -> None:
    source = (ROOT / "tests" / "examples" / "python" / "prometheus.py").read_text(encoding="utf-8")
    status, output, errors = script(source, cluster.endpoint)
    assert status == 0, errors
    assert "orders_handled_total 1.0" in output
    acknowledged = [line for line in output.splitlines() if 'outcome="acknowledged"' in line]
    assert len(acknowledged) == 1 and acknowledged[0].endswith(" 1.0")
