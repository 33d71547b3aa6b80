"""The exceptions of libfluvio: one class for each code of the library, below :class:`FluvioError`."""

from __future__ import annotations

import base64
import builtins
import enum
from ctypes import byref, c_char_p, c_void_p
from typing import TYPE_CHECKING, Any, ClassVar, Dict, Mapping, Optional, Tuple, Type

from . import _abi
from ._codes import CODES, SERVER_CODES
from ._process import FORK_ADVICE, STATE

if TYPE_CHECKING:
    from ._library import Library

_ROWS = {row.code: row for row in CODES}
_SERVER_NAMES = {row.server: row.name for row in SERVER_CODES}


class EndReason(enum.Enum):
    """Why the stream of a consumer has ended."""

    REACHED = _abi.END_REACHED
    """Every partition was read to ``stop_at``."""
    DRAINED = _abi.END_DRAINED
    """``drain`` was called, and everything was taken."""
    CLOSED = _abi.END_CLOSED
    """The consumer, or its client, was closed."""
    TOPIC_DELETED = _abi.END_TOPIC_DELETED
    """No partition is left: the last one's topic was deleted."""
    GAVE_UP = _abi.END_GAVE_UP
    """No partition is left: the last one used up ``max_retries``."""
    FAILED = _abi.END_FAILED
    """No partition is left: the last one met an error that retrying does not mend. Also for reasons that are newer than
    this package."""
    SILENT = _abi.END_SILENT
    """As ``REACHED``; but what was left of some partition brought nothing for ``request_timeout_ms``: SmartModules
    leave it out, as far as can be known, for servers do not say so."""

    @classmethod
    def _missing_(cls, value: object) -> "EndReason":
        return cls.FAILED


class FluvioError(Exception):
    """Any failure of libfluvio. ``str(error)`` names the operation, the place, what went wrong and what to do.

    Attributes:
        code: the library's code, a negative number (``FLUVIO_ERR_*`` in C). Codes may be added: tolerate unknown ones.
        name: the code's name, for instance ``"NOT_FOUND"``.
        message: the whole text, one line.
        server_code: the Fluvio server's own code, 0 if the error is not the server's.
        retriable: the same call may succeed later.
        fatal: the object the error came from can no longer be used.
        maybe_written: the failed request may have taken effect (records may be stored).
        end_reason: of a consumer's error: why its stream has ended; None while that goes on.
        details: facts by key, as text: ``operation``, ``topic``, ``partition``, ``offset``, ``address``, ``setting``,
            ``waited_ms`` and keys of single errors.
    """

    CODE: ClassVar[int] = 0

    def __init__(
        self,
        message: str,
        *,
        code: Optional[int] = None,
        server_code: int = 0,
        retriable: Optional[bool] = None,
        fatal: Optional[bool] = None,
        maybe_written: bool = False,
        end_reason: Optional[EndReason] = None,
        details: Optional[Mapping[str, str]] = None,
    ) -> None:
        super().__init__(message)
        self.code = self.CODE if code is None else code
        row = _ROWS.get(self.code)
        self.name = row.name if row else f"CODE_{self.code}"
        self.message = message
        self.server_code = server_code
        self.retriable = (row.retriable if row else False) if retriable is None else retriable
        self.fatal = (row.fatal if row else False) if fatal is None else fatal
        self.maybe_written = maybe_written
        self.end_reason = end_reason
        self.details: Dict[str, str] = dict(details or {})

    @property
    def hint(self) -> str:
        """What a person should do about it; may be empty."""
        row = _ROWS.get(self.code)
        return self.details.get("hint") or (row.hint if row else "")

    @property
    def server_name(self) -> str:
        """The server's own name of ``server_code``, for instance ``"TopicNotFound"``; empty without a server code."""
        return _SERVER_NAMES.get(self.server_code, "") if self.server_code else ""

    def copy(self) -> "FluvioError":
        """An equal error without a traceback, to raise once more."""
        return _rebuild(type(self), self._state())

    def _state(self) -> Dict[str, Any]:
        return {
            "message": self.message,
            "code": self.code,
            "server_code": self.server_code,
            "retriable": self.retriable,
            "fatal": self.fatal,
            "maybe_written": self.maybe_written,
            "end_reason": self.end_reason,
            "details": dict(self.details),
        }

    def __reduce__(self) -> Tuple[Any, ...]:
        return _rebuild, (type(self), self._state())

    def __str__(self) -> str:
        return self.message


def _rebuild(cls: Type[FluvioError], state: Dict[str, Any]) -> FluvioError:
    return cls(state.pop("message"), **state)


class FluvioTimeoutError(FluvioError, builtins.TimeoutError):
    """The deadline passed; the message says what was waited for. Also a ``TimeoutError``."""

    CODE = -1


class ClosedError(FluvioError):
    """The object was closed, by this program or together with its client."""

    CODE = -2


class FluvioInterruptedError(FluvioError, builtins.InterruptedError):
    """A wait was woken on purpose, by ``wakeup``. Also an ``InterruptedError``."""

    CODE = -3


class CancelledError(FluvioError):
    """The caller cancelled the operation."""

    CODE = -4


class InvalidArgumentError(FluvioError, ValueError):
    """An argument or a setting is wrong; the message names it and the accepted range. Also a ``ValueError``."""

    CODE = -5


class InvalidStateError(FluvioError):
    """The call does not fit the state of the object."""

    CODE = -6


class QueueFullError(FluvioError):
    """``buffer_memory`` is used up and no room came by the deadline."""

    CODE = -7


class NotFoundError(FluvioError, LookupError):
    """A topic, partition, profile or other thing does not exist. Also a ``LookupError``."""

    CODE = -8


class LibraryNotFoundError(NotFoundError):
    """The shared library or the dev cluster's program is not on this machine; the message lists what was tried."""


class AlreadyExistsError(FluvioError):
    """An object of that name exists."""

    CODE = -9


class FluvioPermissionError(FluvioError, builtins.PermissionError):
    """The cluster refuses this identity. Also a ``PermissionError``."""

    CODE = -10


class TLSError(FluvioError):
    """TLS could not be established."""

    CODE = -11


class FluvioConnectionError(FluvioError, builtins.ConnectionError):
    """No connection, or it was lost. Also a ``ConnectionError``."""

    CODE = -12


class ProtocolError(FluvioError):
    """The peer does not speak Fluvio's protocol."""

    CODE = -13


class ServerError(FluvioError):
    """The server refused; see ``server_code`` and ``server_name``."""

    CODE = -14


class OffsetEvictedError(FluvioError):
    """The wanted offset is no longer, or not yet, stored."""

    CODE = -15


class TooLargeError(FluvioError):
    """A record is above a limit; the message gives both numbers."""

    CODE = -16


class UnsupportedError(FluvioError):
    """This server, or this platform, lacks the feature."""

    CODE = -17


class VersionError(FluvioError):
    """The shared library does not fit this package."""

    CODE = -18


class ForkedError(FluvioError):
    """The library was used in a forked child; use multiprocessing's ``spawn`` or ``forkserver``."""

    CODE = -19


class WouldDeadlockError(FluvioError):
    """A blocking call inside a callback."""

    CODE = -20


class OutOfMemoryError(FluvioError, MemoryError):
    """Memory or descriptors could not be allocated. Also a ``MemoryError``."""

    CODE = -21


class InternalError(FluvioError):
    """A bug in libfluvio: please report it with the message. The object is unusable."""

    CODE = -22


class EndError(FluvioError):
    """The stream reached ``stop_at``, or was drained. Loops over a consumer end; ``poll`` and its like raise it."""

    CODE = -23


class CorruptError(FluvioError):
    """Stored data is damaged."""

    CODE = -24


class SmartModuleError(FluvioError):
    """A SmartModule failed or could not be loaded."""

    CODE = -25

    @property
    def smartmodule(self) -> str:
        """The modules of the chain, separated by commas: which of them failed, the cluster does not tell."""
        return self.details.get("smartmodule", "")

    @property
    def smartmodule_hint(self) -> str:
        """What the module itself said; empty if it said nothing."""
        return self.details.get("smartmodule_hint", "")

    @property
    def kind(self) -> str:
        """``filter``, ``map``, ``array_map``, ``filter_map`` or ``aggregate``, of a module that refused a record."""
        return self.details.get("smartmodule_kind", "")

    @property
    def offset(self) -> Optional[int]:
        """The offset of the record that the module refused; of a producer's, its place in its batch."""
        text = self.details.get("offset", self.details.get("record"))
        return None if text is None else int(text)

    @property
    def key(self) -> Optional[bytes]:
        """The key of that record; None without one."""
        return self._content("record_key")

    @property
    def value(self) -> Optional[bytes]:
        """The value of that record; None if the error is about none."""
        return self._content("record_value")

    def _content(self, name: str) -> Optional[bytes]:
        text = self.details.get(name)
        return None if text is None else base64.b64decode(text)


def _classes() -> Dict[int, Type[FluvioError]]:
    found: Dict[int, Type[FluvioError]] = {}
    for row in CODES:
        # Where Python has an exception of that name itself, ours is called Fluvio… and derives from it.
        name = "Fluvio" + row.class_name if hasattr(builtins, row.class_name) else row.class_name
        found[row.code] = globals()[name]
    return found


BY_CODE: Dict[int, Type[FluvioError]] = _classes()
"""The class of each code; :class:`FluvioError` itself serves codes that are newer than this package."""


def _text(raw: Optional[bytes]) -> str:
    return (raw or b"").decode("utf-8", "replace")


def forked_error() -> ForkedError:
    """The error of every call in a forked child."""
    return ForkedError(FORK_ADVICE)


def read_error(lib: "Library", address: Optional[int], status: int = _abi.OK) -> FluvioError:
    """Copies a C error object, which stays the caller's. Without one, ``status`` alone makes the error."""
    if not address:
        return error_of_status(lib, status)
    code: int = lib.error_status(address)
    if code == _abi.FORKED:
        return forked_error()
    details: Dict[str, str] = {}
    key, value = c_char_p(), c_char_p()
    index = 0
    while lib.error_detail_at(address, index, byref(key), byref(value)) == 0:
        details[_text(key.value)] = _text(value.value)
        index += 1
    reason: int = lib.error_end_reason(address)
    return BY_CODE.get(code, FluvioError)(
        _text(lib.error_message(address)),
        code=code,
        server_code=lib.error_server_code(address),
        retriable=bool(lib.error_is_retriable(address)),
        fatal=bool(lib.error_is_fatal(address)),
        maybe_written=bool(lib.error_maybe_written(address)),
        end_reason=EndReason(reason) if reason else None,
        details=details,
    )


def error_of_status(lib: "Library", status: int) -> FluvioError:
    """The error of a status that came without an error object."""
    if status == _abi.FORKED:
        return forked_error()
    row = _ROWS.get(status)
    name = _text(lib.status_name(status))
    return BY_CODE.get(status, FluvioError)(f"{name} [hint: {row.hint}]" if row else f"{name} ({status})", code=status)


def take_error(lib: "Library", status: int, cell: c_void_p) -> FluvioError:
    """Turns status and error object into an exception, and frees the object."""
    error = read_error(lib, cell.value, status)
    if cell.value:
        lib.error_free(cell)
        cell.value = None
    return error


def null_error(lib: "Library", what: str) -> FluvioError:
    """Why the library gave NULL instead of an object."""
    if STATE.forked or lib.forked():
        return forked_error()
    return OutOfMemoryError(f"{what}: memory or descriptors are short [hint: {_ROWS[_abi.OUT_OF_MEMORY].hint}]")
