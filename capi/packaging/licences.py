"""Writes the licences of everything that is compiled into the binaries, as those want it: run by make dist."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, Sequence

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("./capi", "./core/cmd/fluvio-devcluster")
NAMES = re.compile(r"(?i)^(licen[cs]e|copying|notice|patents)([.-].*)?$")


def go(system: str, *words: str) -> str:
    """What the go command says of a system's builds."""
    environment = {**os.environ, "GOOS": system, "CGO_ENABLED": "1"}
    return subprocess.run(["go", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


def modules(system: str) -> Dict[str, Path]:
    """The modules whose packages are compiled in, by name and version, and Go itself, with their folders."""
    decoder, text, at = json.JSONDecoder(), go(system, "list", "-deps", "-json=Module", *PROGRAMS), 0
    found = {f"Go {go(system, 'env', 'GOVERSION').strip()}": Path(go(system, "env", "GOROOT").strip())}
    while at < len(text):
        package, at = decoder.raw_decode(text, at)
        at = len(text) - len(text[at:].lstrip())
        module = package.get("Module", {})
        if module and not module.get("Main"):
            found[f"{module['Path']} {module['Version']}"] = Path(module["Dir"])
    return dict(sorted(found.items()))


def texts(folder: Path) -> Iterator[Path]:
    """The files of a module's folder that say on which terms it may be used."""
    return (path for path in sorted(folder.iterdir()) if path.is_file() and NAMES.match(path.name))


def collected(system: str = "linux", binaries: Sequence[str] = ("libfluvio.so", "fluvio-devcluster")) -> str:
    """All of them in one text."""
    parts = [f"{' and '.join(binaries)} contain the following, on these terms.\n"]
    for name, folder in modules(system).items():
        files = list(texts(folder))
        if not files:
            sys.exit(f"licences.py: {name} has no licence in {folder}")
        for path in files:
            words = path.read_text(encoding="utf-8", errors="replace").strip()
            parts.append(f"{'=' * 80}\n{name}: {path.name}\n{'=' * 80}\n\n{words}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(collected(), encoding="utf-8")
