"""Finding and loading the shared library, and finding the dev cluster's program.

Both are looked for in this order: the environment variable (``LIBFLUVIO_PATH``, ``LIBFLUVIO_DEVCLUSTER``: a file or a
folder; when set, nothing else is tried), beside this package's own files, the build folder of the checkout this package
lies in, and at last where the system looks. The library is loaded at the first use, not on import, so a program may
import this package, fork, and connect in its children.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any, List, Optional, Tuple

from . import _abi, _process
from ._errors import LibraryNotFoundError, VersionError, forked_error

_HERE = Path(__file__).resolve().parent

HINT = (
    "run make in the checkout and set LIBFLUVIO_PATH=<checkout>/build/lib and LIBFLUVIO_DEVCLUSTER=<checkout>/build/bin"
)
"""What to do when the library or the program is missing: one ``make`` builds both."""

if sys.platform == "win32":
    LIBRARY_NAMES: Tuple[str, ...] = ("fluvio.dll", "libfluvio.dll")
    PROGRAM_NAME = "fluvio-devcluster.exe"
elif sys.platform == "darwin":
    LIBRARY_NAMES = ("libfluvio.dylib",)
    PROGRAM_NAME = "fluvio-devcluster"
else:
    LIBRARY_NAMES = ("libfluvio.so", "libfluvio.so.1")  # without development files only the second is there
    PROGRAM_NAME = "fluvio-devcluster"


class Library:
    """The loaded library: each function of ``fluvio.h`` is an attribute, without its prefix ``fluvio_``.

    Calls give up the GIL, but for those of ``_abi.SHORT``. None of them enters Go on the caller's thread.
    """

    def __init__(self, path: str, dll: ctypes.CDLL) -> None:
        self.path = path
        missing = []
        short = ctypes.PyDLL(path, handle=dll._handle)
        for name, (result, arguments) in _abi.FUNCTIONS.items():
            quick = name in _abi.SHORT
            try:  # not dll.name: the shared attribute would be anybody's to change
                function = (short if quick else dll)[name]
            except AttributeError:
                missing.append(name)
                continue
            function.restype = result
            if not quick:
                function.argtypes = list(arguments)
            setattr(self, name[len("fluvio_") :], function)
        if missing:
            raise VersionError(
                f"load {path}: it lacks {', '.join(missing)}: another version of libfluvio, or another library "
                "[hint: install a library and a Python package of the same version]"
            )

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"fluvio_{name} is not a function of this library")

    def _after_fork(self) -> None:
        _process.STATE.forked = True
        for name in _abi.FUNCTIONS:
            setattr(self, name[len("fluvio_") :], refuse)


def refuse(*_: Any) -> Any:
    """Stands for every function of the library in a forked child."""
    raise forked_error()


_lock = threading.Lock()
_loaded: Optional[Library] = None


def load() -> Library:
    """The library, loaded once.

    Raises:
        LibraryNotFoundError: it is nowhere; the message lists the places.
        VersionError: it is there but does not fit this package.
        ForkedError: this is a child forked after the library was loaded.
    """
    global _loaded
    if _process.STATE.forked:
        raise forked_error()
    if _loaded is None:
        with _lock:
            if _loaded is None:
                _loaded = _open()
    return _loaded


def _open() -> Library:
    path, dll = _find_library()
    library = Library(path, dll)
    if library.check(_abi.VERSION_HEX) != _abi.OK:
        found = library.version_string().decode()
        raise VersionError(
            f"load {path}: the library is version {found}, which does not serve this package "
            f"(made for {version_text(_abi.VERSION_HEX)}) [hint: install both of the same version]"
        )
    _process.watch(library)
    return library


def version_text(number: int) -> str:
    """``0xMMmmpp`` as ``"M.m.p"``."""
    return f"{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def library_version() -> str:
    """The version of the loaded library, for instance ``"0.1.0"``. Loads it. Raises what :func:`load` raises."""
    raw: bytes = load().version_string()
    return raw.decode()


def checkout() -> Optional[Path]:
    """The root of the source checkout this package lies in, None when it is installed."""
    root = _HERE.parents[2] if len(_HERE.parents) > 2 else None
    return root if root is not None and (root / "include" / "fluvio.h").is_file() else None


def _candidates(folder: Path, names: Tuple[str, ...]) -> List[Path]:
    return [folder / name for name in names]


def _find_library() -> Tuple[str, ctypes.CDLL]:
    tried: List[str] = []
    chosen = os.environ.get("LIBFLUVIO_PATH")
    if chosen:
        place = Path(chosen)
        paths = _candidates(place, LIBRARY_NAMES) if place.is_dir() else [place]
    else:
        paths = _candidates(_HERE, LIBRARY_NAMES)
        root = checkout()
        if root is not None:
            paths += _candidates(root / "build" / "lib", LIBRARY_NAMES)
    for path in paths:
        if not path.is_file():
            tried.append(f"{path} (not there)")
            continue
        try:
            return str(path), ctypes.CDLL(str(path))
        except OSError as error:  # a file that is there but does not load is the one to talk about
            raise LibraryNotFoundError(_not_loaded(str(path), error)) from error
    if not chosen:
        for name in LIBRARY_NAMES:
            try:
                return name, ctypes.CDLL(name)
            except OSError as error:
                tried.append(f"the system's loader ({error})")
    source = "LIBFLUVIO_PATH: " if chosen else ""
    raise LibraryNotFoundError(
        f"the shared library of libfluvio was not found; tried {source}{'; '.join(tried)} [hint: {HINT}]",
        details={"hint": HINT},
    )


def _not_loaded(path: str, error: OSError) -> str:
    hint = "it may be built for another platform; rebuild it with make, or set LIBFLUVIO_PATH to another"
    if "initial-exec" in str(error) or "static TLS" in str(error):
        hint = "on musl systems such as Alpine a Go library cannot be loaded by Python; use a glibc system"
    return f"load {path}: {error} [hint: {hint}]"


def find_program() -> str:
    """The path of ``fluvio-devcluster``.

    Raises:
        LibraryNotFoundError: it is nowhere; the message lists the places.
    """
    tried: List[str] = []
    chosen = os.environ.get("LIBFLUVIO_DEVCLUSTER")
    if chosen:
        place = Path(chosen)
        paths = [place / PROGRAM_NAME] if place.is_dir() else [place]
    else:
        paths = [_HERE / PROGRAM_NAME]
        root = checkout()
        if root is not None:
            paths.append(root / "build" / "bin" / PROGRAM_NAME)
    for path in paths:
        if path.is_file():
            return str(path)
        tried.append(f"{path} (not there)")
    if not chosen:
        found = shutil.which(PROGRAM_NAME)
        if found:
            return found
        tried.append("PATH")
    source = "LIBFLUVIO_DEVCLUSTER: " if chosen else ""
    raise LibraryNotFoundError(
        f"the program {PROGRAM_NAME} was not found; tried {source}{'; '.join(tried)} [hint: {HINT}]",
        details={"hint": HINT},
    )


__all__ = ["Library", "find_program", "library_version", "load"]
