"""A consuming program that is killed and started again goes on behind what was stored: nothing is skipped that it had
not processed, and what comes twice is what came after the last commit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import libfluvio
import pytest
from helpers import PACKAGE

RECORDS = 1500

PROGRAM = """
import json, os, sys, libfluvio
endpoint, topic, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
settings.update(start="beginning", stop_at="end", consumer_id="me", max_bytes=1024)
# So long that the pipe takes about 160 lines: the program is not at its end before it is killed.
say = lambda what, offset: os.write(1, f"{what} {offset:<400}\\n".encode())
with libfluvio.connect(endpoint) as client:
    with client.consumer(topic, **settings) as consumer:
        for n, record in enumerate(consumer):
            assert record.value == str(record.offset).encode()
            say("processed", record.offset)
            if settings["offset_strategy"] == "manual" and n % 7 == 6:
                consumer.commit()
                say("committed", record.offset)
"""


def live(cluster: libfluvio.DevCluster, topic: str, settings: Dict[str, Any], lines: int) -> List[List[str]]:
    """What a program said that was killed after some lines, or, with 0, came to its end."""
    with subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", PROGRAM, cluster.endpoint, topic, json.dumps(settings)],
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        said = [line.split() for _, line in zip(range(lines), program.stdout)]
        if lines:
            program.kill()
        said += [line.split() for line in program.stdout]
    assert program.returncode == (-9 if lines else 0)
    return said


@pytest.mark.parametrize("strategy", ["manual", "auto"])
@pytest.mark.parametrize("store", ["cluster", "file"])
def test_killed(
    cluster: libfluvio.DevCluster, client: libfluvio.Client, topic: str, tmp_path: Path, strategy: str, store: str
) -> None:
    with client.producer(topic, batch_size=256) as producer:
        producer.send_many([str(i).encode() for i in range(RECORDS)])
    settings: Dict[str, Any] = {"offset_strategy": strategy, "offset_store": store, "offset_flush_ms": 1}
    if store == "file":
        settings["offset_store_path"] = str(tmp_path)

    def stored() -> int:
        if store == "file":
            files = list(tmp_path.glob("me/*/0.json"))
            return int(json.loads(files[0].read_text())["offset"]) if files else -1
        return {o.topic: o.offset for o in client.admin.consumer_offsets() if o.consumer_id == "me"}.get(topic, -1)

    seen: List[int] = []
    least = most = -1  # what may be stored: a commit may be under way when the program dies
    for lines in (1, 20, 83, 150, 0):
        said = live(cluster, topic, settings, lines)
        processed = [int(offset) for what, offset in said if what == "processed"]
        committed = [int(offset) for what, offset in said if what == "committed"]
        assert least < processed[0] <= most + 1, "it goes on behind what is stored"
        assert processed == list(range(processed[0], processed[0] + len(processed)))
        seen += processed
        most = max(seen)
        least = max(committed + [stored()])
        assert least <= most
    assert sorted(set(seen)) == list(range(RECORDS))
