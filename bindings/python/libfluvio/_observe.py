"""What clients tell of themselves while they run: logs, events and statistics, taken from one queue by one thread.

The thread is Python's own and waits without the GIL, so no thread of the library ever runs Python, and nothing can wait
for the GIL and for the library at the same time. It starts with the first client and ends with the program. A forked
child has neither the thread nor the library.
"""

from __future__ import annotations

import logging
import os
import threading
from ctypes import byref, sizeof
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from . import _abi
from ._core import Handle, checked
from ._errors import InvalidArgumentError, null_error
from ._health import ClientEvent, read_event
from ._library import Library
from ._stats import ClientStats, parse_client_stats

LOGGER = logging.getLogger("libfluvio")

WAIT_MS = 1000
"""How long the thread waits at a time."""

LEVELS = {
    _abi.LOG_ERROR: logging.ERROR,
    _abi.LOG_WARN: logging.WARNING,
    _abi.LOG_INFO: logging.INFO,
    _abi.LOG_DEBUG: logging.DEBUG,
}

NAMES = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
"""The levels that the setting ``log_level`` and the variable ``FLUVIO_LOG`` can have, ``off`` excepted."""

OnStats = Optional[Callable[[ClientStats], object]]
OnEvent = Optional[Callable[[ClientEvent], object]]


class Observer:
    """The queue and its thread."""

    def __init__(self, lib: Library) -> None:
        address = lib.queue_new()
        if not address:
            raise null_error(lib, "open log queue")
        self._lib = lib
        self._queue = Handle(address, lib.queue_free)
        self._told: Dict[int, Tuple[OnStats, OnEvent]] = {}
        self._last = 0
        self._stopped = False
        from_outside()
        self._thread = threading.Thread(target=self._run, name="libfluvio-log", daemon=True)
        self._thread.start()

    def attach(self, config: Handle, on_stats: OnStats, on_event: OnEvent) -> int:
        """Has clients that are connected with these settings log here, and tell ``on_stats`` and ``on_event``. Returns
        a number for :meth:`forget`."""
        with _lock:
            self._last += 1
            number = self._last
        lib = self._lib
        checked(lib, lib.config_set_log, config.address, self._queue.address, 0)
        if on_stats is not None or on_event is not None:
            checked(lib, lib.config_set_events, config.address, self._queue.address, number)
            self._told[number] = on_stats, on_event
        return number

    def forget(self, number: int) -> None:
        """The client is closed: nobody is told any more."""
        self._told.pop(number, None)

    def stop(self) -> None:
        """Takes what there is and ends the thread."""
        self._stopped = True
        self._lib.queue_wakeup(self._queue.address)
        self._thread.join(1)

    def _run(self) -> None:
        while True:
            event = self._lib.queue_poll(self._queue.address, 0 if self._stopped else WAIT_MS)
            if not event:
                if self._stopped:
                    return
                continue
            try:
                if self._lib.event_type(event) == _abi.EVENT_LOG:
                    self._log(event)
                else:
                    self._tell(event)
            except Exception:  # of a handler or a callback; the next one may work
                LOGGER.exception("a log handler, on_stats or on_event raised an exception")
            finally:
                self._lib.event_free(event)

    def _log(self, event: int) -> None:
        row = _abi.Log(struct_size=sizeof(_abi.Log))
        if self._lib.event_log(event, byref(row)):
            return
        level = LEVELS.get(row.level, logging.INFO)
        if not LOGGER.isEnabledFor(level):
            return
        pairs = [row.fields[i] for i in range(row.field_count)]
        fields = {pair.key.decode(): pair.value.decode(errors="replace") for pair in pairs}
        if row.dropped:
            fields["dropped"] = str(row.dropped)
        said = row.message.decode(errors="replace")
        message = " ".join([said + (":" if fields else ""), *(f"{k}={v}" for k, v in fields.items())])
        record = LOGGER.makeRecord(
            LOGGER.name, level, "libfluvio", 0, message, (), None, extra={"fluvio": fields}
        )
        record.created = row.time_us / 1e6
        record.msecs = row.time_us // 1000 % 1000
        LOGGER.handle(record)

    def _tell(self, event: int) -> None:
        on_stats, on_event = self._told.get(self._lib.event_opaque(event), (None, None))
        if self._lib.event_type(event) == _abi.EVENT_STATS:
            if on_stats is not None:
                on_stats(parse_client_stats(self._lib.event_stats(event)))
        elif on_event is not None:
            on_event(read_event(self._lib, event))


def from_outside() -> None:
    """``FLUVIO_LOG`` sets the level of the logger, and has it write to the standard error unless the program has said
    where its logs go."""
    chosen = os.environ.get("FLUVIO_LOG", "").lower()
    if chosen == "off":
        LOGGER.setLevel(logging.CRITICAL + 1)
    elif chosen in NAMES:
        LOGGER.setLevel(NAMES[chosen])
        if not LOGGER.hasHandlers():
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
            LOGGER.addHandler(handler)


def level_setting() -> str:
    """The setting ``log_level`` that gives what the logger takes."""
    effective = LOGGER.getEffectiveLevel()
    return next((name for name, level in NAMES.items() if effective <= level), "off")


def client_settings(settings: Dict[str, object]) -> Dict[str, object]:
    """Settings of a connection, with the level of the logger unless they have one."""
    from_outside()
    return settings if settings.get("log_level") is not None else {**settings, "log_level": level_setting()}


def check_told(on_stats: Any, on_event: Any, settings: Mapping[str, object]) -> None:
    """Refuses what is no callback, and one that would never be called."""
    for name, told in (("on_stats", on_stats), ("on_event", on_event)):
        if told is not None and not callable(told):
            raise InvalidArgumentError(f"{name}: a {type(told).__name__} cannot be called")
    if on_stats is not None and not settings.get("statistics_interval_ms"):
        raise InvalidArgumentError("statistics_interval_ms: it is needed with on_stats")


_lock = threading.Lock()
_observer: Optional[Observer] = None


def observer(lib: Library) -> Observer:
    """The observer of this process."""
    global _observer
    if _observer is None:
        with _lock:
            if _observer is None:
                _observer = Observer(lib)
    return _observer


def stop() -> None:
    """Ends the thread at the program's end."""
    if _observer is not None:
        _observer.stop()
