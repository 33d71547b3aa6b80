"""python -m libfluvio, run as a program."""

from __future__ import annotations

import base64
import json
import os
import re
import select
import signal
import subprocess
import sys
from typing import Any, Callable, List, Tuple

import libfluvio
import pytest
from helpers import PACKAGE, ROOT
from libfluvio._command import _output

Run = Callable[..., Tuple[int, bytes, str]]


def environment(**more: str) -> "dict[str, str]":
    return {**os.environ, "PYTHONPATH": str(PACKAGE), **more}


@pytest.fixture
def command(cluster: libfluvio.DevCluster) -> Run:
    """Runs the command with the dev cluster as its cluster; its code, output, and error output."""

    def run(*arguments: str, given: bytes = b"", endpoint: str = cluster.endpoint) -> Tuple[int, bytes, str]:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "libfluvio", *arguments], env=environment(FLUVIO_ENDPOINT=endpoint),
            input=given, capture_output=True, timeout=60, check=False,
        )
        return done.returncode, done.stdout, done.stderr.decode()

    return run


def test_produce_and_consume(command: Run, topic: str, tmp_path: Any) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b"k1:first\nno key\n\xff:\xfe\nk2:last:1")
    code, _, errors = command("produce", topic, str(file), "--key-separator", ":", "-X", "linger_ms=5")
    assert code == 0 and errors.startswith("produce 4 records, "), errors
    code, output, _ = command("produce", topic, "--json", "--key", "k", given=b"from stdin\n")
    told = json.loads(output)
    assert code == 0 and (told["records"], told["bytes"], told["topic"]) == (1, 11, topic)
    assert command("produce", topic, str(file), "--raw")[0] == 0
    assert command("consume", topic, "--stop", "5") == (0, b"first\nno key\n\xfe\nlast:1\nfrom stdin\n", "")
    wanted = f"{topic} 0 4 k 1 from stdin 10 %\t-\n".encode()
    assert command("consume", topic, "--from", "4", "-n", "1", "--format", r"%t %p %o %k %K %v %V %%\t-\n")[1] == wanted
    assert command("consume", topic, "--from", "end-5", "--stop", "2", "--format", "%K")[1] == b"-1"
    code, output, _ = command("consume", topic, "--json", "--from", "2030-01-01", "-p", "0")
    assert (code, output) == (0, b"")
    code, output, _ = command("consume", topic, "--json")
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["offset"] for line in lines] == list(range(6)) and lines[1]["key"] is None
    assert base64.b64decode(lines[2]["value"]["base64"]) == b"\xfe" and lines[0]["key"] == "k1"
    # What it prints as JSON it also takes.
    assert command("produce", topic, "--from-json", given=output)[0] == 0
    again = [json.loads(line) for line in command("consume", topic, "--json", "--from", "6")[1].splitlines()]
    assert [(line["key"], line["value"]) for line in again] == [(line["key"], line["value"]) for line in lines]
    code, _, errors = command("produce", topic, "/no/such/file")
    assert code == 1 and "/no/such/file" in errors
    code, _, errors = command("produce", topic, "--from-json", given=b'{"value": "x"}\nnonsense\n')
    assert code == 2 and "line 2 is not a record" in errors


def test_named_consumers_and_lag(command: Run, topic: str, name: str) -> None:
    command("produce", topic, given=b"".join(b"%d\n" % i for i in range(10)))
    assert command("consume", topic, "--consumer", name, "-n", "3")[1] == b"0\n1\n2\n"
    assert command("consume", topic, "--consumer", name, "-n", "2")[1] == b"3\n4\n"
    _, output, _ = command("offsets", "list", name, "--json")
    assert [(row["topic"], row["offset"]) for row in map(json.loads, output.splitlines())] == [(topic, 4)]
    _, output, _ = command("lag", name, "--json")
    assert json.loads(output)["lag"] == json.loads(output)["high_watermark"] - 5
    assert command("offsets", "reset", name, topic, "0", "beginning")[0] == 0
    assert command("consume", topic, "--consumer", name, "-n", "1")[1] == b"0\n"
    assert re.search(rf"{name} +{topic} +0 +0", command("lag")[1].decode())
    assert command("offsets", "delete", name, topic, "0")[0] == 0
    assert command("offsets", "list", name) == (0, b"CONSUMER_ID  TOPIC  PARTITION  OFFSET  MODIFIED\n", "")


def test_topics(command: Run, client: libfluvio.Client, name: str) -> None:
    code, output, _ = command("topics", "create", name, "--partitions", "3", "-X", "retention_seconds=1h", "--json")
    assert code == 0 and json.loads(output) == {"created": name}
    code, _, errors = command("topics", "create", name)
    assert code == 1 and errors.count("\n") == 1 and name in errors
    code, _, errors = command("topics", "create", name, "--json")
    assert code == 1 and json.loads(errors)["error"] == "ALREADY_EXISTS"
    assert re.search(rf"\n{name} +3 +1 +any +provisioned\n", command("topics", "list", name)[1].decode())
    shown = json.loads(command("topics", "show", name, "--json")[1])
    assert shown["topic"]["retention_seconds"] == 3600
    assert [row["partition"] for row in shown["partitions"]] == [0, 1, 2]
    assert command("topics", "show", name)[1].decode().count("online") == 3
    assert command("topics", "delete", name) == (0, b"", "")
    assert command("topics", "delete", name)[0] == 1
    assert command("topics", "list", name)[1].count(b"\n") == 1
    assert command("topics", "create", name, "-X", "system=true")[0] == 0
    assert command("topics", "show", name)[1].decode().count("online") == 1, "those of the cluster's own topics too"
    client.admin.delete_topic(name, force=True)


def test_health(command: Run) -> None:
    with libfluvio.DevCluster(2) as cluster, libfluvio.connect(cluster.endpoint) as client:
        client.admin.create_topic("orders")
        code, output, _ = command("health", endpoint=cluster.endpoint)
        assert code == 0 and re.search(r"spus +2\n", output.decode())
        told = json.loads(command("health", "--json", endpoint=cluster.endpoint)[1])
        assert told["healthy"] and told["problems"] == [] and told["partitions"] == 1
        client.admin.create_custom_spu(
            "late", id=5999, public_endpoint="127.0.0.1:1", private_endpoint="127.0.0.1:2"
        )  # it never comes
        code, output, _ = command("health", "--json", endpoint=cluster.endpoint)
        told = json.loads(output)
        assert code == 1 and told["verdict"] == "degraded" and "5999" in told["problems"][0]["why"]
        endpoint = cluster.endpoint
    code, output, errors = command("health", "--timeout", "5", endpoint=endpoint)
    assert code == 1 and "cluster: connect" in output.decode() and errors == ""


def test_bench(command: Run) -> None:
    told = json.loads(command("bench", "--records", "20000", "--partitions", "2", "--json")[1])
    assert told["produce"]["records"] == told["consume"]["records"] == 20000
    assert command("topics", "list", told["topic"])[1].count(b"\n") == 1
    assert re.search(r"produce +1000 +100000 ", command("bench", "--records", "1000")[1].decode())


@pytest.mark.parametrize(
    "arguments, code, message",
    [
        ([], 2, "COMMAND"), (["nonsense"], 2, "invalid choice"),
        (["consume", "t", "--format", "%x"], 2, "%x is no field"),
        (["consume", "t", "-n", "0"], 2, "not a number above 0"), (["produce", "t", "-X", "linger"], 2, "name=value"),
        (["produce", "t", "-X", "lingerms=1"], 2, "linger_ms"), (["consume", "no-such-topic"], 1, "no-such-topic"),
        (["consume", "t", "--from", "nowhere"], 2, "nowhere"), (["health", "--timeout", "-1"], 2, "timeout: -1"),
    ],
)
def test_what_is_wrong(command: Run, arguments: List[str], code: int, message: str) -> None:
    found, output, errors = command(*arguments)
    assert found == code and message in errors + output.decode() and "Traceback" not in errors


def test_dev_cluster_prints_its_address() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "libfluvio", "dev-cluster"], env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    ) as cluster:
        assert cluster.stdout is not None and cluster.stderr is not None
        address, rest = cluster.stdout.readline().rstrip("\n"), cluster.stderr.readline()
        assert f"export FLUVIO_ENDPOINT={address};" in rest and "http://127.0.0.1:" in rest
        with libfluvio.connect(address) as client:
            assert client.admin.topics() == []
        cluster.send_signal(signal.SIGINT)
        assert cluster.wait(60) == 0 and cluster.stdout.read() == ""


def test_dev_cluster_and_follow(name: str) -> None:
    """A cluster and a reader that end with Ctrl-C, and a reader whose output is closed."""
    python = [sys.executable, "-m", "libfluvio"]
    with subprocess.Popen(
        [*python, "dev-cluster", "--spus", "2", "--json"], env=environment(), stdout=subprocess.PIPE, text=True
    ) as cluster:
        assert cluster.stdout is not None
        ready = json.loads(cluster.stdout.readline())
        assert len(ready["spus"]) == 2
        with libfluvio.connect(ready["sc"]) as client:
            client.admin.create_topic(name)
            producer = client.producer(name)
            for end in ("interrupt", "pipe"):
                reader = subprocess.Popen(
                    [*python, "consume", name, "-f", "--endpoint", ready["sc"]], env=environment(),
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                )
                assert reader.stdout is not None and reader.stderr is not None
                producer.send(b"x").result()
                assert reader.stdout.readline() == b"x\n"
                if end == "interrupt":
                    reader.send_signal(signal.SIGINT)
                    assert reader.wait(60) == 130
                else:
                    reader.stdout.close()
                    while reader.poll() is None:
                        producer.send(b"x" * 10000).result()
                    assert reader.returncode == 141
                assert reader.stderr.read() == b""
                reader.stderr.close()
        cluster.send_signal(signal.SIGINT)
        assert cluster.wait(60) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_progress_on_a_terminal(cluster: libfluvio.DevCluster) -> None:
    import pty

    main, terminal = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "libfluvio", "bench", "--records", "300000", "--endpoint", cluster.endpoint],
        env=environment(), stdout=subprocess.DEVNULL, stderr=terminal,
    )
    os.close(terminal)
    shown = b""
    while select.select([main], [], [], 60)[0]:
        try:
            shown += os.read(main, 65536)
        except OSError:  # the other side is closed
            break
    os.close(main)
    assert done.wait(60) == 0
    assert re.search(rb"\rproduce \[#* *\] +\d+% [\d,]+ records, .*records/s, .*B/s", shown)
    assert shown.endswith(b"\r\x1b[K")


def test_texts() -> None:
    assert [_output.quantity(n) for n in (0, 999, 1000, 999_950, 12_345_678, 5e15)] == [
        "0 B", "999 B", "1.0 KB", "1.0 MB", "12.3 MB", "5000.0 TB"
    ]
    assert _output.parse_format(r"a%v\q") == [b"a", "v", b"\\", b"q"]
    readme = (ROOT / "bindings/python/README.md").read_text(encoding="utf-8")
    assert "python -m libfluvio" in readme
