"""What make dist packs, from the library that make has built: installed where there is no checkout, used, removed."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import Any, Dict, List

import libfluvio
import pytest
from helpers import ROOT

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "")
PLATFORM = {"amd64": "libfluvio-linux-x64", "arm64": "libfluvio-linux-arm64"}.get(ARCH, "")
pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux") or not ARCH, reason="packages are for linux"),
    pytest.mark.hang(1800),  # packs, installs and compiles: a busy machine takes its time
]
WINDOWS = ("fluvio.dll", "fluvio.lib", "fluvio-devcluster.exe")
KEPT = ("PATH", "HOME", "TMPDIR", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS")

PYTHON_EXAMPLE = """
import libfluvio, libfluvio.aio.typed, libfluvio.compat, libfluvio.typed
assert "site-packages" in libfluvio.__file__
with libfluvio.DevCluster() as cluster, libfluvio.connect(cluster.endpoint) as client:
    client.admin.create_topic("orders")
    with client.producer("orders") as producer:
        print(producer.send(b"first").result().offset)
"""
NODE_EXAMPLE = """
const cluster = await DevCluster.start();
const client = await connect({ endpoint: cluster.endpoint });
await client.admin.createTopic('orders');
const producer = await client.producer('orders');
console.log((await producer.send({ value: 'first' })).offset);
await client.close();
await cluster.stop();
"""


def run(*command: object, cwd: Path, timeout: float = 900, **environment: str) -> str:
    """A command's output, in an environment that knows nothing of the checkout."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Dict[str, Path]:
    """The packed files, by their kind."""
    binaries, out = tmp_path_factory.mktemp("cross") / ARCH, tmp_path_factory.mktemp("dist")
    binaries.mkdir()
    shutil.copy(ROOT / "build/lib/libfluvio.so", binaries)
    shutil.copy(ROOT / "build/bin/fluvio-devcluster", binaries)
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    pack = ROOT / "capi/packaging/pack.py"
    windows = binaries.with_name("windows-amd64")
    windows.mkdir()
    for name in WINDOWS:
        (windows / name).write_bytes(name.encode())
    run(sys.executable, pack, "--version", libfluvio.__version__, "--out", out, binaries, windows, cwd=out)
    version = libfluvio.__version__
    found = {
        "windows": out / f"libfluvio-{version}-windows-amd64.zip",
        "windows wheel": out / f"libfluvio-{version}-py3-none-win_amd64.whl",
        "windows platform": out / f"libfluvio-win32-x64-{version}.tgz",
        "platform": out / f"{PLATFORM}-{version}.tgz",
        "main": out / f"libfluvio-{version}.tgz",
        "sdist": out / f"libfluvio-{version}.tar.gz",
        "archive": out / f"libfluvio-{version}-linux-{ARCH}.tar.gz",
    }
    (found["wheel"],) = out.glob("*manylinux*.whl")
    assert set(found.values()) == set(out.iterdir())
    return found


def install_use_remove(wheel: Path, tmp_path: Path) -> None:
    """The wheel has all that it needs, and leaves nothing behind."""
    names = zipfile.ZipFile(wheel).namelist()
    assert {"libfluvio/libfluvio.so", "libfluvio/fluvio-devcluster", "libfluvio/THIRD_PARTY_LICENCES.txt"} < set(names)
    assert any(name.endswith("/LICENSE") and ".dist-info/" in name for name in names)
    assert platform.machine() in wheel.name
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    before = {file for file in home.rglob("*") if "__pycache__" not in file.parts}
    python = home / "bin" / "python"
    # The library here was built for this machine's C library; make dist builds it for the older one of the wheel's tag.
    run(python, "-m", "pip", "install", "--no-index", wheel, cwd=tmp_path)
    assert run(python, "-W", "error", "-c", PYTHON_EXAMPLE, cwd=tmp_path) == "0\n"
    readme = (ROOT / "bindings/python/README.md").read_text(encoding="utf-8")
    example = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    assert example and len(run(python, "-c", example.group(1), cwd=tmp_path).splitlines()) == 4
    assert run(python, "-m", "libfluvio", "--version", cwd=tmp_path) == f"libfluvio {libfluvio.__version__}\n"
    run(python, "-m", "pip", "uninstall", "-y", "libfluvio", cwd=tmp_path)
    assert {file for file in home.rglob("*") if "__pycache__" not in file.parts} == before


def test_wheel(packages: Dict[str, Path], tmp_path: Path) -> None:
    install_use_remove(packages["wheel"], tmp_path)


def test_sdist(packages: Dict[str, Path], tmp_path: Path) -> None:
    with tarfile.open(packages["sdist"]) as packed:
        names = [name.partition("/")[2] for name in packed.getnames()]
    assert not [name for name in names if name.endswith((".so", "_test.go")) or "testdata" in name]
    assert {"PKG-INFO", "LICENSE", "go/LICENSE", "go/go.sum", "go/include/fluvio.h", "go/core/client.go"} < set(names)
    pip_wheel = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", "made")
    with pytest.raises(AssertionError, match="Go 1.25 or newer .* is needed to build libfluvio"):
        run(*pip_wheel, packages["sdist"], cwd=tmp_path, PATH=str(tmp_path))
    for tool in ("go", "gcc"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed")
    run(*pip_wheel, packages["sdist"], cwd=tmp_path)
    (wheel,) = (tmp_path / "made").iterdir()
    install_use_remove(wheel, tmp_path)


def test_windows_archive(packages: Dict[str, Path]) -> None:
    with zipfile.ZipFile(packages["windows"]) as packed:
        held = {name.partition("/")[2]: packed.read(name) for name in packed.namelist()}
    places = ("bin/fluvio.dll", "lib/fluvio.lib", "bin/fluvio-devcluster.exe")
    assert tuple(held.pop(place).decode() for place in places) == WINDOWS
    assert held.pop("THIRD_PARTY_LICENCES.txt").startswith(b"fluvio.dll and fluvio-devcluster.exe contain")
    assert held == {name: (ROOT / name).read_bytes() for name in ("include/fluvio.h", "include/fluvio.hpp", "LICENSE")}


def test_windows_wheel(packages: Dict[str, Path]) -> None:
    with zipfile.ZipFile(packages["wheel"]) as packed:
        linux = {name for name in packed.namelist() if ".dist-info/" not in name}
    with zipfile.ZipFile(packages["windows wheel"]) as packed:
        held = {name: packed.read(name) for name in packed.namelist() if ".dist-info/" not in name}
        (about,) = (packed.read(name).decode() for name in packed.namelist() if name.endswith(".dist-info/WHEEL"))
    assert "Tag: py3-none-win_amd64\n" in about
    binaries = {"libfluvio/fluvio.dll": b"fluvio.dll", "libfluvio/fluvio-devcluster.exe": b"fluvio-devcluster.exe"}
    assert {name: held.pop(name) for name in binaries} == binaries
    assert set(held) == linux - {"libfluvio/libfluvio.so", "libfluvio/fluvio-devcluster"}
    assert held["libfluvio/THIRD_PARTY_LICENCES.txt"].startswith(b"fluvio.dll and fluvio-devcluster.exe contain")


def test_windows_npm(packages: Dict[str, Path]) -> None:
    with tarfile.open(packages["windows platform"]) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
        manifest = json.load(packed.extractfile("package/package.json"))  # type: ignore[arg-type]
    wanted = {"fluvio.dll", "fluvio-devcluster.exe", "LICENSE", "THIRD_PARTY_LICENCES.txt"}
    assert names == wanted | {"package.json"} and set(manifest["files"]) == wanted
    assert (manifest["name"], manifest["os"], manifest["cpu"]) == ("libfluvio-win32-x64", ["win32"], ["x64"])
    assert "libc" not in manifest


def test_npm(packages: Dict[str, Path], tmp_path: Path) -> None:
    koffi = ROOT / "bindings/node/node_modules/koffi"
    if not koffi.exists():
        pytest.skip("koffi is not installed: run make test-node")
    for kind, folder in (("main", "libfluvio"), ("platform", PLATFORM)):
        shutil.unpack_archive(packages[kind], tmp_path / kind, "gztar")
        shutil.copytree(tmp_path / kind / "package", tmp_path / "project/node_modules" / folder)
    modules = tmp_path / "project/node_modules"
    for name in ("koffi", "@koromix"):
        if (koffi.parent / name).exists():
            shutil.copytree(koffi.parent / name, modules / name)
    manifest = json.loads((modules / "libfluvio/package.json").read_text(encoding="utf-8"))
    assert manifest["optionalDependencies"] == dict.fromkeys([PLATFORM, "libfluvio-win32-x64"], libfluvio.__version__)
    assert "scripts" not in manifest
    project = tmp_path / "project"
    (project / "esm.mjs").write_text("import { connect, DevCluster } from 'libfluvio';" + NODE_EXAMPLE)
    (project / "cjs.cjs").write_text(
        "const { connect, DevCluster } = require('libfluvio');(async () => {" + NODE_EXAMPLE + "})();"
    )
    for script in ("esm.mjs", "cjs.cjs"):
        assert run("node", script, cwd=project) == "0\n"


def test_c_archive(packages: Dict[str, Path], tmp_path: Path) -> None:
    if not shutil.which("gcc"):
        pytest.skip("gcc is not installed")
    shutil.unpack_archive(packages["archive"], tmp_path)
    (folder,) = tmp_path.iterdir()
    assert folder.name == f"libfluvio-{libfluvio.__version__}-linux-{ARCH}"
    held = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    assert {"lib/libfluvio.so", "lib/libfluvio.so.1", "include/fluvio.h", "bin/fluvio-devcluster", "LICENSE"} < held
    example = re.search(r"```c\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert example
    (tmp_path / "example.c").write_text(example.group(1))
    flags = (f"-I{folder}/include", f"-L{folder}/lib", "-lfluvio", f"-Wl,-rpath,{folder}/lib")
    run("gcc", "example.c", *flags, "-o", "example", cwd=tmp_path)
    with subprocess.Popen([folder / "bin/fluvio-devcluster"], stdout=subprocess.PIPE) as cluster:
        try:
            assert cluster.stdout
            assert run("./example", json.loads(cluster.stdout.readline())["sc"], cwd=tmp_path) == "0 0 hello\n"
        finally:
            cluster.terminate()


def modules_in(binary: Path) -> List[Dict[str, Any]]:
    """The modules that a binary says it was built of, as an SBOM has them."""
    told = run("go", "version", "-m", binary, cwd=ROOT)
    found = [line.split()[1:3] for line in told.splitlines() if line.startswith("\tdep\t")]
    found.append(["std", told.splitlines()[0].split()[-1]])
    return [{"type": "library", "name": name, "version": version} for name, version in found]


def sbom(*arguments: object) -> str:
    """What make dist calls once cyclonedx-gomod has written an SBOM."""
    return run(sys.executable, ROOT / "capi/packaging/sbom.py", *arguments, cwd=ROOT)


def licences_in(path: Path) -> Dict[str, str]:
    """The licence of each component of an SBOM, of which every one must name some."""
    written = json.loads(path.read_text(encoding="utf-8"))
    found = {}
    for each in (written["metadata"]["component"], *written["components"]):
        ((terms),) = each["licenses"]
        found[each["name"]] = terms["expression"] if "expression" in terms else terms["license"]["id"]
    return found


def test_every_component_of_an_sbom_names_its_licence(tmp_path: Path) -> None:
    if not shutil.which("go"):
        pytest.skip("go is not installed")
    path = tmp_path / "binary.cdx.json"
    for binary, only in (("lib/libfluvio.so", "BurntSushi/toml"), ("bin/fluvio-devcluster", "tetratelabs/wazero")):
        bom = {"metadata": {"component": {"name": "libfluvio"}}, "components": modules_in(ROOT / "build" / binary)}
        path.write_text(json.dumps(bom), encoding="utf-8")
        sbom("go", "linux", path)
        found = licences_in(path)
        assert set(found) == {"libfluvio", *(each["name"] for each in bom["components"])}
        assert f"github.com/{only}" in found
        assert (found["libfluvio"], found["std"]) == ("Apache-2.0", "BSD-3-Clause")
        assert found["github.com/klauspost/compress"] == "Apache-2.0 AND BSD-3-Clause AND MIT"
    bom["components"].append({"name": "example.org/unknown", "version": "v1.0.0"})
    path.write_text(json.dumps(bom), encoding="utf-8")
    with pytest.raises(AssertionError, match="no licence is known of example.org/unknown"):
        sbom("go", "linux", path)
    assert "sbom.py go $system" in run("make", "-n", "dist", cwd=ROOT)


def test_the_sbom_of_the_npm_package_has_koffi(tmp_path: Path) -> None:
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    sbom("npm", first)
    sbom("npm", second)
    assert first.read_bytes() == second.read_bytes()
    found = licences_in(first)
    assert (found.pop("libfluvio"), found.pop("koffi")) == ("Apache-2.0", "MIT")
    assert {name.partition("-")[0] for name in found} == {"@koromix/koffi"} and set(found.values()) == {"MIT"}


def test_the_licences_of_all_that_is_compiled_in_are_collected(packages: Dict[str, Path]) -> None:
    with tarfile.open(packages["archive"]) as packed:
        (name,) = (name for name in packed.getnames() if name.endswith("/THIRD_PARTY_LICENCES.txt"))
        text = packed.extractfile(name).read().decode()  # type: ignore[union-attr]
    for binary in ("lib/libfluvio.so", "bin/fluvio-devcluster"):
        for module in modules_in(ROOT / "build" / binary):
            assert f"\n{module['name']} {module['version']} (" in text
    # Parts of a module that have terms of their own, and others than the module.
    assert "zstd/internal/xxhash/LICENSE.txt" in text and "Caleb Spare" in text
