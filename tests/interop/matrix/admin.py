"""Objects of every kind between libfluvio and the official client: each makes them with all fields, the other sees
them. It is libfluvio's Python client that does so; the other bindings compare the same in their own tests."""

from __future__ import annotations

import base64
import gzip
from typing import Any

from .clients import Job
from .script import BY_SLUG, PAYLOAD, RUST, Script, storage, topic

PY = BY_SLUG["py"]
WASM = b"\0asm\1\0\0\0"
PACKAGE = {
    "group": "g",
    "version": "0.1.0",
    "description": "d",
    "license": "Apache-2.0",
    "visibility": "public",
    "repository": "https://r.example",
}
WAITING = {"connectionStatus": "Offline", "pairingSc": "Waiting", "pairingSpu": "Waiting"}


def package(s: Script, who: str) -> str:
    """The name of a package of this run."""
    return f"admin-{who}-{s.run}"


def libfluvio_makes(s: Script, spu: int) -> None:
    """Every kind, with every field."""
    name, module = s.name("admin"), package(s, "ours")

    def make(column: str, kind: str, name: str, **settings: Any) -> None:
        s.column = column
        job: Job = {"do": "admin_create", "kind": kind, "name": name, "settings": settings}
        s.step(f"makes a {kind}", job, f"{module}-g-0.1.0" if kind == "smartmodule" else name)

    make(
        "SmartModules",
        "smartmodule",
        "ignored",
        wasm=WASM.hex(),
        package={**PACKAGE, "name": module, "api_version": "0.2.0"},
        params=[{"name": "p", "description": "q", "optional": True}],
    )
    make(
        "topics",
        "topic",
        name,
        partitions=2,
        retention_seconds="1h",
        segment_size="4KiB",
        max_partition_size="8KiB",
        compression="lz4",
        deduplication={"smartmodule": f"g/{module}@0.1.0", "count": 5, "age_ms": "5s", "params": {"a": "b"}},
    )
    make(
        "SPUs",
        "custom_spu",
        name,
        id=59920,
        public_endpoint="h.example:7001",
        private_endpoint="p.example:7002",
        public_endpoint_local="l.example:7003",
        rack="r1",
    )
    make(
        "SPU groups",
        "spu_group",
        name,
        replicas=2,
        min_id=600,
        rack="r",
        in_sync_replica_min=1,
        storage_log_dir="/x",
        storage_size="2Gi",
        env={"A": "b"},
    )
    make(
        "table formats",
        "table_format",
        name,
        input_format="json",
        smartmodule="sm",
        columns=[COLUMN, {"key_path": "c"}],
    )
    make("mirrors", "mirror", name, id="edge")
    s.column = "watches"
    seen = sorted([f"{module}-g-0.1.0", name])
    s.step("SmartModules and SPUs", {"do": "admin_watch", "names": seen}, seen)


COLUMN = {
    "key_path": "a.b",
    "header_label": "h",
    "width": "10",
    "alignment": "right",
    "format": "f",
    "display": True,
    "primary_key": True,
    "header_bg_color": "green",
    "header_text_color": "yellow",
}
OFFICIAL_COLUMN = {
    "headerLabel": "h",
    "width": "10",
    "alignment": "RIGHT",
    "keyPath": "a.b",
    "format": "f",
    "display": True,
    "primaryKey": True,
    "headerBgColor": "GREEN",
    "headerTextColor": "YELLOW",
}


def official_sees(s: Script, spu: int) -> None:
    """What libfluvio has made, in full."""
    name, module = s.name("admin"), package(s, "ours")

    def see(column: str, kind: str, ok: Any) -> None:
        s.column = column
        s.see(f"{PY.name} made a {kind}", kind, name, ok, needs=[PY])

    meta = {
        "package": {**PACKAGE, "name": module, "apiVersion": "0.2.0"},
        "params": [{"name": "p", "description": "q", "optional": True}],
    }
    s.column = "SmartModules"
    job: Job = {"do": "list_objects", "type": "smartmodule", "names": [f"g/{module}@0.1.0"]}
    s.step(f"{PY.name} made a smartmodule", job, [f"{module}-g-0.1.0", meta, WASM], part=module_of, needs=[PY])
    spec = {
        "replicas": {"computed": {"partitions": 2, "replicationFactor": 1, "ignoreRackAssignment": False}},
        "cleanupPolicy": {"segment": {"timeInSeconds": 3600}},
        **storage(4096, 8192),
        "compressionType": "Lz4",
        "deduplication": {
            "bounds": {"count": 5, "age": "5s"},
            "filter": {"transform": {"uses": f"g/{module}@0.1.0", "with": {"a": "b"}}},
        },
    }
    see("topics", "topic", topic(spec, 2))
    at = {"encryption": "PLAINTEXT"}
    spu_spec = {
        "id": 59920,
        "publicEndpoint": {"port": 7001, "ingress": [{"hostname": "h.example", "ip": None}], **at},
        "privateEndpoint": {"port": 7002, "host": "p.example", **at},
        "publicEndpointLocal": {"port": 7003, "host": "l.example", **at},
        "rack": "r1",
    }
    see("SPUs", "custom-spu", [spu_spec, {"resolution": "Init"}])
    config = {
        "rack": "r",
        "replication": {"inSyncReplicaMin": 1},
        "storage": {"logDir": "/x", "size": "2Gi"},
        "env": [{"name": "A", "value": "b"}],
    }
    init = {"resolution": "Init", "reason": None}
    see("SPU groups", "spu-group", [{"replicas": 2, "minId": 600, "spuConfig": config}, init])
    columns = [OFFICIAL_COLUMN, {**{field: None for field in OFFICIAL_COLUMN}, "keyPath": "c"}]
    see(
        "table formats",
        "table-format",
        [{"name": name, "inputFormat": "JSON", "columns": columns, "smartmodule": "sm"}, init],
    )
    see(
        "mirrors",
        "mirror",
        [{"mirrorType": {"remote": {"id": "edge"}}}, {**WAITING, "connectionStat": {"lastSeen": 0}}],
    )


def module_of(rows: Any) -> Any:
    """Name, package and WebAssembly of the only SmartModule of a list."""
    ((name, spec, _),) = rows
    return [name, spec["meta"], gzip.decompress(base64.b64decode(spec["wasm"]["payload"]))]


def official_makes(s: Script, spu: int) -> None:
    """Every kind, with every field, for libfluvio to see; also what libfluvio does not make."""
    name, module = s.name("official"), package(s, "theirs")
    s.column = "SmartModules"
    about = {**PACKAGE, "name": module, "apiVersion": "0.2.0"}
    meta = {"package": about, "params": [{"name": "p", "description": None, "optional": False}]}
    wasm = {"format": "BINARY", "payload": base64.b64encode(PAYLOAD).decode()}
    s.create(f"one for {PY.name}", "smartmodule", name, {"meta": meta, "wasm": wasm})
    s.column = "SPUs"
    spec = {
        "id": 59930,
        "publicEndpoint": {
            "port": 7001,
            "ingress": [{"hostname": "h.example", "ip": None}, {"hostname": None, "ip": "10.0.0.1"}],
            "encryption": "SSL",
        },
        "privateEndpoint": {"port": 7002, "host": "p.example", "encryption": "PLAINTEXT"},
        "publicEndpointLocal": None,
        "rack": None,
    }
    s.create(f"one for {PY.name}", "custom-spu", name, spec)
    s.column = "SPU groups"
    bare = {"replicas": 1, "minId": 700, "spuConfig": {"rack": None, "replication": None, "storage": None, "env": []}}
    s.create(f"one for {PY.name}", "spu-group", name, bare)
    s.column = "table formats"
    s.create(
        f"one for {PY.name}", "table-format", name, {"name": name, "inputFormat": "JSON", "columns": [OFFICIAL_COLUMN]}
    )


def libfluvio_sees(s: Script, spu: int) -> None:
    """What the official client has made, in full."""
    name, module = s.name("official"), package(s, "theirs")

    def see(column: str, kind: str, name: str, ok: Any) -> None:
        s.column = column
        s.step(f"{RUST.name} made a {kind}", {"do": "admin_describe", "kind": kind, "name": name}, ok, needs=[RUST])

    see(
        "SmartModules",
        "smartmodule",
        f"g/{module}@0.1.0",
        {
            "name": f"{module}-g-0.1.0",
            "full_name": f"g/{module}@0.1.0",
            "package": {**PACKAGE, "name": module, "api_version": "0.2.0"},
            "params": [{"name": "p", "description": "", "optional": False}],
            "format": "binary",
            "size": len(PAYLOAD),
            "wasm": WASM.hex(),
        },
    )
    hosts = [{"hostname": "h.example", "ip": ""}, {"hostname": "", "ip": "10.0.0.1"}]
    see(
        "SPUs",
        "spu",
        name,
        {
            "name": name,
            "id": 59930,
            "type": "custom",
            "status": "init",
            "address": "h.example:7001",
            "public_endpoint": {"hosts": hosts, "port": 7001, "encryption": "ssl"},
            "private_endpoint": {
                "hosts": [{"hostname": "p.example", "ip": ""}],
                "port": 7002,
                "encryption": "plaintext",
            },
            "public_endpoint_local": None,
            "rack": "",
        },
    )
    given = {
        "replicas": 1,
        "min_id": 700,
        "rack": "",
        "in_sync_replica_min": 0,
        "storage_log_dir": "",
        "storage_size": "",
    }
    see("SPU groups", "spu_group", name, {"name": name, **given, "env": {}, "status": "init", "reason": ""})
    table = {
        "name": name,
        "input_format": "json",
        "columns": [COLUMN],
        "smartmodule": "",
        "status": "init",
        "reason": "",
    }
    see("table formats", "table_format", name, table)


def libfluvio_removes(s: Script, spu: int) -> None:
    """All of it."""
    s.column = "SmartModules"
    for who, made_by in (("ours", PY), ("theirs", RUST)):
        job: Job = {"do": "admin_delete", "kind": "smartmodule", "name": f"g/{package(s, who)}@0.1.0"}
        s.step(f"deletes {who}", job, needs=[made_by])
    for column, kind in (("SPUs", "custom_spu"), ("SPU groups", "spu_group"), ("table formats", "table_format")):
        s.column = column
        for suffix, made_by in (("admin", PY), ("official", RUST)):
            s.step(f"deletes {suffix}", {"do": "admin_delete", "kind": kind, "name": s.name(suffix)}, needs=[made_by])
    for column, kind in (("mirrors", "mirror"), ("topics", "topic")):
        s.column = column
        s.step(f"deletes a {kind}", {"do": "admin_delete", "kind": kind, "name": s.name("admin")})
    s.column = "mirrors"
    gone = {"do": "admin_delete", "kind": "mirror", "name": s.name("admin")}
    s.step("deletes what is gone", gone, refused="^NotFoundError: .*MirrorNotFound")
