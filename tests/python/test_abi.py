"""The table of functions and structures equals fluvio.h."""

from __future__ import annotations

import ctypes
import re
import subprocess
from ctypes import c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from helpers import ROOT
from libfluvio import _abi
from libfluvio._codes import CODES

HEADER = ROOT / "include" / "fluvio.h"

PLAIN: Dict[str, Any] = {
    "void": None,
    "int32_t": c_int32,
    "fluvio_status_t": c_int32,
    "uint32_t": c_uint32,
    "int64_t": c_int64,
    "uint64_t": c_uint64,
    "size_t": c_size_t,
}


def header_text() -> str:
    """The header without comments, on one line."""
    text = re.sub(r"/\*.*?\*/", " ", HEADER.read_text(encoding="utf-8"), flags=re.S)
    return " ".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def split_arguments(text: str) -> List[str]:
    """Splits at the commas outside parentheses."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    return [" ".join(part.split()) for part in parts]


def argument_type(declaration: str) -> Any:
    """The ctypes type of a parameter or of a result."""
    if re.fullmatch(r"const char \*(\w+)?", declaration):
        return c_char_p
    if "*" in declaration or re.match(r"fluvio_\w+_cb\b", declaration):
        return c_void_p
    return PLAIN[declaration.split()[0]]


def declared() -> Dict[str, Tuple[Any, Tuple[Any, ...]]]:
    """Every function of the header: result and arguments."""
    found = {}
    pattern = r"FLUVIO_API\s+([\w\s]+?[\s*]+)(fluvio_\w+)\s*\(((?:[^()]|\([^()]*\))*)\)\s*;"
    for match in re.finditer(pattern, header_text()):
        result, name, arguments = match.groups()
        inside = [] if arguments.strip() == "void" else split_arguments(arguments)
        found[name] = (argument_type(" ".join(result.split())), tuple(argument_type(each) for each in inside))
    return found


def test_every_declaration_was_understood() -> None:
    source = re.sub(r"/\*.*?\*/", " ", HEADER.read_text(encoding="utf-8"), flags=re.S)
    uses = sum(1 for line in source.splitlines() if line.startswith("FLUVIO_API "))
    assert len(declared()) == uses > 70


def test_functions_equal_the_header() -> None:
    table = {name: (result, tuple(arguments)) for name, (result, arguments) in _abi.FUNCTIONS.items()}
    assert table == declared()


def test_constants_equal_the_header() -> None:
    defines = dict(re.findall(r"^#define FLUVIO_(\w+) \(?(-?\w+)\)?(?: |$)", HEADER.read_text(encoding="utf-8"), re.M))
    for row in CODES:
        assert int(defines[f"ERR_{row.name}"]) == row.code
    assert len([name for name in defines if name.startswith("ERR_")]) == len(CODES)
    assert int(defines["VERSION_HEX"], 16) == _abi.VERSION_HEX
    assert defines["NO_KEY"] == "UINT32_MAX" and _abi.NO_KEY == 2**32 - 1
    ours = {name: value for name, value in vars(_abi).items() if name.isupper() and isinstance(value, int)}
    for name in set(ours) - {"VERSION_HEX", "NO_KEY"}:
        assert int(defines.get(name) or defines[f"ERR_{name}"]) == ours[name], name
    # What is new in the header has to be known here: events, and why streams end.
    for prefix in ("CLIENT_", "PARTITION_", "BREAKER_", "END_"):
        assert {name for name in defines if name.startswith(prefix)} <= set(ours), prefix


@pytest.mark.parametrize("name", sorted(_abi.STRUCTURES))
def test_structures_equal_the_header(name: str, tmp_path: Path) -> None:
    """The C compiler says where each field lies."""
    structure = _abi.STRUCTURES[name]
    body = re.search(r"typedef struct " + name + r"(?:_t)? \{(.*?)\}", header_text())
    assert body is not None
    fields = [re.split(r"[\s*]+", line.strip())[-1] for line in body.group(1).split(";") if line.strip()]
    assert [field for field, _ in structure._fields_] == fields
    places = "".join(f'printf("%zu ", offsetof({name}_t, {field}));' for field in fields)
    sizes = "".join(f'printf("%zu ", sizeof((({name}_t *)0)->{field}));' for field in fields)
    program = tmp_path / "layout.c"
    program.write_text(
        "#include <stdio.h>\n#include <stddef.h>\n#include <fluvio.h>\n"
        f'int main(void) {{ {places} {sizes} printf("%zu", sizeof({name}_t)); return 0; }}\n'
    )
    binary = tmp_path / "layout"
    subprocess.run(["gcc", "-I", str(HEADER.parent), "-o", str(binary), str(program)], check=True)
    printed = subprocess.run([str(binary)], check=True, capture_output=True, text=True).stdout.split()
    ours = [getattr(structure, field).offset for field in fields]
    ours += [getattr(structure, field).size for field in fields]
    assert [int(number) for number in printed] == [*ours, ctypes.sizeof(structure)]
