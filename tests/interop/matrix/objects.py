"""The SC's objects: what clients create of every type, and what others see of it. What is expected here is what a real
cluster answers: FLUVIO_ENDPOINT runs the same on one."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Callable, Dict, List, Tuple

from . import admin, cli
from .clients import CLI, Client, Job, Unavailable
from .matrix import Matrix
from .script import (
    EVERY_SETTING,
    OURS,
    PAYLOAD,
    PYTHON,
    RUST,
    Script,
    Step,
    assigned,
    computed,
    described,
    every_setting,
    one_of,
    partition,
    storage,
    topic,
    unplaced,
)

DEFAULT_SPU = 5001


def spu_named(rows: Any, spu: int) -> Any:
    """Whether an SPU is listed, and online."""
    return next(status for _, spec, status in rows if spec["spuId"] == spu)


def topics(s: Script, spu: int) -> None:
    """Topics of every kind. "full" and "assigned" stay for others to see."""
    s.column = "topics"
    full, chosen, bad = s.name("full"), s.name("assigned"), s.name("bad")
    s.create("every setting", "topic", full, every_setting(2, ignoreRackAssignment=True))
    s.see("every setting is kept", "topic", full, topic(every_setting(2), 2))
    s.create("a name that is taken", "topic", full, computed(), refused="^TopicAlreadyExists: Topic 'o-.*' already")
    s.create("a bad name", "topic", "Bad_Name", computed(), refused="^TopicInvalidName: .*lowercase alphanumeric")
    for what, settings, text in [
        ("retention too short", {"cleanupPolicy": {"segment": {"timeInSeconds": 9}}}, "retention_secs 9 .* minimum 10"),
        ("segments too small", storage(1023, None), "segment_size 1023 .* minimum 1024"),
        ("partitions too small", storage(None, 2047), "max_partition_size 2047 .* minimum 2048"),
        ("partitions below segments", storage(None, 4096), "max_partition_size 4096 .* segment size 1073741824"),
    ]:
        s.create(what, "topic", bad, computed(**settings), refused=f"^TopicInvalidConfiguration: {text}")
    s.create("no partitions", "topic", bad, computed(0), refused="^TopicError: partition must be greater than 0")
    s.create("no replicas", "topic", bad, computed(1, 0), refused="^TopicError: replication factor must be greater")
    s.create("a dry run", "topic", s.name("dry"), computed(), dry_run=True)
    s.see("a dry run leaves nothing", "topic", s.name("dry"), None)
    s.create("with a timeout", "topic", s.name("timeout"), computed(), timeout_ms=20000)
    for watched in WATCHED.values():
        s.create(f"one to be {watched}", "topic", s.name(watched), computed())
    s.create("chosen SPUs", "topic", chosen, assigned([spu], [spu]))
    s.see("chosen SPUs are kept", "topic", chosen, topic(assigned([spu], [spu]), 2))
    s.create("an unknown SPU", "topic", bad, assigned([7]), refused="^TopicError: invalid spu id: 7")
    s.create("ids from 1", "topic", bad, assigned([spu], first=1), refused="^TopicError: .* must start with id 0")
    s.create("no SPUs", "topic", bad, assigned(), refused="^TopicError: no assigned partitions found")
    more: Job = {"do": "update_object", "partitions": 3}
    s.step("adds partitions", {**more, "name": full})
    s.step("adds to chosen ones", {**more, "name": chosen}, refused="^TopicInvalidReplicaType: invalid replica type")
    s.step("adds to an unknown one", {**more, "name": s.name("nope")}, refused="^TopicNotFound: not found")
    settled = {"do": "list_objects", "type": "partition", "prefix": full, "count": 5}
    come = [f"{full}-{i}" for i in range(5)]
    s.step("added partitions come", settled, come, part=lambda rows: [row[0] for row in rows])
    s.see("the number is kept", "topic", full, topic(every_setting(5), 5))


def partitions(s: Script, spu: int) -> None:
    """What partitions have of their topics."""
    s.column = "partitions"
    kept = {name: value for name, value in every_setting(5).items() if name != "replicas"}
    for name, spec in (("full-4", kept), ("assigned-1", {})):
        s.see(f"{name} has its topic's", "partition", s.name(name), partition(**spec))
    on = {"do": "list_objects", "type": "partition", "prefix": s.name("assigned")}
    where = [[spu, [spu]]] * 2
    s.step(
        "are where it was chosen", on, where, part=lambda rows: [[row[1]["leader"], row[1]["replicas"]] for row in rows]
    )


def system_topics(s: Script, spu: int) -> None:
    """Topics of the cluster's own, which lists show on request only, and which are deleted by force only."""
    s.column = "system topics"
    name, spec = s.name("system"), computed(system=True)
    s.create("creates", "topic", name, spec)
    s.see("is hidden", "topic", name, None)
    s.see("is shown", "topic", name, topic(spec, 1), system=True)
    s.delete("is not deleted", "topic", name, refused="^SystemSpecDeletionAttempt")
    s.step(
        "gets no partitions",
        {"do": "update_object", "partitions": 1, "name": "consumer-offset"},
        refused="^SystemSpecUpdatingAttempt",
    )
    week = {"segment": {"timeInSeconds": 604800}}
    offsets = computed(system=True, compressionType="Any", cleanupPolicy=week, **storage(512000000, 2048000000))
    s.see("consumer-offset", "topic", "consumer-offset", offsets, system=True)


def spus(s: Script, spu: int) -> None:
    """SPUs, and those that are registered by hand."""
    s.column = "SPUs"
    online = {"resolution": "Online"}
    s.step("lists", {"do": "list_objects", "type": "spu"}, online, part=lambda rows: spu_named(rows, spu))
    name, other, number = s.name("spu"), s.name("spu2"), 59900
    spec = {
        "publicEndpoint": {
            "port": 7001,
            "ingress": [{"hostname": "h.example", "ip": None}, {"hostname": None, "ip": "10.0.0.1"}],
            "encryption": "SSL",
        },
        "privateEndpoint": {"port": 7002, "host": "p.example", "encryption": "PLAINTEXT"},
        "publicEndpointLocal": {"port": 7003, "host": "l.example", "encryption": "PLAINTEXT"},
        "rack": "r1",
    }
    status = {"resolution": "Init"}
    s.create("registers", "custom-spu", name, {"id": number, **spec})
    s.see("everything is kept", "custom-spu", name, [{"id": number, **spec}, status])
    s.see("it is an SPU", "spu", name, [{"spuId": number, "spuType": "Custom", **spec}, status])
    taken = "^SpuAlreadyExists: spu 'o-.*' already defined"
    s.create("a name that is taken", "custom-spu", name, {"id": number + 1, **spec}, refused=taken)
    s.create("an id that is taken", "custom-spu", other, {"id": number, **spec}, refused=taken)
    s.create("a dry run", "custom-spu", other, {"id": number + 1, **spec}, dry_run=True)
    s.see("a dry run leaves nothing", "custom-spu", other, None)
    s.delete("unregisters by name", "custom-spu", name)
    s.delete("unregisters by name what is gone", "custom-spu", name, refused="^SpuNotFound: not found")
    s.create("registers again", "custom-spu", other, {"id": number, **spec})
    s.delete("unregisters by id", "custom-spu", other, id=number)
    s.delete("unregisters by id what is gone", "custom-spu", other, id=number, refused="^SpuNotFound: not found")
    s.see("is gone", "spu", other, None)


def spu_groups(s: Script, spu: int) -> None:
    """SPU groups, which a new one of the same name replaces."""
    s.column = "SPU groups"
    name, status = s.name("group"), {"resolution": "Init", "reason": None}
    config = {
        "rack": "r",
        "replication": {"inSyncReplicaMin": 1},
        "storage": {"logDir": "/x", "size": "2Gi"},
        "env": [{"name": "A", "value": "b"}],
    }
    full = {"replicas": 2, "minId": 600, "spuConfig": config}
    bare = {"replicas": 1, "minId": 700, "spuConfig": {"rack": None, "replication": None, "storage": None, "env": []}}
    s.create("creates", "spu-group", name, full)
    s.see("everything is kept", "spu-group", name, [full, status])
    s.create("replaces", "spu-group", name, bare)
    s.see("is replaced", "spu-group", name, [bare, status])
    s.delete("deletes", "spu-group", name)
    s.delete("deletes what is gone", "spu-group", name, refused="^SpuNotFound: not found")


def smartmodules(s: Script, spu: int) -> None:
    """SmartModules with and without a package, and topics that deduplicate with one."""
    s.column = "SmartModules"
    name, package = s.name("module"), f"pack-{s.run}"
    wasm = {"format": "BINARY", "payload": base64.b64encode(PAYLOAD).decode()}
    summary = {"format": "BINARY", "payload": ""}
    about = {
        "name": package,
        "group": "g",
        "version": "0.1.0",
        "apiVersion": "0.2.0",
        "description": "d",
        "license": "Apache-2.0",
        "visibility": "public",
        "repository": "https://r.example",
    }
    meta = {"package": about, "params": [{"name": "p", "description": "q", "optional": True}]}
    key, store = f"g/{package}@0.1.0", f"{package}-g-0.1.0"
    s.create("creates", "smartmodule", name, {"meta": None, "wasm": wasm})
    s.see("the payload is kept", "smartmodule", name, [{"meta": None, "wasm": wasm}, None])
    s.see("a summary", "smartmodule", name, [{"meta": None, "wasm": summary}, len(PAYLOAD)], summary=True)
    s.create("creates a package", "smartmodule", name + "-ignored", {"meta": meta, "wasm": wasm})
    found = [[store, {"meta": meta, "wasm": wasm}, None]]
    s.step("the package is kept", {"do": "list_objects", "type": "smartmodule", "names": [key]}, found)
    nameless = {**meta, "package": {**about, "name": ""}}
    refused = "^SmartModuleError: invalid SmartModule package"
    s.create("a package without a name", "smartmodule", name, {"meta": nameless, "wasm": wasm}, refused=refused)
    s.create("replaces", "smartmodule", name, {"meta": None, "wasm": {"format": "TEXT", "payload": ""}})
    s.see("is replaced", "smartmodule", name, [{"meta": None, "wasm": {"format": "TEXT", "payload": ""}}, None])
    transform = {"uses": name, "with": {"a": "b"}}
    once = computed(deduplication={"bounds": {"count": 5, "age": "5s"}, "filter": {"transform": transform}})
    s.create("a topic that deduplicates", "topic", s.name("dedup"), once)
    s.see("its settings are kept", "topic", s.name("dedup"), topic(once, 1))
    s.delete("deletes", "smartmodule", name)
    s.delete("deletes what is gone", "smartmodule", name, refused='^SmartModuleNotFound { name: "o-')
    gone = "^DeduplicationSmartModuleNotLoaded: "
    s.create("deduplicates without it", "topic", s.name("dedup2"), once, refused=gone)
    s.delete("deletes the package", "smartmodule", key)


def table_formats(s: Script, spu: int) -> None:
    """Table formats."""
    s.column = "table formats"
    name = s.name("table")
    column = {
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
    bare = {field: None for field in column}
    columns = [column, {**bare, "keyPath": "c"}]
    spec = {"name": "inner", "inputFormat": "JSON", "columns": columns, "smartmodule": "sm"}
    s.create("creates", "table-format", name, spec)
    s.see("everything is kept", "table-format", name, [spec, {"resolution": "Init", "reason": None}])
    taken = "^TableFormatAlreadyExists: tableformat 'o-.*' already defined"
    s.create("a name that is taken", "table-format", name, spec, refused=taken)
    s.delete("deletes", "table-format", name)
    s.delete("deletes what is gone", "table-format", name, refused="^TableFormatNotFound: not found")


def mirrors(s: Script, spu: int) -> None:
    """Mirrors of both kinds, and the topics of a home."""
    s.column = "mirrors"
    waiting = {"connectionStatus": "Offline", "pairingSc": "Waiting", "pairingSpu": "Waiting"}
    status = {**waiting, "connectionStat": {"lastSeen": 0}}
    one, two, name = s.name("remote"), s.name("remote2"), s.name("mirrored")
    for remote in (one, two):
        s.create(f"a remote, {remote[-1]}", "mirror", remote, {"mirrorType": {"remote": {"id": "edge"}}})
    s.see("the remote is kept", "mirror", one, [{"mirrorType": {"remote": {"id": "edge"}}}, status])
    taken = "^MirrorAlreadyExists: remote cluster .* already exists"
    s.create("a name that is taken", "mirror", one, {"mirrorType": {"remote": {"id": "edge"}}}, refused=taken)
    homes = [{"remoteCluster": remote, "remoteReplica": f"{name}-0"} for remote in (one, two)]
    s.create("a topic of it", "topic", name, {"replicas": {"mirror": {"home": homes[:1]}}})
    add: Job = {"do": "update_object", "name": name}
    s.step("adds an unknown remote", {**add, "mirror": "nope"}, refused="^MirrorNotFound: not found")
    s.step("adds a remote", {**add, "mirror": two})
    s.step("adds it again", {**add, "mirror": two}, refused="^MirrorAlreadyExists: remote .* is already assigned")
    settled = {"do": "list_objects", "type": "partition", "prefix": name, "count": 2}
    each = [partition(mirror={"home": home}) for home in homes]
    s.step("partitions of its topic", settled, each, part=lambda rows: [unplaced(*row[1:])[0] for row in rows])
    spec = {"replicas": {"mirror": {"home": {"partitions": homes}}}}
    s.see("the topic is kept", "topic", name, topic(spec, 2, {str(i): {"home": homes[i]} for i in range(2)}))
    s.delete("deletes the topic", "topic", name)
    s.delete("deletes", "mirror", one)
    s.delete("deletes what is gone", "mirror", one, refused='^MirrorNotFound: remote cluster "o-.*" not found')
    s.delete("deletes the other", "mirror", two)
    tls = {"domain": "d", "caCert": "a", "clientCert": "b", "clientKey": "c"}
    home = {"id": "home", "remoteId": "edge", "publicEndpoint": "127.0.0.1:1", "clientTls": tls}
    s.create("a home", "mirror", s.name("home"), {"mirrorType": {"home": home}})
    s.see("the home is kept", "mirror", s.name("home"), {"mirrorType": {"home": home}})
    s.delete("deletes the home", "mirror", s.name("home"))


def watches(s: Script, spu: int) -> None:
    """Watches tell of every type's objects that come and go, and of what was there before."""
    s.column = "watches"
    endpoint = {"port": 1, "encryption": "PLAINTEXT"}
    custom = {"id": 59910, "publicEndpoint": {**endpoint, "ingress": []}, "privateEndpoint": {**endpoint, "host": "h"}}
    for kind, made, spec in (
        ("spu", "custom-spu", custom),
        ("spu-group", "spu-group", {"replicas": 1, "minId": 1, "spuConfig": {"env": []}}),
        ("smartmodule", "smartmodule", {"meta": None, "wasm": {"format": "BINARY", "payload": ""}}),
        ("table-format", "table-format", {"name": "t"}),
    ):
        name = s.name(f"watched-{kind}")
        create = {"do": "create_object", "type": made, "name": name, "spec": spec}
        watch(s, kind, name, [create, {"do": "delete_object", "type": made, "name": name}], ["update", "delete"])
    for kind, suffix in WATCHED.items():
        name = s.name(suffix)
        add: Job = {"do": "update_object", "name": name, "partitions": 1}
        jobs = [*([add] if kind == "topic" else []), {"do": "delete_object", "type": "topic", "name": name}]
        seen = ["all", "update", "delete"] if kind == "topic" else ["all", "delete"]
        watch(s, kind, name if kind == "topic" else f"{name}-0", jobs, seen)


def watch(s: Script, kind: str, name: str, jobs: List[Job], seen: List[str]) -> None:
    """Adds a watch of one object, and what it is told: a server may tell of more than one update."""

    def part(told: List[str]) -> List[str]:
        return [each for each in dict.fromkeys(told) if each in seen]

    s.step(kind, {"do": "watch_objects", "type": kind, "name": name, "jobs": jobs}, seen, part=part)


WATCHED = {"topic": "watched-topic", "partition": "watched-partition"}
"""Topics that watches see going. They come much earlier: a real SC that has just deleted a topic may not notice that
the next one is online, and the client then waits in vain. So every topic is made before the first one is deleted."""
UNWATCHABLE = {"custom-spu": "CustomSpu", "mirror": "Mirror"}
"""Types that the SC lets nobody watch, by their names there: it hangs up, and the official client may wait for ever."""


NO_LIMITS = {"retention_seconds": 0, "segment_size": 0, "max_partition_size": 0}
ASSIGNED = {"partitions": 2, "replication": 0, "compression": "any", **NO_LIMITS, "status": "provisioned"}


def seen_by_libfluvio(s: Script, spu: int) -> None:
    """What the official client made, seen by one of libfluvio's clients, and one to be seen by the official client."""
    s.column = "topics"
    for name, ok in (("full", described(5)), ("assigned", ASSIGNED)):
        topic_name = s.name(name)
        s.step(f"describes {name}", {"do": "describe_topics"}, ok, part=one_of(topic_name), needs=[RUST])
    job = {"do": "create_topic", "topic": s.name(s.client.slug), "partitions": 2, **EVERY_SETTING}
    s.step("every setting", job)
    s.step("describes its own", {"do": "describe_topics"}, described(2), part=one_of(s.name(s.client.slug)))


def official_python(s: Script, spu: int) -> None:
    """All that the official Python client can do with objects. It shows names only."""
    s.column = "topics"
    full, chosen, system = s.name("opy"), s.name("opy-assigned"), s.name("opy-system")
    create: Job = {"do": "create_topic"}
    s.step("every setting", {**create, "topic": full, "partitions": 2, **EVERY_SETTING})
    s.step("a name that is taken", {**create, "topic": full}, refused="Topic already exists")
    s.step("chosen SPUs", {**create, "topic": chosen, "assigned": [[spu], [spu]]})
    s.step("a dry run", {**create, "topic": s.name("opy-dry"), "dry_run": True, "timeout_ms": 20000})
    s.step("with a timeout", {**create, "topic": s.name("opy-timeout"), "timeout_ms": 20000})
    s.step("one to be watched", {**create, "topic": s.name("opy-watched")})
    every = sorted([full, chosen, s.name("opy-timeout"), s.name("opy-watched")])
    names: Job = {"do": "list_objects", "names": [full]}
    s.step("lists by name", {**names, "type": "topic"}, every)
    s.step("lists a summary", {**names, "type": "topic summary"}, every)
    s.column = "partitions"
    mine = [f"{chosen}-0", f"{chosen}-1"]
    s.step("lists", {**names, "type": "partition"}, mine, part=lambda all: [each for each in all if each in mine])
    s.column = "system topics"
    s.step("creates", {**create, "topic": system, "system": True})
    s.step("is hidden", {**names, "type": "topic"}, [], part=lambda all: [each for each in all if each == system])
    refused = "system topic .* can only be deleted forcibly"
    s.step("is not deleted", {"do": "delete_topic", "topic": system}, refused=refused)
    s.column = "SmartModules"
    module: Job = {"type": "smartmodule", "name": s.name("opy-module")}
    listed = {"do": "list_objects", "type": "smartmodule", "names": [s.name("opy-module")]}
    s.step("creates", {"do": "create_object", **module, "wasm": PAYLOAD.hex()})
    s.step("lists", listed, [s.name("opy-module")])


def made_by_others(s: Script, spu: int) -> None:
    """What the other clients made, in full."""
    s.column = "topics"
    for client in [*OURS, PYTHON]:
        kept = topic(every_setting(2), 2)
        s.see(f"{client.name} sets everything", "topic", s.name(client.slug), kept, needs=[client])
    chosen = topic(assigned([spu], [spu]), 2)
    s.see(f"{PYTHON.name} chooses SPUs", "topic", s.name("opy-assigned"), chosen, needs=[PYTHON])
    s.column = "system topics"
    spec = topic({"replicas": {"computed": {"partitions": 1, "replicationFactor": 1}}, "system": True}, 1)
    s.see(f"{PYTHON.name} creates one", "topic", s.name("opy-system"), spec, needs=[PYTHON], system=True)
    s.column = "SmartModules"
    payload = {"do": "list_objects", "type": "smartmodule", "names": [s.name("opy-module")]}
    s.step(f"{PYTHON.name} creates one", payload, PAYLOAD, part=payload_of, needs=[PYTHON])


def payload_of(rows: Any) -> bytes:
    """The payload of the only SmartModule of a list."""
    ((_, spec, _),) = rows
    return base64.b64decode(spec["wasm"]["payload"])


def removed(s: Script, spu: int) -> None:
    """Deletes what the client made."""
    s.column = "topics"
    suffixes = {RUST: ["full", "assigned", "timeout", "dedup"], PYTHON: ["opy", "opy-assigned", "opy-timeout"]}
    for suffix in suffixes.get(s.client, [s.client.slug]):
        s.step(f"deletes {suffix}", {"do": "delete_topic", "topic": s.name(suffix)})
    last = {"do": "delete_topic", "topic": s.name(suffixes.get(s.client, [s.client.slug])[-1])}
    s.step("deletes what is gone", last, refused="(?i)not.?found")


def removed_by_python(s: Script, spu: int) -> None:
    """Deletes what the official Python client made, and watches it going."""
    removed(s, spu)
    s.column, name = "watches", s.name("opy-watched")
    watch(s, "topic", name, [{"do": "delete_topic", "topic": name}], ["all", "delete"])
    module: Job = {"type": "smartmodule", "name": name}
    make, remove = {"do": "create_object", **module, "wasm": ""}, {"do": "delete_object", **module}
    watch(s, "smartmodule", name, [make, remove], ["update", "delete"])
    s.column, delete = "SmartModules", {"do": "delete_object", "name": s.name("opy-module")}
    s.step("deletes", delete)
    s.step("deletes what is gone", delete, refused="SmartModule not found")


def removed_by_rust(s: Script, spu: int) -> None:
    """Deletes what the official Rust client made, and the system topics."""
    removed(s, spu)
    s.column = "system topics"
    s.delete("is deleted by force", "topic", s.name("system"), force=True)
    s.delete(f"{PYTHON.name}'s is deleted by force", "topic", s.name("opy-system"), force=True, needs=[PYTHON])


def script(run: str, spu: int) -> List[Step]:
    """All steps in their order."""
    parts: List[Tuple[Client, Callable[[Script, int], None]]] = [
        *((RUST, part) for part in (topics, partitions, system_topics, spus, spu_groups, smartmodules, table_formats)),
        *((client, seen_by_libfluvio) for client in OURS),
        (admin.PY, admin.libfluvio_makes),
        (RUST, admin.official_makes),
        (PYTHON, official_python),
        (CLI, cli.makes),
        (RUST, made_by_others),
        (RUST, admin.official_sees),
        (admin.PY, admin.libfluvio_sees),
        *((client, cli.seen) for client in (RUST, *OURS)),
        (RUST, watches),
        (RUST, mirrors),
        (PYTHON, removed_by_python),
        (CLI, cli.removes),
        *((client, removed) for client in OURS),
        (admin.PY, admin.libfluvio_removes),
        (RUST, removed_by_rust),
    ]
    steps: List[Step] = []
    for client, part in parts:
        collected = Script(client, run)
        part(collected, spu)
        steps += collected.steps
    return steps


@dataclass
class Objects:
    """What became of every step."""

    matrix: Matrix
    steps: Dict[str, Step] = field(default_factory=dict)
    results: Dict[str, Any] = field(default_factory=dict)

    def fill(self) -> None:
        """Runs the script: as many of a client's steps in a row as there are on one connection."""
        self.steps = {step.key: step for step in script(self.matrix.run, self._spu())}
        try:
            CLI.prepare()
        except Unavailable as why:
            self.matrix.missing[CLI.slug] = why
        for client, group in groupby(self.steps.values(), key=lambda step: step.client):
            steps = list(group)
            if client.slug not in self.matrix.missing:
                results = self.matrix.outcomes(client, {step.key: step.job for step in steps})
                self.results.update(results)

    def _spu(self) -> int:
        """The SPU to place things on."""
        if RUST.slug in self.matrix.missing:
            return DEFAULT_SPU
        (result,) = RUST.run(self.matrix.endpoint, [{"do": "list_objects", "type": "spu"}])
        return int(min(spec["spuId"] for _, spec, _ in result["ok"]))

    def clear(self) -> None:
        """Deletes what failed steps may have left."""
        jobs: List[Job] = []
        for step in self.steps.values():
            if step.client is RUST:
                jobs += [each for each in (step.job, *step.job.get("jobs", [])) if each["do"] == "delete_object"]
                if step.job["do"] == "create_object":
                    jobs.append({**step.job, "do": "delete_object", "force": True})
        if jobs and RUST.slug not in self.matrix.missing:
            RUST.run(self.matrix.endpoint, jobs)
