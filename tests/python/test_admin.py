"""The cluster's objects: every call, every field there and back; watches; errors that say what to do."""

from __future__ import annotations

import asyncio
import inspect
import threading
from pathlib import Path
from typing import List

import libfluvio
import libfluvio.aio
import pytest

WASM = b"\0asm\1\0\0\0"
"""The smallest module there is: it does nothing."""


def module(name: str) -> libfluvio.SmartModulePackage:
    return libfluvio.SmartModulePackage(name, "g", "0.1.0", "0.2.0", "d", "l", "public", "r")


def test_topic_round_trip(client: libfluvio.Client, name: str) -> None:
    admin = client.admin
    admin.create_smartmodule("x", WASM, package=module(name))
    dedup = libfluvio.Deduplication(f"g/{name}@0.1.0", 7, "5s", {"k": "v"})
    settings = dict(
        partitions=2,
        ignore_rack=True,
        retention_seconds="1h",
        segment_size="1MiB",
        max_partition_size="1 GiB",
        compression="gzip",
        deduplication=dedup,
        system=True,
    )
    admin.create_topic(name, dry_run=True, **settings)
    with pytest.raises(libfluvio.NotFoundError):
        admin.topic(name)
    admin.create_topic(name, **settings)
    topic = admin.topic(name)
    assert topic == libfluvio.Topic(
        name=name,
        partitions=2,
        replication=1,
        ignore_rack=True,
        assignment=(),
        mirror=None,
        retention_seconds=3600,
        segment_size=1 << 20,
        max_partition_size=1 << 30,
        compression="gzip",
        deduplication=libfluvio.Deduplication(f"g/{name}@0.1.0", 7, 5000, {"k": "v"}),
        is_system=True,
        status="provisioned",
        reason="",
        replicas=topic.replicas,
    )
    assert [(places.partition, places.mirror) for places in topic.replicas] == [(0, None), (1, None)]
    partition = admin.partition(name, 1)
    assert (partition.leader, partition.replicas) == (topic.replicas[1].spus[0], topic.replicas[1].spus)
    assert (partition.status, partition.is_system, partition.compression) == ("online", True, "gzip")
    assert (partition.retention_seconds, partition.segment_size, partition.max_partition_size) == (
        3600,
        1 << 20,
        1 << 30,
    )
    assert partition.deduplication == topic.deduplication
    assert admin.topics(name) == [] and admin.topics([name], system=True) == [topic]
    assert admin.partitions(name, system=True)[1].partition == 1
    # What was read can be given again.
    copy = {"deduplication": topic.deduplication, "compression": topic.compression}
    admin.create_topic(name + "-copy", **copy)
    assert admin.topic(name + "-copy").deduplication == topic.deduplication
    admin.delete_topic(name + "-copy")
    with pytest.raises(libfluvio.FluvioPermissionError, match="give force"):
        admin.delete_topic(name)
    admin.delete_topic(name, force=True)
    admin.delete_smartmodule(f"g/{name}@0.1.0")


def test_kinds_of_topics(client: libfluvio.Client, name: str) -> None:
    admin = client.admin
    admin.create_topic(name, assignment=[[5001, 5002], [5002, 5001]])
    assert admin.topic(name).assignment == ((5001, 5002), (5002, 5001))
    with client.producer(name, partition=1) as producer:
        producer.send(b"x").result(30)
    while True:  # reports are late
        first, second = admin.partitions(name)
        if second.high_watermark == 1 and second.followers:
            break
    assert (first.log_end_offset, second.log_end_offset, second.start_offset, second.leader) == (0, 1, 0, 5002)
    assert second.size > 0 and second.followers[0].spu == 5001
    with pytest.raises(libfluvio.InvalidArgumentError):
        admin.add_partitions(name, 1)
    admin.create_topic(name + "-grows")
    admin.add_partitions(name + "-grows", 2)
    admin.wait_topic(name + "-grows")
    assert admin.topic(name + "-grows").partitions == 3
    with pytest.raises(libfluvio.FluvioTimeoutError, match="waiting for the topic to exist"):
        admin.wait_topic(name + "-never", timeout=0.05)
    admin.create_mirror(name)
    home = libfluvio.TopicMirror("home", [libfluvio.MirrorPartition("other", "x-3", True)], source=True)
    admin.create_topic(name + "-home", mirror=home)
    admin.add_mirror(name + "-home", name)
    mirror = admin.topic(name + "-home").mirror
    assert mirror is not None and mirror.source and mirror.kind == "home"
    assert mirror.partitions[0] == home.partitions[0] and mirror.partitions[1].remote_cluster == name
    remote = libfluvio.TopicMirror(
        "remote", home_cluster="hub", home_spus=[libfluvio.MirrorSPU(7, "k", "e:1")], target=True
    )
    admin.create_topic(name + "-remote", mirror=remote)
    topic = admin.topic(name + "-remote")
    assert topic.mirror is not None
    assert (topic.mirror.home_cluster, topic.mirror.home_spus[0], topic.mirror.target) == (
        "hub",
        remote.home_spus[0],
        True,
    )
    other = topic.replicas[0].mirror
    assert other == libfluvio.PartitionMirror("remote", "", "", False, "hub", 7, "k", "e:1", True)
    with pytest.raises(libfluvio.InvalidStateError, match="home cluster"):
        admin.delete_topic(name + "-remote")
    for end in ("", "-grows", "-home"):
        admin.delete_topic(name + end)
    admin.delete_mirror(name)


def test_spus(client: libfluvio.Client, name: str) -> None:
    admin = client.admin
    assert [(spu.id, spu.status) for spu in admin.spus("custom-spu-")] == [(5001, "online"), (5002, "online")]
    number = int(name[2:9], 16)
    admin.create_custom_spu(name, number, "a:1", "b:2", public_endpoint_local="c:3", rack="r", encryption="ssl")

    def at(host: str, port: int) -> libfluvio.SPUEndpoint:
        return libfluvio.SPUEndpoint((libfluvio.SPUHost(host, ""),), port, "ssl")

    spu = libfluvio.SPU(name, number, "custom", "init", "a:1", at("a", 1), at("b", 2), at("c", 3), "r")
    assert admin.spu(name) == spu and admin.custom_spus(name) == [spu]
    with pytest.raises(libfluvio.AlreadyExistsError):
        admin.create_custom_spu(name, number, "a:1", "b:2")
    admin.delete_custom_spu(number)
    admin.create_custom_spu(name, number, "a:1", "b:2")
    admin.delete_custom_spu(name)
    with pytest.raises(libfluvio.NotFoundError):
        admin.spu(name)
    admin.create_spu_group(
        name,
        replicas=3,
        min_id=9,
        rack="r",
        in_sync_replica_min=2,
        storage_log_dir="/l",
        storage_size="1Gi",
        env={"A": "1"},
        timeout_ms="10s",
    )
    group = libfluvio.SPUGroup(name, 3, 9, "r", 2, "/l", "1Gi", {"A": "1"}, "init", "")
    assert admin.spu_group(name) == group and group in admin.spu_groups()
    admin.delete_spu_group(name)
    with pytest.raises(libfluvio.NotFoundError):
        admin.delete_spu_group(name)


def test_other_objects(client: libfluvio.Client, name: str, tmp_path: Path) -> None:
    admin = client.admin
    package = module(name)
    params = [libfluvio.SmartModuleParam("a", "first", True), {"name": "b"}]
    assert admin.create_smartmodule("ignored", WASM, package=package, params=params) == f"{name}-g-0.1.0"
    stored = admin.smartmodule(f"g/{name}")
    assert stored == libfluvio.StoredSmartModule(
        name=f"{name}-g-0.1.0",
        full_name=f"g/{name}@0.1.0",
        package=package,
        params=(libfluvio.SmartModuleParam("a", "first", True), libfluvio.SmartModuleParam("b")),
        format="binary",
        size=stored.size,
        wasm=WASM,
    )
    (listed,) = [each for each in admin.smartmodules() if each.name == stored.name]
    assert listed.wasm is None and listed.size == stored.size > 0
    assert admin.smartmodules(f"g/{name}@0.1.0", wasm=True) == [stored]
    admin.delete_smartmodule(stored.full_name)
    file = tmp_path / "x.wasm"
    file.write_bytes(WASM)
    assert admin.create_smartmodule(name, file) == name
    assert admin.smartmodule(name).package is None
    admin.delete_smartmodule(name)

    columns = [
        libfluvio.TableColumn("k", "h", "10", "right", "%d", False, True, "blue", "green"),
        libfluvio.TableColumn("l"),
    ]
    admin.create_table_format(name, columns=columns, input_format="json", smartmodule="s")
    table = libfluvio.TableFormat(name, "json", tuple(columns), "s", "init", "")
    assert admin.table_format(name) == table and table in admin.table_formats(name)
    with pytest.raises(libfluvio.AlreadyExistsError, match="delete the existing table format"):
        admin.create_table_format(name)
    admin.delete_table_format(name)

    pem = "-----BEGIN CERTIFICATE-----\n"
    tls = libfluvio.MirrorTLS("d", pem, pem + "1", pem + "2")
    admin.create_mirror(name, kind="home", id="hub", remote_id="edge", public_endpoint="hub:9003", tls=tls)
    waiting = libfluvio.MirrorPairing("waiting", "")
    mirror = libfluvio.Mirror(name, "home", "hub", "edge", "hub:9003", tls, "offline", waiting, waiting, None)
    assert admin.mirror(name) == mirror and mirror in admin.mirrors(name)
    assert pem + "2" not in repr(mirror), "keys do not get into logs"
    admin.delete_mirror(name)


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda admin: admin.create_topic("x" * 64), "64 bytes, 63 are allowed"),
        (lambda admin: admin.create_topic("x", retention_seconds="9s"), "retention_seconds: 9 is not between 10"),
        (lambda admin: admin.create_topic("x", segment_size="5 feet"), "neither a whole number of bytes nor a size"),
        (lambda admin: admin.create_topic("x", assignment=[[1]], partitions=1), "assignment: cannot be combined"),
        (lambda admin: admin.add_partitions("x", 0), "count: 0 is not a number of partitions to add"),
        (lambda admin: admin.create_smartmodule("x", b"text"), "this is not WebAssembly"),
        (lambda admin: admin.create_smartmodule("x", "/no/such/file"), "no such file"),
        (lambda admin: admin.create_custom_spu("x", 1, "here", "b:1"), 'public_endpoint: "here" is not host:port'),
        (lambda admin: admin.create_mirror("x", kind="peer"), '"peer" is not one of remote, home'),
        (lambda admin: admin.create_table_format("x", colums=[]), "did you mean columns"),
        (lambda admin: admin.delete_mirror(""), "the name is empty"),
    ],
)
def test_mistakes(client: libfluvio.Client, call, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(libfluvio.InvalidArgumentError) as raised:
        call(client.admin)
    assert says in str(raised.value)


def until(watch: "libfluvio.Watch[libfluvio.Topic]", kind: str, name: str = "") -> List[str]:
    seen = []
    while True:
        event = watch.next(30)
        assert (event.object is None) == (event.kind in ("synced", "lost"))
        seen.append(f"{event.kind} {event.object.name if event.object else ''}".strip())
        if seen[-1] == f"{kind} {name}".strip():
            return seen


def test_watch(cluster: libfluvio.DevCluster, name: str) -> None:
    with libfluvio.connect(cluster.endpoint) as client:
        client.admin.create_topic(name)
        with client.admin.watch_topics() as watch:
            assert f"added {name}" in until(watch, "synced")
            with pytest.raises(libfluvio.FluvioTimeoutError):
                watch.next(0.01)
            client.admin.create_topic(name + "-2")
            until(watch, "added", name + "-2")
            client.admin.add_partitions(name, 1)
            until(watch, "changed", name)
            client.admin.delete_topic(name)
            until(watch, "deleted", name)
            client.admin.delete_topic(name + "-2")
            timer = threading.Timer(0.05, watch.close)
            timer.start()
            for _ in watch:
                pass
            timer.join()
            assert watch.closed
        others = [
            client.admin.watch_partitions(),
            client.admin.watch_spus(),
            client.admin.watch_spu_groups(),
            client.admin.watch_smartmodules(),
            client.admin.watch_table_formats(),
        ]
        for other in others:
            while other.next(30).kind != "synced":  # type: ignore[attr-defined]
                pass
    assert all(other.closed for other in others)  # type: ignore[attr-defined]
    with pytest.raises(libfluvio.ClosedError):
        others[0].next()


def test_aio(cluster: libfluvio.DevCluster, name: str) -> None:
    async def main() -> None:
        async with libfluvio.aio.connect(cluster.endpoint) as client:
            admin = client.admin
            await admin.create_topic(name, partitions=1, retention_seconds="1h")
            async with admin.watch_topics() as watch:
                while (await watch.next()).kind != "synced":
                    pass
                with pytest.raises(asyncio.TimeoutError):  # a wait that was given up loses nothing
                    await asyncio.wait_for(watch.next(), 0.01)
                await admin.add_partitions(name, 1)
                await admin.wait_topic(name)
                async for event in watch:
                    if event.kind == "changed" and event.object is not None and event.object.name == name:
                        break
            assert watch.closed and [event async for event in watch] == []
            topic = await admin.topic(name)
            assert (topic.partitions, topic.retention_seconds) == (2, 3600)
            assert [each.partition for each in await admin.partitions(name)] == [0, 1]
            assert await admin.partition(name, 1) == (await admin.partitions(name))[1]
            assert topic in await admin.topics(name)
            assert (await admin.spu("custom-spu-5001")).id == 5001
            assert len(await admin.spus("custom-spu-500")) == 2
            assert await admin.create_smartmodule(name, WASM) == name
            assert (await admin.smartmodule(name)).wasm == WASM
            assert len(await admin.smartmodules(name)) == 1
            await admin.delete_smartmodule(name)
            await admin.create_mirror(name)
            assert (await admin.mirror(name)) in await admin.mirrors(name)
            with pytest.raises(libfluvio.ServerError):
                await admin.add_mirror(name, name)
            await admin.delete_mirror(name)
            await admin.create_table_format(name, columns=[{"key_path": "k"}])
            assert (await admin.table_format(name)) in await admin.table_formats()
            await admin.delete_table_format(name)
            await admin.create_spu_group(name)
            assert (await admin.spu_group(name)) in await admin.spu_groups()
            await admin.delete_spu_group(name)
            await admin.create_custom_spu(name, int(name[2:9], 16), "a:1", "b:2")
            assert len(await admin.custom_spus(name)) == 1
            await admin.delete_custom_spu(name)
            for opening in (
                admin.watch_partitions(),
                admin.watch_spus(),
                admin.watch_spu_groups(),
                admin.watch_smartmodules(),
                admin.watch_table_formats(),
            ):
                other = await opening  # type: ignore[misc]
                while (await other.next()).kind != "synced":
                    pass
                await other.close()
            await admin.delete_topic(name)

    asyncio.run(main())


def test_both_have_the_same_calls() -> None:
    def calls(cls: type) -> dict:  # type: ignore[type-arg]
        found = inspect.getmembers(cls, inspect.isfunction)
        return {name: list(inspect.signature(call).parameters) for name, call in found if not name.startswith("_")}

    assert calls(libfluvio.Admin) == calls(libfluvio.aio.Admin)
