"""SmartModules, as consumers and producers are told of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Mapping, Optional, Union

from ._core import BytesLike


@dataclass(frozen=True)
class Lookback:
    """Which stored records a module's ``look_back`` function is shown before it begins. At least one of both."""

    last: Optional[int] = None
    """The number of the newest records at most. None: as many as are young enough."""
    age_ms: Optional[int] = None
    """How old records may be, by their timestamps, in milliseconds. None: as old as they are."""


@dataclass(frozen=True)
class SmartModule:
    """One step of a chain: WebAssembly that the cluster runs records through, for the setting ``smartmodules`` of
    consumers (records that are read) and producers (records that are sent, before they are stored).

    Exactly one of ``name``, ``path`` and ``wasm`` says which module. A mapping with the same names does as well.
    """

    name: Optional[str] = None
    """A module stored in the cluster: ``name``, ``group/name`` or ``group/name@version``."""
    path: Union[str, "os.PathLike[str]", None] = None
    """A file with the module. It is read when the consumer or producer is opened."""
    wasm: Optional[BytesLike] = None
    """The module itself."""
    kind: Optional[str] = None
    """``generic``, ``filter``, ``map``, ``array_map``, ``filter_map`` or ``aggregate``. The cluster looks at what the
    module exports and not at this, so there is no need to say it."""
    params: Mapping[str, Union[str, int, bool]] = field(default_factory=dict)
    """For the module's ``init`` function; numbers and truth values become text."""
    accumulator: Optional[BytesLike] = None
    """Where an aggregate begins, anew with every stream and every request."""
    lookback: Union[Lookback, Mapping[str, int], None] = None
    """Shows stored records to the module first."""
