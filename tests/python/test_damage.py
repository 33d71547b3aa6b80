"""Stored records that cannot be read, although the checksum of their batch is right: no client of ours stores any."""

from __future__ import annotations

import socket
import struct
from typing import List

import libfluvio
import pytest

PRODUCE, VERSION = 0, 8
READ_UNCOMMITTED = 1


def checksum(data: bytes) -> int:
    """CRC-32C."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    return crc ^ 0xFFFFFFFF


def batch(value: bytes, length: int) -> bytes:
    """A batch of one record that says to be ``length`` bytes long; 6 more than the value are right."""
    record = bytes((2 * length, 0, 0, 0, 0, 2 * len(value))) + value + b"\0"
    covered = struct.pack(">hiqqqhii", 0, 0, 1000, 1000, -1, -1, -1, 1) + record
    return struct.pack(">qiibI", 0, len(covered) + 9, -1, 2, checksum(covered)) + covered


def store(address: str, topic: str, batches: bytes) -> None:
    """Stores batches as they are, in one request."""
    name = topic.encode()
    body = struct.pack(">BhIIH", 0, READ_UNCOMMITTED, 5000, 1, len(name)) + name
    body += struct.pack(">III", 1, 0, len(batches)) + batches + struct.pack(">I", 0)  # no SmartModules
    request = struct.pack(">hhiH", PRODUCE, VERSION, 1, 0) + body
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), 30) as spu, spu.makefile("rb") as answers:
        spu.sendall(struct.pack(">I", len(request)) + request)
        (size,) = struct.unpack(">I", answers.read(4))
        answer = answers.read(size)
    at = 4 + 4 + 2 + len(name) + 4 + 4  # correlation id, topics, name, partitions, partition
    assert answer[at : at + 2] == b"\0\0", answer


@pytest.mark.parametrize("policy", ["stop", "skip"])
def test_records_before_damage_come(
    client: libfluvio.Client, cluster: libfluvio.DevCluster, topic: str, policy: str
) -> None:
    good = [b"%d" % number for number in range(5)]
    damaged = batch(b"x", 60)
    leader = client.admin.partition(topic, 0).leader
    store(
        cluster.spu_endpoints[leader - 5001],
        topic,
        b"".join(batch(value, 7) for value in good) + damaged + batch(b"behind", 12),
    )
    found: List[bytes] = []
    with client.consumer(topic, start="beginning", stop_at="end", corrupt_batches=policy) as consumer:
        if policy == "stop":
            with pytest.raises(libfluvio.CorruptError) as failure:
                for record in consumer:
                    found.append(record.value)
            details = failure.value.details
            assert (details["topic"], details["partition"], details["offset"]) == (topic, "0", "5")
        else:
            found.extend(record.value for record in consumer)
            good.append(b"behind")
            assert consumer.positions()[0].skipped == 1
    assert found == good, "nothing that can be read is lost"
