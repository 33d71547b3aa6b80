"""Objects of every type: what official clients do with them, what the cluster answers, what libfluvio's clients see."""

from __future__ import annotations

import re

import pytest

from . import raw
from .checks import need
from .clients import Failed, value_of
from .matrix import Matrix
from .objects import UNWATCHABLE, Objects, Step, script


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(
            step, id=step.key, marks=pytest.mark.cell(table="objects", row=step.client.name, column=step.column)
        )
        for step in script("run", 0)
    ],
)
def test_objects(objects: Objects, step: Step) -> None:
    need(objects.matrix, step.client, *step.needs)
    step, result = objects.steps[step.key], objects.results[step.key]
    if step.refused:
        assert isinstance(result, Failed)
        assert re.search(step.refused, result.error)
    else:
        assert step.part(value_of(result)) == step.ok


@pytest.mark.parametrize("kind", UNWATCHABLE.values())
def test_what_cannot_be_watched(matrix: Matrix, kind: str) -> None:
    assert raw.watch(matrix.endpoint, kind) == b""
    assert raw.watch(matrix.endpoint, "Topic") != b""
