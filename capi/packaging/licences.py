"""On which terms may be used what is compiled into the binaries: the texts, which every package carries as those want
it, and the names that SPDX has for them, which go into the SBOMs. Used by make dist.

Taken are the files that say so in the folders of all packages that are compiled in, and above these up to the module's
own: Go modules and Go itself. Not taken is what the C compiler puts in by itself, as startup code of the C library.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Sequence

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("./capi", "./core/cmd/fluvio-devcluster")
NAMES = re.compile(r"(?i)^(licen[cs]e|copying|notice|patents)([.-].*)?$")
BESIDE = re.compile(r"(?i)^(notice|patents)")
"""Files that add to the terms of another one."""
NOT_LINKED = "src/crypto/internal/boring"
"""A folder of Go's whose licence is that of a library which only GOEXPERIMENT=boringcrypto links."""
BSD = r"Redistribution and use in source and binary forms"
MARKS = {
    "Apache-2.0": r"Apache License,? Version 2\.0",
    "BSD-2-Clause": rf"{BSD}(?!(?:(?!{BSD}).)*Neither the name of)",
    "BSD-3-Clause": rf"{BSD}(?:(?!{BSD}).)*Neither the name of",
    "CC0-1.0": r"CC0 1\.0 Universal",
    "ISC": r"Permission to use, copy, modify, and(?:/or)? distribute this software",
    "MIT": r"Permission is hereby granted, free of charge, to any person obtaining a copy",
    "MPL-2.0": r"Mozilla Public License,? [Vv]ersion 2\.0",
}
"""Words by which the text of a licence is known, where spaces stand for any space."""


def go(system: str, *words: str) -> str:
    """What the go command says of a system's builds."""
    environment = {**os.environ, "GOOS": system, "CGO_ENABLED": "1"}
    return subprocess.run(["go", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


def packages(system: str) -> Iterator[Dict[str, Any]]:
    """What is compiled in, as go list tells of it."""
    decoder, text, at = json.JSONDecoder(), go(system, "list", "-deps", "-json=Dir,Module", *PROGRAMS), 0
    while at < len(text):
        package, at = decoder.raw_decode(text, at)
        at = len(text) - len(text[at:].lstrip())
        yield package


def texts(folder: Path) -> List[Path]:
    """The files of a folder that say on which terms what is in it may be used."""
    return [path for path in sorted(folder.iterdir()) if path.is_file() and NAMES.match(path.name)]


def modules(system: str) -> Dict[str, List[Path]]:
    """These files of the modules whose packages are compiled in, and of Go itself, by module and version."""
    root, name = Path(go(system, "env", "GOROOT").strip()), f"std {go(system, 'env', 'GOVERSION').strip()}"
    found: Dict[str, List[Path]] = {}
    for package in packages(system):
        module = package.get("Module", {})
        if module.get("Main"):
            continue
        top = Path(module["Dir"]) if module else root
        files = found.setdefault(f"{module['Path']} {module['Version']}" if module else name, [])
        folder = Path(package.get("Dir", top))
        for each in (folder, *folder.parents):
            if not each.match(NOT_LINKED):
                files += [path for path in texts(each) if path not in files]
            if each == top:
                break
    for each, files in found.items():
        if not files:
            sys.exit(f"licences.py: {each} has no licence")
    return {each: sorted(found[each], key=lambda path: (len(path.parts), path)) for each in sorted(found)}


def spdx(files: Sequence[Path]) -> str:
    """What the licences in files are called, as an expression: of several, each is that of some parts."""
    names = set()
    for path in files:
        words = " ".join(path.read_text(encoding="utf-8", errors="replace").split())
        known = {name for name, mark in MARKS.items() if re.search(mark, words, re.DOTALL)}
        if not known and not BESIDE.match(path.name):
            sys.exit(f"licences.py: nothing in {path} is a licence that it knows")
        names |= known
    return " AND ".join(sorted(names))


def collected(system: str = "linux", binaries: Sequence[str] = ("libfluvio.so", "fluvio-devcluster")) -> str:
    """All of them in one text."""
    parts = [f"{' and '.join(binaries)} contain the following, on these terms.\n"]
    for name, files in modules(system).items():
        written = set()
        for path in files:
            words = path.read_text(encoding="utf-8", errors="replace").strip()
            if words in written:
                continue
            written.add(words)
            title = f"{name} ({spdx(files)}): {path.relative_to(files[0].parent)}"
            parts.append(f"{'=' * 80}\n{title}\n{'=' * 80}\n\n{words}\n")
    return "\n".join(parts)
