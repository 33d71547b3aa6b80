"""Packs the built libraries: wheels and an sdist for Python, packages for npm, archives for C. Run by make dist.

Every wheel, and every platform's npm package, holds the library and the dev cluster's program, so that a machine that
installs it needs no Go. The npm package libfluvio itself holds no binary; it names the platforms' packages as optional.
With SOURCE_DATE_EPOCH in the environment the same files give the same packages, byte for byte.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Iterator

from licences import collected

ROOT = Path(__file__).resolve().parents[2]
PYTHON, NODE = ROOT / "bindings" / "python", ROOT / "bindings" / "node"
LEFT_OUT = ("__pycache__", "*.egg-info", "build")
SOURCES = ("go.mod", "go.sum", "LICENSE", "include", "capi", "core")
NO_SOURCES = ("*_test.go", "testdata", "packaging", "otelhook", "gen", "matrix")
"""Of the folders of sources, what neither library nor program is made of."""
FILES = {
    "amd64": ("libfluvio.so", "fluvio-devcluster"),
    "arm64": ("libfluvio.so", "fluvio-devcluster"),
    "windows-amd64": ("fluvio.dll", "fluvio-devcluster.exe"),
}
"""Library and program, by the folder they were built in."""
LICENCES = "THIRD_PARTY_LICENCES.txt"
"""On which terms what is compiled into the binaries may be used: it goes wherever they go."""
WHEEL_TAGS = {
    "amd64": "manylinux_2_17_x86_64.manylinux2014_x86_64",
    "arm64": "manylinux_2_17_aarch64.manylinux2014_aarch64",
    "windows-amd64": "win_amd64",
}
COMMON = ("include/fluvio.h", "include/fluvio.hpp", "LICENSE")
"""What every archive for C holds."""
NODE_PLATFORMS = {"amd64": ("linux", "x64"), "arm64": ("linux", "arm64"), "windows-amd64": ("win32", "x64")}


def run(*command: object, cwd: Path) -> None:
    """Runs a command; its output is shown only when it fails."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


def packed_at() -> int:
    """The time that packages carry."""
    return int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))


def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Nothing of who packed it, and when."""
    entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = packed_at(), 0, 0, "root", "root"
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


@contextmanager
def tarball(path: Path) -> Iterator[tarfile.TarFile]:
    """A new .tar.gz."""
    with ExitStack() as stack:
        packed = stack.enter_context(path.open("wb"))
        zipped = stack.enter_context(gzip.GzipFile("", "wb", fileobj=packed, mtime=packed_at()))
        yield stack.enter_context(tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT))


def put(binaries: Path, folder: Path) -> None:
    """Copies library and program."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES[binaries.name]:
        shutil.copy(binaries / name, folder / name)
    (folder / LICENCES).write_text(licences(binaries), encoding="utf-8")


def licences(binaries: Path) -> str:
    """Those of what is compiled into these binaries."""
    return collected("windows" if binaries.name.startswith("windows-") else "linux", FILES[binaries.name])


def wheel(binaries: Path, work: Path, out: Path) -> None:
    """One wheel for every Python 3 on the platform: ctypes needs no build of its own."""
    shutil.copytree(PYTHON, work, ignore=shutil.ignore_patterns(*LEFT_OUT))
    put(binaries, work / "libfluvio")
    shutil.copy(ROOT / "LICENSE", work / "LICENSE")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", work / "made", ".", cwd=work)
    (made,) = (work / "made").glob("*.whl")
    run(sys.executable, "-m", "wheel", "tags", "--remove", "--platform-tag", WHEEL_TAGS[binaries.name], made, cwd=work)
    for made in (work / "made").glob("*.whl"):
        shutil.move(str(made), out / made.name)


def sdist(metadata: str, work: Path, version: str, out: Path) -> None:
    """The package with the Go sources, of which its build backend makes the library."""
    shutil.copytree(PYTHON, work, ignore=shutil.ignore_patterns(*LEFT_OUT, ".gitignore"))
    (work / "go").mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, work / "go" / name, ignore=shutil.ignore_patterns(*NO_SOURCES))
        else:
            shutil.copy(source, work / "go" / name)
    shutil.copy(ROOT / "LICENSE", work / "LICENSE")
    (work / "libfluvio" / LICENCES).write_text(collected(), encoding="utf-8")
    (work / "PKG-INFO").write_text(metadata, encoding="utf-8")
    with tarball(out / f"libfluvio-{version}.tar.gz") as tar:
        tar.add(work, f"libfluvio-{version}", filter=plain)


def metadata_of(wheel_file: Path) -> str:
    """What a wheel says of itself."""
    with zipfile.ZipFile(wheel_file) as packed:
        (name,) = (name for name in packed.namelist() if name.endswith(".dist-info/METADATA"))
        return packed.read(name).decode()


def npm_pack(folder: Path, manifest: dict[str, object], out: Path) -> None:
    """Writes the manifest and packs the folder."""
    (folder / "package.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    run("npm", "pack", "--silent", "--pack-destination", out, cwd=folder)


def npm_platform(binaries: Path, work: Path, version: str, out: Path) -> str:
    """A platform's package. Returns its name."""
    system, cpu = NODE_PLATFORMS[binaries.name]
    name, (library, program) = f"libfluvio-{system}-{cpu}", FILES[binaries.name]
    put(binaries, work)
    shutil.copy(NODE / "LICENSE", work / "LICENSE")
    manifest = {
        "name": name,
        "version": version,
        "description": f"{library} and {program} for {system} on {cpu}; used by the package libfluvio",
        "license": "Apache-2.0",
        "os": [system],
        "cpu": [cpu],
        **({"libc": ["glibc"]} if system == "linux" else {}),
        "files": [library, program, "LICENSE", LICENCES],
    }
    npm_pack(work, manifest, out)
    return name


def npm_main(platforms: list[str], work: Path, version: str, out: Path) -> None:
    """The package that applications depend on."""
    manifest = json.loads((NODE / "package.json").read_text(encoding="utf-8"))
    work.mkdir(parents=True)
    for name in manifest["files"]:
        source = NODE / name
        if source.is_dir():
            shutil.copytree(source, work / name)
        elif source.exists():
            shutil.copy(source, work / name)
    del manifest["scripts"], manifest["devDependencies"]
    manifest["optionalDependencies"] = dict.fromkeys(platforms, version)
    npm_pack(work, manifest, out)


def archive(binaries: Path, work: Path, version: str, out: Path) -> None:
    """Library, headers and program for C and C++, below one folder."""
    top = f"libfluvio-{version}-linux-{binaries.name}"
    put(binaries, work)
    with tarball(out / f"{top}.tar.gz") as tar:
        for source, place in (
            (binaries / "libfluvio.so", "lib/libfluvio.so.1"),
            (binaries / "fluvio-devcluster", "bin/fluvio-devcluster"),
            *((ROOT / name, name) for name in COMMON),
            (work / LICENCES, LICENCES),
        ):
            tar.add(source, f"{top}/{place}", filter=plain)
        link = tarfile.TarInfo(f"{top}/lib/libfluvio.so")
        link.type, link.linkname = tarfile.SYMTYPE, "libfluvio.so.1"
        tar.addfile(plain(link))


def windows(binaries: Path, version: str, out: Path) -> None:
    """The same for Windows."""
    top = f"libfluvio-{version}-{binaries.name}"
    with zipfile.ZipFile(out / f"{top}.zip", "w") as packed:
        for place, content in (
            ("bin/fluvio.dll", (binaries / "fluvio.dll").read_bytes()),
            ("bin/fluvio-devcluster.exe", (binaries / "fluvio-devcluster.exe").read_bytes()),
            ("lib/fluvio.lib", (binaries / "fluvio.lib").read_bytes()),
            *((name, (ROOT / name).read_bytes()) for name in COMMON),
            (LICENCES, licences(binaries).encode()),
        ):
            entry = zipfile.ZipInfo(f"{top}/{place}", time.gmtime(packed_at())[:6])
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, content, zipfile.ZIP_DEFLATED)


def main() -> None:
    """Packs everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("binaries", type=Path, nargs="+", help="folders named amd64, arm64 or windows-amd64")
    args = parser.parse_args()
    out = args.out.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        work, platforms = Path(temporary), []
        for binaries in (each.resolve() for each in args.binaries):
            wheel(binaries, work / f"wheel-{binaries.name}", out)
            platforms.append(npm_platform(binaries, work / f"npm-{binaries.name}", args.version, out))
            if binaries.name.startswith("windows-"):
                windows(binaries, args.version, out)
            else:
                archive(binaries, work / f"archive-{binaries.name}", args.version, out)
        npm_main(platforms, work / "npm", args.version, out)
        sdist(metadata_of(next(out.glob("*.whl"))), work / "sdist", args.version, out)


if __name__ == "__main__":
    main()
