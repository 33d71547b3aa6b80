"""Finding the library and the program, and what is said when they are missing."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import libfluvio
import pytest
from helpers import PACKAGE, ROOT
from libfluvio import _abi, _errors, _library
from libfluvio._codes import CODES

LIBRARY = ROOT / "build" / "lib" / "libfluvio.so"

CONNECT = """
import libfluvio
try:
    print("version", libfluvio.library_version(), libfluvio._library.load().path)
except libfluvio.FluvioError as error:
    print(type(error).__name__, error)
"""


def test_version_of_package_and_library_agree() -> None:
    assert libfluvio.library_version() == libfluvio.__version__


@pytest.mark.parametrize("place", [LIBRARY, LIBRARY.parent])
def test_variable_names_file_or_folder(script: Any, place: Path) -> None:
    status, output, errors = script(CONNECT, LIBFLUVIO_PATH=str(place))
    assert status == 0, errors
    assert output.split() == ["version", libfluvio.__version__, str(LIBRARY)]


def test_missing_library_names_what_was_tried(script: Any, tmp_path: Path) -> None:
    status, output, _ = script(CONNECT, LIBFLUVIO_PATH=str(tmp_path))
    assert status == 0
    assert output.startswith("LibraryNotFoundError") and len(output.splitlines()) == 1
    assert str(tmp_path / "libfluvio.so") in output and "tried LIBFLUVIO_PATH" in output
    assert "run make" in output and "LIBFLUVIO_PATH=<checkout>/build/lib" in output
    assert "LIBFLUVIO_DEVCLUSTER=<checkout>/build/bin" in output


def test_installed_package_without_library(script: Any, tmp_path: Path) -> None:
    copy = tmp_path / "site" / "libfluvio"
    shutil.copytree(PACKAGE / "libfluvio", copy, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    status, output, _ = script(CONNECT, PYTHONPATH=str(copy.parent), LIBFLUVIO_PATH="")
    assert status == 0
    assert output.startswith("LibraryNotFoundError"), output
    assert str(copy) in output and "the system's loader" in output
    (copy / "libfluvio.so").symlink_to(LIBRARY)
    status, output, errors = script(CONNECT, PYTHONPATH=str(copy.parent), LIBFLUVIO_PATH="")
    assert output.split()[:2] == ["version", libfluvio.__version__], errors


def test_file_that_is_no_library(script: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "libfluvio.so"
    wrong.write_text("no library")
    _, output, _ = script(CONNECT, LIBFLUVIO_PATH=str(wrong))
    assert output.startswith("LibraryNotFoundError") and str(wrong) in output


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("int nothing(void) { return 0; }", "it lacks"),
        (None, "which does not serve this package"),
    ],
)
def test_library_of_another_version(script: Any, tmp_path: Path, source: Any, said: str) -> None:
    if source is None:
        names = sorted(set(_abi.FUNCTIONS) - {"fluvio_check", "fluvio_version_string"})
        source = "".join(f"void {name}(void) {{}}\n" for name in names)
        source += "int fluvio_check(unsigned v) { return -18; }\n"
        source += 'const char *fluvio_version_string(void) { return "9.9.9"; }\n'
    program = tmp_path / "other.c"
    program.write_text(source)
    library = tmp_path / "libfluvio.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(library), str(program)], check=True)
    _, output, errors = script(CONNECT, LIBFLUVIO_PATH=str(library))
    assert output.startswith("VersionError") and said in output, errors


def test_missing_program_names_what_was_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIBFLUVIO_DEVCLUSTER", str(tmp_path))
    with pytest.raises(libfluvio.LibraryNotFoundError) as caught:
        libfluvio.DevCluster()
    assert str(tmp_path / "fluvio-devcluster") in str(caught.value)


def test_program_is_found_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "fluvio-devcluster"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.delenv("LIBFLUVIO_DEVCLUSTER", raising=False)
    monkeypatch.setattr(_library, "_HERE", tmp_path / "no" / "such" / "folder" / "libfluvio")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _library.find_program() == str(program)


def test_import_loads_nothing(script: Any) -> None:
    status, output, errors = script(
        "import libfluvio, libfluvio.aio; print('libfluvio.so' in open('/proc/self/maps').read())"
    )
    assert (status, output.strip()) == (0, "False"), errors


def test_exceptions_equal_the_table_of_codes() -> None:
    assert sorted(_errors.BY_CODE) == sorted(row.code for row in CODES)
    for row in CODES:
        kind = _errors.BY_CODE[row.code]
        assert kind.__name__ in (row.class_name, "Fluvio" + row.class_name)
        assert kind.__name__ in libfluvio.__all__
        error = kind("what happened")
        assert (error.code, error.name, error.retriable, error.fatal) == (row.code, row.name, row.retriable, row.fatal)
        assert error.hint == row.hint
        assert kind.__doc__


def test_exceptions_are_pythons_own_too() -> None:
    assert issubclass(libfluvio.FluvioTimeoutError, TimeoutError)
    assert issubclass(libfluvio.FluvioConnectionError, ConnectionError)
    assert issubclass(libfluvio.FluvioPermissionError, PermissionError)
    assert issubclass(libfluvio.FluvioInterruptedError, InterruptedError)
    assert issubclass(libfluvio.InvalidArgumentError, ValueError)
    assert issubclass(libfluvio.NotFoundError, LookupError)
    assert issubclass(libfluvio.OutOfMemoryError, MemoryError)


@pytest.mark.parametrize("code", [row.code for row in CODES] + [-999])
def test_exceptions_can_be_pickled(code: int) -> None:
    kind = _errors.BY_CODE.get(code, libfluvio.FluvioError)
    error = kind("message", code=code, server_code=6, maybe_written=True, details={"topic": "t", "hint": "do this"})
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind and str(again) == "message"
    assert (again.code, again.server_code, again.maybe_written) == (code, 6, True)
    assert again.details == {"topic": "t", "hint": "do this"} and again.hint == "do this"
    assert again.server_name == "NotLeaderForPartition"


def test_every_public_thing_has_a_docstring() -> None:
    bare = []
    for name in libfluvio.__all__:
        thing = getattr(libfluvio, name)
        if isinstance(thing, type) and thing.__module__.startswith("libfluvio"):
            if not thing.__doc__:
                bare.append(name)
            for member, value in vars(thing).items():
                inner = value.fget if isinstance(value, property) else value
                if not member.startswith("_") and callable(inner) and not getattr(inner, "__doc__", None):
                    bare.append(f"{name}.{member}")
    assert not bare


def test_package_is_typed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "-p", "libfluvio"],
        cwd=PACKAGE, capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_package_is_lint_clean() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", str(PACKAGE)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
