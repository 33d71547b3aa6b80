"""Every refusal of tests/refusals.json, the table that all languages share, is an error that says what to do."""

from __future__ import annotations

import base64
import json
from typing import Any, Dict

import libfluvio
import pytest
from helpers import ROOT

TABLE = json.loads((ROOT / "tests" / "refusals.json").read_text())


def call(admin: libfluvio.Admin, row: Dict[str, Any]) -> None:
    """Makes the call of a row."""
    if row["do"] == "add_partitions":
        admin.add_partitions(row["name"], 1)
    elif row["do"] == "add_mirror":
        admin.add_mirror(row["name"], row["remote"])
    else:
        settings = dict(row.get("settings", {}))
        if "wasm" in settings:
            settings["module"] = base64.b64decode(settings.pop("wasm")["base64"])
        getattr(admin, f"{row['do']}_{row['kind']}")(row["name"], **settings)


def test_refusals() -> None:
    with libfluvio.DevCluster() as cluster, libfluvio.connect(cluster.endpoint) as client:
        for row in TABLE["setup"]:
            call(client.admin, row)
        for row in TABLE["refusals"]:
            with pytest.raises(libfluvio.FluvioError) as raised:
                call(client.admin, row)
            error = raised.value
            got = [error.name, error.server_code, error.details.get("setting", "")]
            assert got == [row["code"], row["server"], row["setting"]], (row, error)
            assert row["says"] in str(error) and row["hint"] in error.hint, row
