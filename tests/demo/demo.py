"""The main job: Python writes a real text to a topic, Node reads it and counts words, C checks every byte.

Runs on a dev cluster of its own, or on the cluster that FLUVIO_ENDPOINT names. `make demo` builds what it needs. With
TLS=1 everything is encrypted, on a cluster that demands certificates.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings" / "python"))

import libfluvio  # noqa: E402

PARTITIONS = 3
CHUNK = 2000
"""Lines handed over at a time, between two looks at the progress."""


def go_sources() -> bytes:
    """A text that every machine with Go has: the sources of its standard library's net packages."""
    goroot = subprocess.run(["go", "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
    files = sorted(Path(goroot, "src", "net").rglob("*.go"))
    return b"".join(file.read_bytes() for file in files)


@contextlib.contextmanager
def cluster_endpoint() -> Iterator[str]:
    """The cluster that the environment names, else a dev cluster with two SPUs."""
    given = os.environ.get("FLUVIO_ENDPOINT")
    if given:
        yield given
        return
    if not os.environ.get("TLS"):
        with libfluvio.DevCluster(spus=2) as cluster:
            yield cluster.endpoint
        return
    with libfluvio.DevCluster(spus=2, mtls=True) as cluster, tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "profile")
        path.write_text(profile(cluster))
        os.environ["FLV_PROFILE_PATH"] = str(path)  # where the programs look, when they get no endpoint
        yield ""


def where(endpoint: str) -> Dict[str, Any]:
    """The settings that lead to the cluster: a library has the environment that this process was started with."""
    return {"endpoint": endpoint} if endpoint else {"profile_path": os.environ["FLV_PROFILE_PATH"]}


def profile(cluster: libfluvio.DevCluster) -> str:
    """A profile of the official tools that leads to a cluster with TLS."""
    tls = cluster.tls()
    names = {"domain": "tls_domain", "ca_cert": "tls_ca", "cert": "tls_certificate", "key": "tls_key"}
    certs = "".join(f"{name} = {json.dumps(tls[setting])}\n" for name, setting in names.items())
    return (
        f'current_profile = "demo"\n[profile.demo]\ncluster = "dev"\n[cluster.dev]\nendpoint = "{cluster.endpoint}"\n'
        f'[cluster.dev.tls]\ntls_policy = "verified"\n[cluster.dev.tls.certs]\n{certs}'
    )


def progress(done: int, total: int, started: float) -> None:
    """Shows how far it is, on a terminal, in place."""
    if sys.stderr.isatty():
        share = done / total
        bar = "#" * int(30 * share)
        rate = done / max(time.monotonic() - started, 1e-9)
        line = f"\r  Python writes [{bar:<30}] {share:4.0%}  {rate:,.0f} records/s "
        print(line, end="", file=sys.stderr, flush=True)


def produce(client: libfluvio.Client, topic: str, lines: List[bytes]) -> float:
    """Writes every line, with its number as the key, and returns the seconds until all were acknowledged."""
    started = time.monotonic()
    with client.producer(topic) as producer:
        groups = []
        for at in range(0, len(lines), CHUNK):
            groups.append(producer.send_many((b"%d" % (at + i), line) for i, line in enumerate(lines[at : at + CHUNK])))
            progress(min(at + CHUNK, len(lines)), len(lines), started)
        producer.flush()
        for group in groups:
            group.result()  # raises if a record was not stored
    took = time.monotonic() - started
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    return took


def run(*command: str) -> Any:
    """Runs a program and returns the JSON object in its last line."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"demo: {Path(command[1] if command[0] == 'node' else command[0]).name} failed")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    text = go_sources()
    path = ROOT / "build" / "demo.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text)
    lines = text.removesuffix(b"\n").split(b"\n")
    topic = f"demo-{time.time_ns():x}"
    with cluster_endpoint() as endpoint, libfluvio.connect(**where(endpoint)) as client:
        print(f"cluster {endpoint or 'with TLS'}, platform {client.platform_version}")
        print(f"text    {len(lines):,} lines, {len(text) / 1e6:.1f} MB: the sources of Go's net packages")
        client.admin.create_topic(topic, partitions=PARTITIONS)
        try:
            wrote = produce(client, topic, lines)
            rate, mbytes = len(lines) / wrote, len(text) / wrote / 1e6
            print(f"Python  wrote {len(lines):,} records to {PARTITIONS} partitions,", end=" ")
            print(f"{rate:,.0f} records/s, {mbytes:.1f} MB/s")
            node = run("node", str(ROOT / "tests/demo/count_words.mjs"), endpoint, topic, str(len(lines)))
            rate = node["records"] / node["seconds"]
            words = f"{node['words']:,} words, {node['different']:,} different"
            print(f"Node    read {node['records']:,} records, {rate:,.0f} records/s: {words}")
            print("        most frequent: " + ", ".join(f"{word} {count:,}" for word, count in node["top"]))
            check = run(str(ROOT / "build/bin/check_lines"), endpoint, topic, str(path))
            rate = check["records"] / check["seconds"]
            print(f"C       read {check['records']:,} records, {rate:,.0f} records/s:", end=" ")
            print("every line once, in order per partition, byte for byte")
            if node["records"] != len(lines):
                sys.exit(f"demo: Node read {node['records']} of {len(lines)} records")
        finally:
            client.admin.delete_topic(topic)
    print("the demo is done: nothing lost, nothing twice")


if __name__ == "__main__":
    try:
        main()
    except libfluvio.FluvioError as error:
        sys.exit(f"demo: {error}")
