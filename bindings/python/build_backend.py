"""How the package is built (PEP 517): as setuptools does it, after the library, where the Go sources lie beside it.

That is so in the source distribution, which ``make dist`` packs. In a checkout there are none here, and the package
that is made of it has no library.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Dict, Optional

from setuptools import build_meta

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "go"

build_sdist = build_meta.build_sdist
get_requires_for_build_sdist = build_meta.get_requires_for_build_sdist
get_requires_for_build_wheel = build_meta.get_requires_for_build_wheel
prepare_metadata_for_build_wheel = build_meta.prepare_metadata_for_build_wheel


def need(tool: str, what: str) -> None:
    """Fails unless a program is there."""
    if shutil.which(tool) is None:
        raise RuntimeError(
            f"libfluvio: {what} is needed to build libfluvio from its sources, and {tool!r} was not found; "
            "install it, or a wheel of libfluvio, which needs neither Go nor a compiler"
        )


def compile_library(out: Path) -> None:
    """Builds the library and the dev cluster's program."""
    if not sys.platform.startswith("linux"):
        raise RuntimeError(
            f"libfluvio: its sources build on Linux only, not on {sys.platform}; install the wheel of libfluvio for "
            "this platform, if there is one"
        )
    compiler = os.environ.get("CC", "gcc").split()[0]
    need("go", "Go 1.25 or newer (https://go.dev/dl)")
    need(compiler, "a C compiler")
    script = f"-Wl,--version-script={SOURCES}/capi/fluvio.map"
    link = f"-s -w -extldflags '-Wl,-soname,libfluvio.so.1 {script} -Wl,-z,defs'"
    build = ["go", "build", "-trimpath", "-buildvcs=false"]
    environment = {"CC": compiler, **os.environ, "CGO_ENABLED": "1"}
    for command in (
        [*build, "-buildmode=c-shared", "-ldflags", link, "-o", str(out / "libfluvio.so"), "./capi"],
        [*build, "-ldflags", "-s -w", "-o", str(out / "fluvio-devcluster"), "./core/cmd/fluvio-devcluster"],
    ):
        subprocess.run(command, cwd=SOURCES, env=environment, check=True)
    (out / "libfluvio.h").unlink(missing_ok=True)


def build_wheel(
    wheel_directory: str, config_settings: Optional[Dict[str, Any]] = None, metadata_directory: Optional[str] = None
) -> str:
    """The wheel; of this platform when it has the library."""
    if SOURCES.is_dir():
        compile_library(HERE / "libfluvio")
        tag = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        config_settings = {**(config_settings or {}), "--build-option": ["--plat-name", tag]}
    name: str = build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)
    return name
