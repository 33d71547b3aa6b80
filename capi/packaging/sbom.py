"""Completes and checks the SBOMs (CycloneDX) of make dist: every component names its licence, or this fails.

``sbom.py go SYSTEM FILE...``: of binaries, as cyclonedx-gomod has written them. Its own search for licences wants the
main module from a proxy, leaves Go's own out and takes some for others: those that licences.py finds are put in.

``sbom.py npm FILE``: writes that of the package for Node, which is koffi and its builds for each platform.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping

from licences import ROOT, modules, spdx

Bom = Dict[str, Any]
OWN = "Apache-2.0"


def named(expression: str) -> List[Dict[str, Any]]:
    """An expression of SPDX as a component has it."""
    return [{"expression": expression}] if " " in expression else [{"license": {"id": expression}}]


def components(bom: Bom) -> Iterator[Dict[str, Any]]:
    """What it is about, and what that contains."""
    yield bom["metadata"]["component"]
    yield from bom.get("components", ())


def unlicensed(bom: Bom) -> List[str]:
    """The components that name no licence."""
    return [each["name"] for each in components(bom) if not each.get("licenses")]


def completed(bom: Bom, licences: Mapping[str, str]) -> Bom:
    """With the licences, which are given by module and version."""
    own, *others = components(bom)
    own["licenses"] = named(OWN)
    for each in others:
        expression = licences.get(f"{each['name']} {each['version']}")
        if expression:
            each["licenses"] = named(expression)
    return bom


def of_npm() -> Bom:
    """What npm says, from the lock file alone, without what changes from one run to the next."""
    kind = ("--sbom-format", "cyclonedx", "--sbom-type", "library")
    command = ("npm", "sbom", *kind, "--omit", "dev", "--package-lock-only")
    done = subprocess.run(command, cwd=ROOT / "bindings" / "node", capture_output=True, text=True, check=True)
    bom = json.loads(done.stdout)
    del bom["serialNumber"], bom["metadata"]["timestamp"]
    bom["metadata"]["component"]["name"] = "libfluvio"  # npm takes that of the folder
    return bom


def write(path: Path, bom: Bom) -> None:
    """Writes it, if it is complete."""
    missing = unlicensed(bom)
    if missing:
        sys.exit(f"sbom.py: {path.name}: no licence is known of {', '.join(missing)}")
    path.write_text(json.dumps(bom, indent=2) + "\n", encoding="utf-8")


def main(kind: str, *arguments: str) -> None:
    """Completes the files."""
    if kind == "npm":
        write(Path(arguments[0]), of_npm())
        return
    system, *files = arguments
    licences = {module: spdx(texts) for module, texts in modules(system).items()}
    for each in map(Path, files):
        write(each, completed(json.loads(each.read_text(encoding="utf-8")), licences))


if __name__ == "__main__":
    main(*sys.argv[1:])
