"""How a client and its cluster are, and what happened to them."""

from __future__ import annotations

import json
from ctypes import byref, sizeof
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

from . import _abi
from ._errors import FluvioError, error_of_status, read_error
from ._library import Library


@dataclass(frozen=True)
class ServerHealth:
    """How one server is."""

    id: int
    """An SPU's id; 0 for the SC."""
    name: str
    """``"sc"``, or the SPU's name."""
    address: str
    """``host:port`` as this client reaches it."""
    online: bool
    """What the SC says of an SPU; of the SC: ``reachable``."""
    reachable: bool
    """Whether it answered."""
    rtt: Optional[float]
    """Seconds that the answer took; None: there was none."""
    breaker: str
    """``"closed"``, ``"open"`` (the address is not tried for ``breaker_reset_ms``) or ``"half-open"`` (one attempt
    decides)."""
    error: Optional[str]
    """Why it did not answer."""


@dataclass(frozen=True)
class Health:
    """How a client and its cluster are."""

    verdict: str
    """``"healthy"``; ``"degraded"``: some of it works; ``"down"``: no SPU answers, no record can be written or read."""
    reasons: List[str]
    """Why it is not healthy."""
    sc: ServerHealth
    """The SC."""
    spus: List[ServerHealth]
    """The SPUs that the SC knows, by id."""
    metadata_age: Optional[float]
    """Seconds since the SC last told something of topics, partitions and SPUs; None: never."""
    metadata_error: Optional[str]
    """Why changes are not heard of now; None: they are."""
    client_version: str
    """The library's version."""
    platform_version: str
    """The cluster's, ``""`` before it was reached."""


def _server(members: Dict[str, Any]) -> ServerHealth:
    rtt = members["rtt_us"]
    return ServerHealth(
        members["id"],
        members["name"],
        members["address"],
        members["online"],
        members["reachable"],
        None if rtt is None else rtt / 1e6,
        members["breaker"],
        members["error"],
    )


def parse_health(raw: bytes) -> Health:
    """Reads what the library says."""
    members: Dict[str, Any] = json.loads(raw)
    age = members["metadata_age_ms"]
    return Health(
        members["verdict"],
        members["reasons"],
        _server(members["sc"]),
        [_server(spu) for spu in members["spus"]],
        None if age is None else age / 1000,
        members["metadata_error"],
        members["client_version"],
        members["platform_version"],
    )


KINDS = {
    _abi.CLIENT_CONNECTED: "connected",
    _abi.CLIENT_LOST: "lost",
    _abi.CLIENT_RETRY: "retry",
    _abi.CLIENT_RECOVERED: "recovered",
    _abi.CLIENT_GAVE_UP: "gave_up",
    _abi.LEADER_MOVED: "leader_moved",
    _abi.BREAKER_OPENED: "breaker_opened",
    _abi.BREAKER_HALF_OPEN: "breaker_half_open",
    _abi.BREAKER_CLOSED: "breaker_closed",
}


@dataclass(frozen=True)
class ClientEvent:
    """What happened to a client. What does not apply is empty or 0."""

    kind: str
    """``"connected"``: a connection to ``address`` was made. ``"lost"``: one ended because of ``error``. ``"retry"``:
    the metadata may be old because of ``error``; ``attempt`` to reach the SC comes after ``delay``. ``"recovered"``:
    the SC is back. ``"gave_up"``: ``error`` does not go away by itself; the SC is tried again when it is asked for
    something. ``"leader_moved"``: a partition is led by ``spu``, no longer by ``from_spu``. ``"breaker_opened"``:
    ``address`` is not tried for a while. ``"breaker_half_open"``: one attempt decides. ``"breaker_closed"``: it is
    tried as usual. More may be added."""
    address: str
    topic: str
    partition: int
    spu: int
    from_spu: int
    attempt: int
    delay: float
    """Seconds until the attempt."""
    error: Optional[FluvioError]
    dropped: int
    """Events that were dropped before this one, because 10,000 waited for ``on_event``."""


def read_event(lib: Library, event: int) -> ClientEvent:
    """Reads an event of a client, which stays the caller's."""
    row = _abi.ClientEvent(struct_size=sizeof(_abi.ClientEvent))
    status: int = lib.event_client(event, byref(row))
    if status:
        raise error_of_status(lib, status)
    return ClientEvent(
        KINDS.get(row.kind, str(row.kind)),
        row.address.decode(),
        row.topic.decode(),
        row.partition,
        row.spu,
        row.from_spu,
        row.attempt,
        row.delay_ms / 1000,
        read_error(lib, row.error) if row.error else None,
        row.dropped,
    )
