"""The examples of the documentation run, and print what they promise."""

from __future__ import annotations

import re
from typing import Any, List

import libfluvio
import pytest
from helpers import PACKAGE, ROOT


def blocks(text: str) -> List[str]:
    """The Python examples of a Markdown text."""
    return re.findall(r"```python\n(.*?)```", text, re.S)


README = blocks((PACKAGE / "README.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("number", range(len(README)))
def test_package_readme(script: Any, number: int) -> None:
    status, output, errors = script(README[number])
    assert status == 0, errors
    assert "b'first'" in output


def test_readme_of_the_project(script: Any) -> None:
    path = ROOT / "README.md"
    if not path.exists():
        pytest.skip("the project has no README.md yet")
    for source in blocks(path.read_text(encoding="utf-8")):
        status, _, errors = script(source)
        assert status == 0, errors


def test_example_of_the_module(script: Any) -> None:
    assert libfluvio.__doc__ is not None
    example = libfluvio.__doc__.split("::\n", 1)[1].split("\nEvery timeout", 1)[0]
    source = "\n".join(line[4:] for line in example.splitlines())
    status, output, errors = script(source)
    assert status == 0, errors
    assert output.split()[1:] == ["0", "b'k1'", "b'first'"]
