"""What a producer counts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Dict, Optional

from ._library import Library


@dataclass(frozen=True)
class ProducerStats:
    """A producer's counters since it was opened. Bytes are those of keys and values. Accepted records are acknowledged,
    failed or maybe stored, or else queued or in flight."""

    records_accepted: int
    """Taken by ``send`` and ``send_many``."""
    bytes_accepted: int
    records_acknowledged: int
    """Stored."""
    bytes_acknowledged: int
    records_failed: int
    """Certainly not stored."""
    bytes_failed: int
    records_maybe: int
    """Reported as maybe stored."""
    bytes_maybe: int
    records_queued: int
    """Wait to be sent, or to be sent again."""
    bytes_queued: int
    batches_queued: int
    records_in_flight: int
    """Sent, without an answer."""
    bytes_in_flight: int
    batches_in_flight: int
    requests: int
    """Sent."""
    requests_in_flight: int
    batches: int
    """Sent, each counted once."""
    retries: int
    """Batches sent again."""
    batch_fill: float
    """Average bytes of a batch before compression, in parts of ``batch_size``; this and the next four are 0 before
    anything was sent."""
    records_per_batch: float
    batches_per_request: float
    records_per_request: float
    compression_ratio: float
    """Bytes before compression over those after; 1 without compression."""
    latency_p50: float
    """Seconds from the first record of a batch to its outcome, half of the batches being quicker. Percentiles are at
    most a sixteenth too high."""
    latency_p90: float
    latency_p99: float
    latency_max: float


def read_stats(lib: Library, address: int) -> ProducerStats:
    """Reads the counters out of a text of the library, and frees it."""
    try:
        raw: Optional[bytes] = lib.text_get(address)
        members: Dict[str, Any] = json.loads(raw or b"{}")
    finally:
        lib.text_free(address)
    for name in ("p50", "p90", "p99", "max"):
        members[f"latency_{name}"] = members.pop(f"latency_{name}_us") / 1e6
    known = ProducerStats.__dataclass_fields__
    return ProducerStats(**{name: value for name, value in members.items() if name in known})
