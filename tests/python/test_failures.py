"""Wrong places and wrong input: a clear typed error, in time."""

from __future__ import annotations

import socket
import threading
from typing import Any, Iterator

import libfluvio
import pytest


@pytest.fixture
def silent() -> Iterator[str]:
    """An endpoint that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield "%s:%d" % server.getsockname()[:2]


@pytest.fixture
def http() -> Iterator[str]:
    """An endpoint that speaks HTTP."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    yield "%s:%d" % server.getsockname()[:2]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def closed_port() -> str:
    """An endpoint where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return "%s:%d" % server.getsockname()[:2]


def test_wrong_endpoint() -> None:
    endpoint = closed_port()
    with pytest.raises(libfluvio.FluvioConnectionError) as caught:
        libfluvio.connect(endpoint, timeout=30)
    assert endpoint in str(caught.value)
    assert caught.value.retriable and caught.value.hint


def test_silent_endpoint(silent: str) -> None:
    with pytest.raises(libfluvio.FluvioTimeoutError) as caught:
        libfluvio.connect(silent, connection_timeout_ms=300, request_timeout_ms=300, timeout=30)
    assert silent in str(caught.value)
    assert int(caught.value.details["waited_ms"]) < 5000


def test_timeout_of_the_call_itself(silent: str) -> None:
    with pytest.raises(libfluvio.FluvioTimeoutError):
        libfluvio.connect(silent, timeout=0.2)


def test_http_port(http: str) -> None:
    with pytest.raises(libfluvio.ProtocolError) as caught:
        libfluvio.connect(http, timeout=30)
    assert http in str(caught.value)


def test_control_port_is_not_an_sc(cluster: libfluvio.DevCluster) -> None:
    """This HTTP server waits for the end of a line, which never comes: the first request's deadline ends it."""
    endpoint = cluster.control_url[len("http://") :]
    with pytest.raises((libfluvio.ProtocolError, libfluvio.FluvioTimeoutError), match="Fluvio SC") as caught:
        libfluvio.connect(endpoint, connection_timeout_ms=500, timeout=30)
    assert endpoint in str(caught.value)


def test_unknown_host() -> None:
    with pytest.raises(libfluvio.FluvioConnectionError) as caught:
        libfluvio.connect("no-such-host.invalid:9003", timeout=60)
    assert "no-such-host.invalid" in str(caught.value)


def test_unknown_topic(client: libfluvio.Client, name: str) -> None:
    for call in (
        lambda: client.producer(name),
        lambda: client.consumer(name),
        lambda: client.admin.delete_topic(name),
    ):
        with pytest.raises(libfluvio.NotFoundError) as caught:
            call()
        assert name in str(caught.value)
        assert caught.value.details["topic"] == name


@pytest.mark.parametrize("bad", ["", "a" * 64, "Orders", "-a", "a-", "a_b", "ü", "a b", "a/b"])
def test_bad_topic_names(client: libfluvio.Client, bad: str) -> None:
    with pytest.raises(libfluvio.InvalidArgumentError) as caught:
        client.admin.create_topic(bad)
    assert "63" in str(caught.value) or "a-z" in str(caught.value)


def test_longest_topic_name(client: libfluvio.Client) -> None:
    client.admin.create_topic("a" * 63)
    client.admin.delete_topic("a" * 63)


@pytest.mark.parametrize("bad", ["a\0b", "\ud800", 7, None, b"bytes"])
def test_names_that_cannot_be_passed_on(client: libfluvio.Client, bad: Any) -> None:
    with pytest.raises(libfluvio.InvalidArgumentError, match="topic"):
        client.admin.create_topic(bad)
    with pytest.raises(libfluvio.InvalidArgumentError, match="topic"):
        client.consumer(bad)


def test_no_topics(client: libfluvio.Client) -> None:
    with pytest.raises(libfluvio.InvalidArgumentError, match="topics"):
        client.consumer([])


def test_topic_exists(client: libfluvio.Client, topic: str) -> None:
    with pytest.raises(libfluvio.AlreadyExistsError) as caught:
        client.admin.create_topic(topic)
    assert caught.value.server_code == 2002
    assert topic in str(caught.value)


def test_oversized_record(client: libfluvio.Client, topic: str) -> None:
    with client.producer(topic, max_request_size=10000, batch_size=5000) as producer:
        with pytest.raises(libfluvio.TooLargeError) as caught:
            producer.send(b"x" * 20000)
        assert "20000" in str(caught.value) and "max_request_size" in str(caught.value)
        with pytest.raises(libfluvio.TooLargeError) as caught:
            producer.send_many([b"fits", b"x" * 20000, b"never sent"])
        assert caught.value.details["accepted"] == "1"
        assert producer.send(b"goes on").result(30).offset == 1


@pytest.mark.parametrize(
    "settings", [{"lingerms": 5}, {"batch_size": -1}, {"compression": "rar"}, {"linger_ms": "soon"}]
)
def test_wrong_settings_are_named(client: libfluvio.Client, topic: str, settings: Any) -> None:
    with pytest.raises(libfluvio.InvalidArgumentError) as caught:
        client.producer(topic, **settings)
    assert next(iter(settings)) in str(caught.value)


def test_every_wrong_setting_is_listed(cluster: libfluvio.DevCluster) -> None:
    with pytest.raises(libfluvio.InvalidArgumentError) as caught:
        libfluvio.connect(cluster.endpoint, client_idd="x", connection_timeout_ms=-5)
    for named in ("client_idd", "client_id?", "connection_timeout_ms"):
        assert named in str(caught.value)


@pytest.mark.parametrize("value", [object(), float("nan"), {1: object()}, b"\xff"])
def test_settings_of_no_type(client: libfluvio.Client, topic: str, value: Any) -> None:
    with pytest.raises(libfluvio.InvalidArgumentError, match="linger_ms"):
        client.producer(topic, linger_ms=value)


@pytest.mark.parametrize("timeout", [-1, float("nan"), "5", True])
def test_timeouts_that_are_none(client: libfluvio.Client, timeout: Any) -> None:
    with pytest.raises(libfluvio.InvalidArgumentError, match="timeout"):
        client.admin.topics(timeout=timeout)


@pytest.mark.parametrize("value", [None, 5, 1.5, ["list"], object()])
def test_values_that_are_no_bytes(client: libfluvio.Client, topic: str, value: Any) -> None:
    with client.producer(topic) as producer:
        with pytest.raises(TypeError, match="value|send_many"):
            producer.send(value)
        with pytest.raises(TypeError, match="value|send_many"):
            producer.send_many([b"x", value])
        with pytest.raises(libfluvio.InvalidArgumentError, match="pair"):
            producer.send_many([(b"a", b"b", b"c")])  # type: ignore[list-item]
        with pytest.raises(libfluvio.InvalidArgumentError, match="UTF-8"):
            producer.send("\ud800")


@pytest.mark.parametrize("records", ["hello", b"hello", bytearray(b"hello"), memoryview(b"hello"), ""])
def test_one_value_is_not_many(client: libfluvio.Client, topic: str, records: Any) -> None:
    with client.producer(topic) as producer:
        with pytest.raises(libfluvio.InvalidArgumentError, match=f"not one {type(records).__name__} ") as caught:
            producer.send_many(records)
        assert caught.value.details["accepted"] == "0"
        assert producer.send(b"goes on").result(30).offset == 0, "nothing was sent"


def test_send_many_names_the_wrong_record(client: libfluvio.Client, topic: str) -> None:
    with client.producer(topic) as producer:
        with pytest.raises(TypeError, match="record 1, counted from 0: .*not int.*none from 0 on"):
            producer.send_many([b"ok", 7])  # type: ignore[list-item]
        with pytest.raises(TypeError, match="record 2, counted from 0: value: .*not NoneType"):
            producer.send_many([b"ok", (b"k", b"v"), (b"k", None)])  # type: ignore[list-item]
        with pytest.raises(libfluvio.InvalidArgumentError, match="record 1, .*pair") as caught:
            producer.send_many([b"ok", (b"a", b"b", b"c")])  # type: ignore[list-item]
        assert caught.value.details["accepted"] == "0" and caught.value.details["record"] == "1"
        assert producer.send(b"goes on").result(30).offset == 0, "nothing was sent"
        with pytest.raises(libfluvio.InvalidArgumentError, match="record 10000, .*UTF-8") as caught:
            producer.send_many([b"ok"] * 10_000 + ["\ud800"])
        accepted = int(caught.value.details["accepted"])
        assert 0 < accepted < 10_000 and f"none from {accepted} on" in str(caught.value)
        assert producer.send(b"goes on").result(30).offset == 1 + accepted, "what was accepted is sent"


@pytest.mark.parametrize("start", ["middle", "end+5", -3])
def test_wrong_start(client: libfluvio.Client, topic: str, start: Any) -> None:
    with pytest.raises(libfluvio.InvalidArgumentError, match="start"):
        client.consumer(topic, start=start)


def test_unknown_partition(client: libfluvio.Client, topic: str) -> None:
    with pytest.raises(libfluvio.InvalidArgumentError, match="partition 7 does not exist"):
        client.consumer(topic, partitions=[7])


def test_use_after_close(cluster: libfluvio.DevCluster, topic: str) -> None:
    client = libfluvio.connect(cluster.endpoint)
    producer, consumer = client.producer(topic), client.consumer(topic)
    delivery = producer.send(b"x")
    client.close()
    client.close()
    assert client.closed and producer.closed and consumer.closed
    assert delivery.result(0).offset == 0, "closing delivers first"
    for call in (
        lambda: client.admin.topics(),
        lambda: client.producer(topic),
        lambda: client.consumer(topic),
        lambda: producer.send(b"x"),
        lambda: producer.send_many([b"x"]),
        lambda: producer.flush(),
        lambda: consumer.poll(0),
    ):
        with pytest.raises(libfluvio.ClosedError):
            call()
    assert list(consumer) == []
    producer.close()
    consumer.close()


def test_errors_of_the_profile(cluster: libfluvio.DevCluster, tmp_path: Any) -> None:
    config = tmp_path / "config"
    config.write_text(
        f'version = "2.0"\ncurrent_profile = "dev"\n[profile.dev]\ncluster = "dev"\n'
        f'[cluster.dev]\nendpoint = "{cluster.endpoint}"\n[cluster.dev.tls]\ntls_policy = "disabled"\n'
    )
    with libfluvio.connect(profile_path=config) as client:
        assert client.platform_version
    with pytest.raises(libfluvio.NotFoundError, match="other"):
        libfluvio.connect(profile="other", profile_path=config)
    with pytest.raises(libfluvio.NotFoundError):
        libfluvio.connect(profile_path=tmp_path / "none")
