"""Reads batches as an SPU has them stored. By hand, so that no client's codec has a say in what is seen."""

from __future__ import annotations

import socket
import struct
from typing import Iterator, List, Sequence

from .cases import CODECS

DEADLINE = 60.0
FETCH, FETCH_VERSION = 1, 4
LIST, WATCH, SC_VERSION = 1003, 1004, 15
MAX_BYTES = 1 << 20
HEADER = struct.Struct(">qiiBih")
"""Of a batch: base offset, length of the rest, leader epoch, magic, CRC, attributes."""


class Reader:
    """Takes values off the front of an answer."""

    def __init__(self, answer: bytes) -> None:
        self._left = answer

    def take(self, count: int) -> bytes:
        """The next bytes."""
        taken, self._left = self._left[:count], self._left[count:]
        assert len(taken) == count, "the answer ends early"
        return taken

    def number(self, form: str) -> int:
        """A whole number in the form of ``struct``."""
        (value,) = struct.unpack(">" + form, self.take(struct.calcsize(">" + form)))
        return int(value)

    def text(self) -> str:
        """Text behind its length."""
        return self.take(self.number("h")).decode()


def string(text: str) -> bytes:
    """Text as it goes over the wire."""
    return struct.pack(">h", len(text.encode())) + text.encode()


def send(address: str, key: int, version: int, body: bytes) -> bytes:
    """Sends one request on a connection of its own. Returns its answer, or nothing when the server hung up."""
    host, _, port = address.rpartition(":")
    request = struct.pack(">hhi", key, version, 1) + string("raw") + body
    with socket.create_connection((host, int(port)), DEADLINE) as connection, connection.makefile("rb") as answers:
        connection.sendall(struct.pack(">i", len(request)) + request)
        length = answers.read(4)
        return answers.read(struct.unpack(">i", length)[0]) if length else b""


def ask(address: str, key: int, version: int, body: bytes) -> Reader:
    """Sends one request on a connection of its own."""
    answer = Reader(send(address, key, version, body))
    assert answer.number("i") == 1  # the request's id
    return answer


def watch(sc: str, kind: str) -> bytes:
    """The first thing that a watch of a type is told."""
    return send(sc, WATCH, SC_VERSION, string(kind) + struct.pack(">iq?", 9, -1, False))


def spus(sc: str) -> List[str]:
    """The addresses of the cluster's SPUs."""
    answer = ask(sc, LIST, SC_VERSION, string("SPU") + struct.pack(">ii??", 6, 0, False, False))
    assert answer.text() == "SPU"
    answer.number("i")
    return [spu(answer) for _ in range(answer.number("i"))]


def spu(answer: Reader) -> str:
    """The public address of the next SPU."""
    answer.text(), answer.number("i"), answer.number("b")  # name, id, type
    port = answer.number("H")
    hosts = [answer.text() for _ in range(2 * answer.number("i")) if answer.number("?")]
    answer.number("b"), answer.number("H"), answer.text(), answer.number("b")  # encryption; the private endpoint
    if answer.number("?"):
        answer.text()  # the rack
    if answer.number("?"):
        answer.number("H"), answer.text(), answer.number("b")  # the local endpoint
    answer.number("b")  # the status
    return f"{hosts[0]}:{port}"


def codecs(addresses: Sequence[str], topic: str, partition: int) -> List[str]:
    """The codec of every batch of a partition, from whichever SPU leads it."""
    asked = struct.pack(">iiibi", 0, 0, MAX_BYTES, 0, 1) + string(topic)
    asked += struct.pack(">iIqi", 1, partition, 0, MAX_BYTES)
    errors = []
    for address in addresses:
        answer = ask(address, FETCH, FETCH_VERSION, asked)
        answer.number("i"), answer.number("h"), answer.number("i"), answer.number("i")  # throttle time to topics' count
        assert (answer.text(), answer.number("i"), answer.number("I")) == (topic, 1, partition)
        error = answer.number("h")
        if error == 0:
            answer.number("q"), answer.number("q"), answer.number("?")  # high watermark, first offset, aborted
            return [CODECS[each & 7] for each in attributes(answer.take(answer.number("i")))]
        errors.append(error)
    raise AssertionError(f"no SPU has partition {partition} of {topic}: errors {errors}")


def attributes(stored: bytes) -> Iterator[int]:
    """The attributes of each batch."""
    while stored:
        _, length, _, magic, _, flags = HEADER.unpack_from(stored)
        assert magic == 2
        yield flags
        stored = stored[12 + length :]
