"""The official Python client and libfluvio with the same certificates: both can the same, and fail at the same."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, Type

import libfluvio
import pytest
from conftest import run_official

pytestmark = pytest.mark.usefixtures("official_is_here")

POLICY = {
    "scopes": {"root": ["Root"], "guest": ["Guest"]},
    "policy": {"Root": {"Topic": ["All"]}, "Guest": {"Topic": ["Read"]}},
}


@pytest.fixture(scope="module")
def guarded(official_is_here: None) -> Iterator[libfluvio.DevCluster]:
    """A cluster of two SPUs that demands certificates and has a policy."""
    with libfluvio.DevCluster(spus=2, mtls=True, authorize=POLICY) as cluster:
        yield cluster


def official(
    endpoint: str, do: str, tls: Dict[str, Any], inline: bool = False, **job: Any
) -> "subprocess.CompletedProcess[str]":
    """Runs one job with the official client."""
    return run_official(endpoint, do, tls={**tls, "inline": inline}, **job)


@pytest.mark.parametrize("inline", [False, True])
def test_both_read_what_the_other_wrote(guarded: libfluvio.DevCluster, topic: str, inline: bool) -> None:
    tls = guarded.tls()
    for job in ({"do": "create", "partitions": 2}, {"do": "produce", "records": [["6b", "76"]] * 20}):
        done = official(guarded.endpoint, tls=tls, inline=inline, topic=topic, **job)  # type: ignore[arg-type]
        assert done.returncode == 0, done.stderr
    ours = {name: Path(value).read_text() if inline and Path(value).is_file() else value for name, value in tls.items()}
    with libfluvio.connect(guarded.endpoint, **ours) as client:
        with client.consumer(topic, start="beginning", stop_at="end") as consumer:
            assert [record.value for record in consumer] == [b"v"] * 20
        with client.producer(topic, partition=1) as producer:
            offset = producer.send(b"theirs").result(30).offset
    done = official(guarded.endpoint, "consume", tls, inline, topic=topic, partition=1, count=offset + 1)
    assert done.returncode == 0, done.stderr
    assert bytes.fromhex(json.loads(done.stdout)[-1][2]) == b"theirs"


def test_a_right_that_is_missing(guarded: libfluvio.DevCluster, topic: str) -> None:
    guest = guarded.tls("guest")
    assert official(guarded.endpoint, "topics", guest).returncode == 0
    done = official(guarded.endpoint, "create", guest, topic=topic, partitions=1)
    assert done.returncode != 0 and "permission" in done.stderr.lower()
    with libfluvio.connect(guarded.endpoint, **guest) as client, pytest.raises(libfluvio.FluvioPermissionError):
        client.admin.create_topic(topic)


@pytest.mark.parametrize(
    ("fault", "change", "error"),
    [
        ("expired", {}, libfluvio.TLSError),
        ("not-yet-valid", {}, libfluvio.TLSError),
        ("wrong-host", {}, libfluvio.TLSError),
        ("self-signed", {}, libfluvio.TLSError),
        ("tls-1.1", {}, libfluvio.TLSError),
        ("truncated", {}, libfluvio.FluvioConnectionError),
        ("", {"tls_domain": "other.local"}, libfluvio.TLSError),
    ],
)
def test_both_refuse(
    guarded: libfluvio.DevCluster, fault: str, change: Dict[str, Any], error: Type[libfluvio.FluvioError]
) -> None:
    options = ["--tls-fault", fault] if fault else []
    with libfluvio.DevCluster(tls=True, options=options) as cluster:
        tls = {**cluster.tls(), **change}
        assert official(cluster.endpoint, "topics", tls).returncode != 0
        with pytest.raises(error):
            libfluvio.connect(cluster.endpoint, **tls)


def test_both_refuse_a_server_of_another_authority(guarded: libfluvio.DevCluster) -> None:
    with libfluvio.DevCluster(tls=True) as other:
        foreign = {**guarded.tls(), "tls_ca": other.tls()["tls_ca"]}
        assert official(guarded.endpoint, "topics", foreign).returncode != 0
        with pytest.raises(libfluvio.TLSError, match="authority that tls_ca does not hold"):
            libfluvio.connect(guarded.endpoint, **foreign)


def test_a_scope_that_was_revoked(topic: str) -> None:
    with libfluvio.DevCluster(mtls=True, authorize={"scopes": {"guest": []}, "policy": {}}) as cluster:
        guest = cluster.tls("guest")
        done = official(cluster.endpoint, "create", guest, topic=topic, partitions=1)
        assert done.returncode != 0 and "permission" in done.stderr.lower()
        with libfluvio.connect(cluster.endpoint, **guest) as client, pytest.raises(libfluvio.FluvioPermissionError):
            client.admin.create_topic(topic)


def test_both_are_refused_with_the_certificate_of_another_cluster(guarded: libfluvio.DevCluster) -> None:
    with libfluvio.DevCluster(tls=True) as other:
        foreign = {**guarded.tls(), **{name: other.tls()[name] for name in ("tls_certificate", "tls_key")}}
        assert official(guarded.endpoint, "topics", foreign).returncode != 0
        with pytest.raises(libfluvio.TLSError, match="refuses the client certificate"):
            libfluvio.connect(guarded.endpoint, **foreign)
