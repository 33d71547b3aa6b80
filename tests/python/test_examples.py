"""The examples of the documentation run, and print what they promise."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from pathlib import Path
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
    for source in blocks((ROOT / "README.md").read_text(encoding="utf-8")):
        status, _, errors = script(source)
        assert status == 0, errors


def test_example_of_the_module(script: Any) -> None:
    assert libfluvio.__doc__ is not None
    example = libfluvio.__doc__.split("::\n", 1)[1].split("\nEvery timeout", 1)[0]
    source = "\n".join(line[4:] for line in example.splitlines())
    status, output, errors = script(source)
    assert status == 0, errors
    assert output.split()[1:] == ["0", "b'k1'", "b'first'"]


EXAMPLES = ROOT / "tests" / "examples" / "python"


def example(name: str, *arguments: str) -> str:
    """Runs one of the example programs, and gives what it printed."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        env={**os.environ, "PYTHONPATH": str(PACKAGE)}, capture_output=True, text=True, timeout=250, check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_csv_etl(cluster: libfluvio.DevCluster, tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    lines = [f"tea,2.5,{i}" for i in range(100)] + ["rye,free,1", "rye,3,2"]
    source.write_text("\n".join(["item,price,count", *lines]) + "\n", encoding="utf-8")
    output = example("csv_etl.py", str(source), str(target))
    assert "102 rows in, 101 orders out" in output and output.count("is left out") == 1
    with target.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["total"] for row in found if row["item"] == "tea"] == [str(2.5 * i) for i in range(100)]
    assert [row["total"] for row in found if row["item"] == "rye"] == ["6.0"]
    # Again, on a cluster that stays: only new rows are transformed.
    for orders in (101, 202):
        assert f"102 rows in, {orders} orders out" in example("csv_etl.py", str(source), str(target), cluster.endpoint)


def test_fan_out() -> None:
    wanted = ", ".join(f"price {i}" for i in range(5))
    output = example("fan_out.py", "prices")
    assert all(f"subscriber {number}: {wanted}" in output for number in range(3))


def test_pandas_window() -> None:
    pytest.importorskip("pandas", reason="pandas is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    rows = [line.split() for line in example("pandas_window.py").splitlines()]
    assert [(row[-2], row[-1]) for row in rows[2:]] == [(f"{10 * i + 4.5}", "100.0") for i in range(6)]
