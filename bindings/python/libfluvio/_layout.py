"""Where this interpreter keeps the bytes of its objects, so that the library reads them there instead of from a copy.

CPython lays out a ``bytes`` object as its head, its length, its hash and its bytes, and a tuple as its head and the
addresses of its items. How large the heads are differs between versions and builds, and follows from
``__basicsize__``. None of that is taken on trust: objects are looked at once, and where they do not lie as expected, or
another interpreter runs, records are copied instead.
"""

from __future__ import annotations

import sys
from ctypes import c_size_t, c_void_p, sizeof, string_at
from typing import NamedTuple, Optional, Tuple


class Layout(NamedTuple):
    """Distances in bytes from an object's address, which ``id`` tells."""

    length: int
    """To the length of a ``bytes`` object, a size_t."""
    content: int
    """To the bytes of a ``bytes`` object."""
    items: int
    """To the addresses of a tuple's items."""

    @property
    def plain(self) -> bool:
        """Whether the length of a ``bytes`` object lies where ``fluvio_producer_try_send_block`` expects it."""
        return self.content - self.length == 2 * sizeof(c_size_t)

    def fits(self, samples: Tuple[bytes, ...]) -> bool:
        """Whether these objects lie like that."""
        addresses = (c_void_p * len(samples)).from_address(id(samples) + self.items)
        return list(addresses) == list(map(id, samples)) and all(
            c_size_t.from_address(id(sample) + self.length).value == len(sample)
            and string_at(id(sample) + self.content, len(sample)) == sample
            for sample in samples
        )


def find_layout() -> Optional[Layout]:
    """This interpreter's layout; None if it is not known."""
    if sys.implementation.name != "cpython":
        return None
    layout = Layout(object.__basicsize__, bytes.__basicsize__ - 1, tuple.__basicsize__)
    samples = tuple(bytes(range(size)) for size in (0, 1, 7, 8, 200))
    return layout if layout.fits(samples) else None


LAYOUT = find_layout()
"""The layout of this interpreter, found when the package is imported."""
