"""TLS, client certificates and permissions: what works, and what failures say."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Dict, Iterator, Type

import libfluvio
import libfluvio.aio
import pytest

POLICY = {
    "scopes": {"root": ["Root"], "guest": ["Guest"]},
    "policy": {"Root": {"Topic": ["All"]}, "Guest": {"Topic": ["Read"]}},
}


@pytest.fixture(scope="module")
def guarded() -> Iterator[libfluvio.DevCluster]:
    """A cluster that demands certificates and has a policy."""
    with libfluvio.DevCluster(mtls=True, authorize=POLICY) as cluster:
        yield cluster


def round_trip(endpoint: str, topic: str, **settings: Any) -> None:
    """Creates a topic, writes and reads."""
    with libfluvio.connect(endpoint, **settings) as client:
        client.admin.create_topic(topic)
        with client.producer(topic) as producer:
            producer.send(b"value").result(30)
        with client.consumer(topic, start="beginning", stop_at="end") as consumer:
            assert [record.value for record in consumer] == [b"value"]


def test_files_and_text(guarded: libfluvio.DevCluster) -> None:
    files = guarded.tls()
    round_trip(guarded.endpoint, "files", **files)
    text = {
        name: Path(value).read_text() if name in ("tls_ca", "tls_certificate", "tls_key") else value
        for name, value in files.items()
    }
    round_trip(guarded.endpoint, "text", **text)


def test_permissions(guarded: libfluvio.DevCluster) -> None:
    with libfluvio.connect(guarded.endpoint, **guarded.tls("guest")) as client:
        with pytest.raises(libfluvio.FluvioPermissionError, match="permission denied") as caught:
            client.admin.create_topic("forbidden")
        assert not caught.value.retriable
        assert caught.value.server_code == 13


def test_revoked_scope() -> None:
    with libfluvio.DevCluster(mtls=True, authorize={"scopes": {"guest": []}, "policy": {}}) as cluster:
        with libfluvio.connect(cluster.endpoint, **cluster.tls("guest")) as client:
            with pytest.raises(libfluvio.FluvioPermissionError, match="permission denied"):
                client.admin.create_topic("forbidden")


def test_certificates_of_another_cluster(guarded: libfluvio.DevCluster) -> None:
    with libfluvio.DevCluster(tls=True) as other:
        foreign = other.tls()
        with pytest.raises(libfluvio.TLSError, match="authority that tls_ca does not hold"):
            libfluvio.connect(guarded.endpoint, **{**guarded.tls(), "tls_ca": foreign["tls_ca"]})
        own = {name: foreign[name] for name in ("tls_certificate", "tls_key")}
        with pytest.raises(libfluvio.TLSError, match="refuses the client certificate"):
            libfluvio.connect(guarded.endpoint, **{**guarded.tls(), **own})


def test_introduction() -> None:
    with libfluvio.DevCluster(authorize=POLICY) as cluster:
        assert cluster.tls() == {}
        round_trip(cluster.endpoint, "t", auth_principal="me", auth_scopes=["Root"])
        with pytest.raises(libfluvio.FluvioConnectionError, match="auth_principal"):
            libfluvio.connect(cluster.endpoint)


@pytest.mark.parametrize(
    ("fault", "change", "error", "says"),
    [
        ("expired", {}, libfluvio.TLSError, "certificate expired on .*renew"),
        ("not-yet-valid", {}, libfluvio.TLSError, "is valid from .* on only"),
        ("wrong-host", {}, libfluvio.TLSError, "is for elsewhere.example, not for .*tls_domain"),
        ("self-signed", {}, libfluvio.TLSError, "signed itself"),
        ("tls-1.1", {}, libfluvio.TLSError, "no TLS 1.2 or newer"),
        ("truncated", {}, libfluvio.FluvioConnectionError, "closed the connection in the TLS handshake"),
        ("", {"tls_ca": None}, libfluvio.TLSError, "authority that tls_ca does not hold"),
        ("", {"tls_domain": "other.local"}, libfluvio.TLSError, 'not for "other.local"'),
        ("", {"tls_certificate": None, "tls_key": None}, libfluvio.TLSError, "demands a client certificate"),
        ("", {"tls_key": "/nowhere"}, libfluvio.TLSError, "tls_key: the file it names cannot be read"),
        ("", {"tls_insecure": True}, libfluvio.InvalidArgumentError, "contradicts tls=verified"),
    ],
)
def test_bad_setups(
    guarded: libfluvio.DevCluster, fault: str, change: Dict[str, Any], error: Type[libfluvio.FluvioError], says: str
) -> None:
    if not fault:
        with pytest.raises(error, match=says):
            libfluvio.connect(guarded.endpoint, **{**guarded.tls(), **change})
        return
    with libfluvio.DevCluster(tls=True, options=["--tls-fault", fault]) as cluster:
        with pytest.raises(error, match=says) as caught:
            libfluvio.connect(cluster.endpoint, **cluster.tls())
        assert "PRIVATE KEY" not in str(caught.value)


def test_plain_to_tls(guarded: libfluvio.DevCluster) -> None:
    with pytest.raises(libfluvio.FluvioConnectionError, match="If it wants TLS, set tls"):
        libfluvio.connect(guarded.endpoint)


def test_tls_to_plain(cluster: libfluvio.DevCluster, guarded: libfluvio.DevCluster) -> None:
    with pytest.raises(libfluvio.FluvioConnectionError, match="tls=disabled"):
        libfluvio.connect(cluster.endpoint, **guarded.tls())


def test_asyncio() -> None:
    async def run() -> None:
        async with libfluvio.aio.DevCluster(tls=True) as cluster:
            async with libfluvio.aio.connect(cluster.endpoint, **cluster.tls()) as client:
                await client.admin.create_topic("t")
            with pytest.raises(libfluvio.TLSError, match="other.local"):
                await libfluvio.aio.connect(cluster.endpoint, **{**cluster.tls(), "tls_domain": "other.local"})

    asyncio.run(run())
