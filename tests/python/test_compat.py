"""libfluvio.compat: what the published tests of the official client check, and what that client gets wrong."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import threading
from pathlib import Path
from string import ascii_lowercase
from typing import Any, Iterator, List

import libfluvio
import libfluvio.compat as fluvio
import pytest
from helpers import ROOT, pause, resume
from libfluvio.compat import Offset

LETTERS = [f"record-{letter}" for letter in reversed(ascii_lowercase)]


@pytest.fixture
def config(cluster: libfluvio.DevCluster) -> fluvio.FluvioConfig:
    return fluvio.FluvioConfig.new(cluster.endpoint)


@pytest.fixture
def connection(config: fluvio.FluvioConfig) -> Iterator[fluvio.Fluvio]:
    with fluvio.Fluvio.connect_with_config(config) as connection:
        yield connection


@pytest.fixture
def admin(config: fluvio.FluvioConfig) -> Iterator[fluvio.FluvioAdmin]:
    with fluvio.FluvioAdmin.connect_with_config(config) as admin:
        yield admin


@pytest.fixture
def letters(connection: fluvio.Fluvio, topic: str) -> str:
    """A topic that holds record-z to record-a."""
    producer = connection.topic_producer(topic)
    for value in LETTERS:
        producer.send_string(value)
    producer.flush()
    return topic


def take(stream: Any, count: int) -> List[str]:
    return [bytearray(record.value()).decode() for record in itertools.islice(stream, count)]


def test_names_and_parameters_are_those_of_the_official_client() -> None:
    try:
        official = pytest.importorskip("fluvio")
    except ImportError as error:  # its library does not fit this machine
        pytest.skip(str(error))
    theirs = [name for name in official.__all__ if name != "ConsumerOffset"]  # a wrapper it never hands out
    for name in [*theirs, "FluviorError"]:
        cls, own = getattr(official, name), getattr(fluvio, name)
        for method, function in vars(cls).items():
            if method.startswith("_") or not callable(getattr(cls, method)) or not callable(getattr(own, method)):
                assert method.startswith("_") or hasattr(own, method), f"{name}.{method}"
                continue
            if not inspect.isfunction(function):
                continue
            given = [each for each in inspect.signature(function).parameters if each not in ("self", "cls")]
            taken = [each for each in inspect.signature(getattr(own, method)).parameters if each not in ("self", "cls")]
            assert taken[: len(given)] == given, f"{name}.{method}"


def test_where_streams_begin(connection: fluvio.Fluvio, letters: str) -> None:
    for offset, first in [
        (None, LETTERS[:2]), (Offset.beginning(), LETTERS[:2]), (Offset.from_beginning(1), LETTERS[1:3]),
        (Offset.absolute(13), LETTERS[13:15]), (Offset.from_end(2), LETTERS[-2:]),
    ]:
        builder = fluvio.ConsumerConfigExtBuilder(letters)
        if offset is not None:
            builder.offset_start(offset)
        with connection.consumer_with_config(builder.build()) as stream:
            assert take(stream, 2) == first
    with pytest.raises(ValueError):
        Offset.absolute(-1)
    builder = fluvio.ConsumerConfigExtBuilder(letters).offset_start(Offset.from_end(1)).disable_continuous()
    assert take(connection.consumer_with_config(builder.partition(0).max_bytes(1000).build()), 2) == ["record-a"]
    assert take(connection.partition_consumer(letters, 0).stream(Offset.beginning()), 26) == LETTERS
    ended = fluvio.ConsumerConfig()
    ended.disable_continuous()
    stream = connection.partition_consumer(letters, 0).stream_with_config(Offset.from_end(3), ended)
    assert [record.value_string() for record in stream] == LETTERS[-3:]


@pytest.mark.parametrize("strategy", ["MANUAL", "AUTO"])
def test_stored_offsets(connection: fluvio.Fluvio, letters: str, name: str, strategy: str) -> None:
    def stored() -> List[fluvio.ConsumerOffset]:
        return [row for row in connection.consumer_offsets() if row.consumer_id == name]

    builder = fluvio.ConsumerConfigExtBuilder(letters).offset_start(Offset.beginning()).offset_consumer(name)
    config = builder.offset_strategy(getattr(fluvio.OffsetManagementStrategy, strategy)).disable_continuous().build()
    stream = connection.consumer_with_config(config)
    assert take(stream, 2) == LETTERS[:2]
    if strategy == "MANUAL":
        stream.offset_commit()
    stream.offset_flush()
    assert [(row.topic, row.partition, row.offset) for row in stored()] == [(letters, 0, 1)]
    assert stored()[0].modified_time > 0
    again = connection.consumer_with_config(config)
    assert take(again, 1) == ["record-x"] and stored()[0].offset == 1
    assert take(again, 100) == LETTERS[3:]
    if strategy == "AUTO":  # the last offset of all, which the official client forgets
        assert stored()[0].offset == 25
    connection.delete_consumer_offset(name, letters, 0)
    connection.delete_consumer_offset(name, letters, 0)
    assert stored() == []


def test_where_records_went(connection: fluvio.Fluvio, wide_topic: str) -> None:
    configured = (
        fluvio.TopicProducerConfigBuilder()
        .batch_size(1000).linger(100).compression(fluvio.Compression.Gzip).max_request_size(33_554_432).timeout(600_000)
        .batch_queue_size(10).isolation(fluvio.Isolation.ReadCommitted)
        .delivery_semantic(fluvio.DeliverySemantic.AtLeastOnce).set_specific_partitioner(3).build()
    )
    with connection.topic_producer_with_config(wide_topic, configured) as producer:
        outputs = [producer.send_string(f"Foobar {i}") for i in range(10)]
        outputs += producer.send_all([(b"%d" % i, b"Foobar %d" % i) for i in range(10)])
        metadata = [output.wait() for output in outputs]
        assert [each.offset() for each in metadata if each and each.partition_id() == 3] == list(range(20))
        assert [output.wait() for output in outputs] == [None] * 20
    with connection.partition_consumer(wide_topic, 3).stream(Offset.beginning()) as stream:
        assert [record.offset() for record in itertools.islice(stream, 20)] == list(range(20))


def test_keys(connection: fluvio.Fluvio, wide_topic: str) -> None:
    """A record without a key has none, and not the text ``No key``; and such records go to all partitions."""
    producer = connection.topic_producer(wide_topic)
    sent: List[Any] = [(b"foo", b"1"), ([102, 111, 111], [50]), (b"", b"3"), ([], b"4"), (None, "5")]
    for key, value in sent:
        producer.send(key, value)
    for i in range(20):
        producer.send_string(str(i))
    producer.flush()
    config = fluvio.ConsumerConfig()
    config.disable_continuous()
    stream = connection.multi_partition_consumer(wide_topic).stream_with_config(Offset.beginning(), config)
    found = list(stream)
    assert len(found) == 25 and {record.partition() for record in found} == set(range(5))
    assert [record.value() for record in found if record.key() == b"foo" == (record.key_string() or "").encode()] == [
        b"1", b"2"
    ]
    assert [record.value() for record in found if record.key() == b""] == [b"3"]
    assert len([record for record in found if record.key() is None is record.key_string()]) == 22
    assert all(record.timestamp() > 0 and record.topic() == wide_topic for record in found)


def test_dropped_producers_store_what_was_sent(
    config: fluvio.FluvioConfig, connection: fluvio.Fluvio, topic: str
) -> None:
    def send() -> None:
        settings = fluvio.TopicProducerConfigBuilder().linger(60_000).build()
        producer = fluvio.Fluvio.connect_with_config(config).topic_producer_with_config(topic, settings)
        for i in range(10):
            producer.send_string(str(i))

    send()
    assert take(connection.partition_consumer(topic, 0).stream(Offset.beginning()), 10) == [str(i) for i in range(10)]


def test_several_topics(connection: fluvio.Fluvio, admin: fluvio.FluvioAdmin, letters: str, name: str) -> None:
    """Any pairs of topic and partition, also while one of them has nothing to say."""
    other = f"{name}-other"
    admin.create_topic(other, fluvio.TopicSpec.create().with_partitions(3).build())
    selection = [(letters, 0), (other, 0), (other, 2)]
    stream = connection.multi_topic_partition_consumer(selection).stream(Offset.beginning())
    assert take(stream, 26) == LETTERS
    partition = fluvio.TopicProducerConfigBuilder().set_specific_partitioner(2).build()
    connection.topic_producer_with_config(other, partition).send_string("late")
    assert take(stream, 1) == ["late"]
    config = fluvio.ConsumerConfig()
    config.disable_continuous()
    ended = connection.multi_topic_partition_consumer(selection).stream_with_config(Offset.beginning(), config)
    assert len(list(ended)) == 27
    stream.close()
    assert list(stream) == []


def test_asyncio(
    client: libfluvio.Client, config: fluvio.FluvioConfig, topic: str, cluster: libfluvio.DevCluster
) -> None:
    wide = f"{topic}-wide"
    client.admin.create_topic(wide, partitions=3)

    async def main() -> None:
        threads = threading.active_count()
        connection = fluvio.Fluvio.connect_with_config(config)
        producer = connection.topic_producer(topic)
        outputs = [await producer.async_send_string(f"record-{i}") for i in range(10)]
        outputs += await producer.async_send_all([(b"k", b"record-10"), ([], b"record-11")])
        metadata = [await output.async_wait() for output in outputs]
        assert [each.offset() for each in metadata if each] == list(range(12))
        assert await outputs[0].async_wait() is None and outputs[1].wait() is None
        await producer.async_flush()
        for consumer in (
            connection.partition_consumer(topic, 0),
            connection.multi_partition_consumer(topic),
            connection.multi_topic_partition_consumer([(topic, 0)]),
        ):
            count = 0
            async for record in await consumer.async_stream(Offset.beginning()):
                assert record.value_string() == f"record-{count}"
                count += 1
                if count == 12:
                    break
        ended = fluvio.ConsumerConfig()
        ended.disable_continuous()
        both = connection.multi_topic_partition_consumer([(topic, 0), (wide, 1), (wide, 2)])
        async with await both.async_stream_with_config(Offset.beginning(), ended) as stream:
            assert len([record async for record in stream]) == 12
        # Waiting for a report does not hold the loop up, and may be given up.
        pause(cluster.pid)
        try:
            late = await producer.async_send_string("late")
            waiting = asyncio.ensure_future(late.async_wait())
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        finally:
            resume(cluster.pid)
        await producer.async_flush()
        assert threading.active_count() == threads
        connection.close()

    asyncio.run(asyncio.wait_for(main(), 60))


READER = """
import asyncio, os, signal, sys, threading, time
import libfluvio.compat as fluvio
from libfluvio.compat import Offset

endpoint, topic, way, inside = sys.argv[1:]
connection = fluvio.Fluvio.connect_with_config(fluvio.FluvioConfig.new(endpoint))
consumer = connection.partition_consumer(topic, 0)
read = []

def strike(main=threading.main_thread().ident):
    # When the records are read, and the main thread waits for another one.
    while True:
        frame, names = sys._current_frames()[main], set()
        while frame is not None:
            names.add(frame.f_code.co_name)
            frame = frame.f_back
        if len(read) == 26 and inside in names:
            break
        time.sleep(0.002)
    os.kill(os.getpid(), signal.SIGINT)

async def read_async():
    opened = {
        "async_stream": lambda: consumer.async_stream(Offset.beginning()),
        "async_stream_with_config": lambda: consumer.async_stream_with_config(
            Offset.beginning(), fluvio.ConsumerConfig()
        ),
    }[way]
    async for record in await opened():
        read.append(record.value_string())

threading.Thread(target=strike, daemon=True).start()
try:
    if way.startswith("async"):
        asyncio.run(read_async())
    else:
        stream = {
            "stream": lambda: consumer.stream(Offset.beginning()),
            "stream_with_config": lambda: consumer.stream_with_config(Offset.beginning(), fluvio.ConsumerConfig()),
            "consumer_with_config": lambda: connection.consumer_with_config(
                fluvio.ConsumerConfigExtBuilder(topic).offset_start(Offset.beginning()).build()
            ),
        }[way]()
        while True:
            read.append(next(stream).value_string())
except KeyboardInterrupt:
    print("interrupted", len(read))
"""


@pytest.mark.parametrize(
    "way, inside",
    [
        ("stream", "_take"),
        ("stream_with_config", "_take"),
        ("consumer_with_config", "_take"),
        ("async_stream", "select"),
        ("async_stream_with_config", "select"),
    ],
)
def test_ctrl_c_ends_a_stream(cluster: libfluvio.DevCluster, letters: str, script: Any, way: str, inside: str) -> None:
    assert script(READER, cluster.endpoint, letters, way, inside) == (0, "interrupted 26\n", "")


def test_one_producer_in_several_event_loops(connection: fluvio.Fluvio, topic: str) -> None:
    producer = connection.topic_producer(topic)
    consumer = connection.partition_consumer(topic, 0)

    async def main(offset: int) -> None:
        metadata = await (await producer.async_send_string("x")).async_wait()
        assert metadata is not None and metadata.offset() == offset
        async for record in await consumer.async_stream(Offset.absolute(offset)):
            assert record.offset() == offset
            break

    for offset in range(3):
        asyncio.run(asyncio.wait_for(main(offset), 60))
    assert len(producer._loops._things) == len(connection._loops._things) == 1


def test_administration(admin: fluvio.FluvioAdmin, name: str) -> None:
    spec = fluvio.TopicSpec.create().with_max_partition_size("1Gb").with_retention_time("1h").with_segment_size("10M")
    admin.create_topic(name, spec.with_compression(fluvio.CompressionType.GZIP).build())
    watch = admin.watch_topic()
    first = next(watch)
    assert name in [each.name() for each in first.all()] and first.epoch() == 1 and first.changes() == []
    for listed in (admin.all_topics(), admin.list_topics([name]), admin.list_topics_with_params([name], True)):
        mine = [each.spec for each in listed if each.name() == name]
        assert [(each.retention_seconds, each.segment_size, each.compression) for each in mine] == [
            (3600, 10_000_000, "gzip")
        ]
    partitions = admin.list_partitions([name])
    assert [each.name() for each in partitions] == [f"{name}-0"] and partitions[0].spec.leader > 0
    admin.delete_topic(name)
    assert admin.list_topics([name]) == []
    deleted = next(change for update in watch for change in update.changes() if change.is_delete())
    assert deleted.metadata_topic_spec().name() == name and not deleted.is_update()
    # What the official client cannot do: TypeErrors all three.
    leader = partitions[0].spec.leader
    assigned = fluvio.TopicSpec.create().with_assignment([fluvio.PartitionMap.new(0, [leader])]).build()
    request = fluvio.CommonCreateRequest.new(name, True, 60_000)
    admin.create_topic_with_config(name, request, assigned)
    assert admin.list_topics([name]) == []
    admin.create_topic_with_config(name, fluvio.CommonCreateRequest.new(name, False, 60_000), assigned)
    assert admin.list_topics([name])[0].spec.assignment == ((leader,),)
    admin.create_topic(f"{name}-m", fluvio.TopicSpec.create().as_mirror_topic().build())
    assert admin.list_topics([f"{name}-m"])[0].spec.mirror is not None


def test_smartmodule_administration(admin: fluvio.FluvioAdmin, name: str, tmp_path: Path) -> None:
    file = tmp_path / "empty.wasm"
    file.write_bytes(b"\x00asm\x01\x00\x00\x00")
    admin.create_smartmodule(name, str(file), True)
    assert admin.list_smartmodules([name]) == []
    admin.create_smartmodule(name, str(file), False)
    assert name in [each.name() for each in next(admin.watch_smartmodule()).all()]
    assert [each.name() for each in admin.list_smartmodules([name])] == [name]
    admin.delete_smartmodule(name)
    assert admin.list_smartmodules([name]) == []


def test_topic_spec() -> None:
    spec = fluvio.TopicSpec.create()
    assert spec == fluvio.TopicSpec.new() == fluvio.TopicSpec(fluvio.TopicMode.COMPUTED, 1, 1, True)
    assert spec.with_partitions(3).partitions == 3 and spec.partitions == 1
    assert spec.as_system_topic().system and not spec.as_system_topic().as_system_topic(False).system
    span: Any
    size: Any
    for span, seconds in [("1d", 86400), ("2m", 120), ("3h", 10800), ("4s", 4), ("1 week", 604800), (3600, 3600)]:
        assert spec.with_retention_time(span).retention_time == seconds
    for size, count in [
        ("1024", 1024), ("1K", 1000), ("1Mib", 1 << 20), ("1MiB", 1 << 20), ("500mb", 500_000_000), ("1gb", 10**9),
        ("2Gib", 2 << 30), ("1T", 10**12), ("1TiB", 1 << 40), ("1.5K", 1500), (1024, 1024),
    ]:
        assert spec.with_segment_size(size).segment_size == count
        assert spec.with_max_partition_size(size).max_partition_size == count
    for wrong in ("1x", "abc", "", "ib"):
        with pytest.raises(fluvio.InvalidSize):
            fluvio.parse_byte_size(wrong)
    wrong_calls: List[Any] = [(spec.with_partitions, -1), (spec.with_replications, -1), (fluvio.parse_timespan, "1x")]
    for call, argument in wrong_calls:
        with pytest.raises(ValueError):
            call(argument)


def test_errors(
    connection: fluvio.Fluvio, topic: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(fluvio.FluviorError) as failure:
        connection.topic_producer("not-created-topic")
    assert "Topic not found: not-created-topic" in failure.value.args[0] == str(failure.value)
    config = fluvio.ConsumerConfig()
    for arguments, message in [
        ({}, "Require either a path or a name for a smartmodule."),
        ({"name": "foo", "path": "bar"}, "Only specify one of path or name not both."),
    ]:
        with pytest.raises(libfluvio.FluvioError) as caught:
            config.smartmodule(**arguments)  # type: ignore[arg-type]
        assert caught.value.args == (message,)
    with pytest.raises(AttributeError, match="'str' object has no attribute 'value'"):
        config.smartmodule(kind="foobar")  # type: ignore[arg-type]
    with pytest.raises(Exception) as missing:
        config.smartmodule(path="does_not_exist.wasm", kind=fluvio.SmartModuleKind.Filter)
    assert "No such file or directory (os error 2)" in missing.value.args[0]
    config.smartmodule(name="does_not_exist", params={"key": "o"})
    for consumer in (connection.partition_consumer(topic, 0), connection.multi_partition_consumer(topic)):
        with pytest.raises(libfluvio.NotFoundError) as unknown:
            next(consumer.stream_with_config(Offset.beginning(), config))
        assert unknown.value.args == ("SmartModule does_not_exist was not found",)
        assert unknown.value.server_code == 6001
    monkeypatch.setenv("FLV_PROFILE_PATH", str(tmp_path / "none"))
    with pytest.raises(fluvio.FluviorError) as profile:
        fluvio.Fluvio.connect()
    assert "Config has no active profile" in profile.value.args[0]


def test_smartmodules_go_along(tmp_path: Path) -> None:
    """The whole chain, with everything that is said about it, on every kind of consumer."""
    file = tmp_path / "module.wasm"
    file.write_bytes(b"\x00asm")
    config, builder = fluvio.ConsumerConfig(), fluvio.ConsumerConfigExtBuilder("orders")
    for each in (config, builder):
        each.smartmodule(name="a", params={"key": "o"})
        each.smartmodule(path=str(file), kind=fluvio.SmartModuleKind.Aggregate, aggregate=[49])
    chain = [
        libfluvio.SmartModule("a", params={"key": "o"}),
        libfluvio.SmartModule(wasm=b"\x00asm", kind="aggregate", accumulator=b"1"),
    ]
    assert config._settings()["smartmodules"] == builder.build()._settings["smartmodules"] == chain


MODULES = ROOT / "tests" / "smartmodules"


@pytest.mark.parametrize(
    "module, arguments, sent, read",
    [
        ("short", {"params": {"max": "1"}}, ["foo", "b", "c"], ["b", "c"]),
        ("short", {}, ["foo", "b"], ["foo", "b"]),
        ("upper", {"kind": fluvio.SmartModuleKind.Map}, ["foo", "bar"], ["FOO", "BAR"]),
        ("words", {}, ["Apple Banana", "Cranberry"], ["Apple", "Banana", "Cranberry"]),
        ("digits", {}, ["a1", "b", "c22"], ["1", "22"]),
        ("total", {"aggregate": b"100", "kind": fluvio.SmartModuleKind.Aggregate}, ["1", "2"], ["101", "103"]),
        ("total", {"aggregate": b"100"}, ["1", "2"], ["101", "103"]),
        ("total", {}, ["1", "2"], ["1", "3"]),
    ],
)
def test_smartmodules(
    connection: fluvio.Fluvio, admin: fluvio.FluvioAdmin, topic: str, module: str, arguments: Any, sent: List[str],
    read: List[str],
) -> None:
    """Of every kind, by name and by path, with and without parameters and initial values, on every way to read."""
    stored, path = f"{topic}-sm", str(MODULES / f"{module}.wasm")
    admin.create_smartmodule(stored, path, False)
    producer = connection.topic_producer_with_config(topic, fluvio.TopicProducerConfigBuilder().linger(1000).build())
    for value in sent:
        producer.send_string(value)
    producer.flush()
    places: List[Any] = [{"name": stored}, {"path": path}]
    for place in places:
        config = fluvio.ConsumerConfig()
        config.smartmodule(**place, **arguments)
        for consumer in (connection.partition_consumer(topic, 0), connection.multi_partition_consumer(topic)):
            with consumer.stream_with_config(Offset.beginning(), config) as stream:
                assert take(stream, len(read)) == read
        builder = fluvio.ConsumerConfigExtBuilder(topic).smartmodule(**place, **arguments)
        with connection.consumer_with_config(builder.build()) as stream:
            assert take(stream, len(read)) == read
    admin.delete_smartmodule(stored)


def test_configuration(cluster: libfluvio.DevCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = tmp_path / "config"
    profile.write_text(
        'version = "2.0"\ncurrent_profile = "here"\n[profile.here]\ncluster = "here"\n'
        f'[cluster.here]\nendpoint = "{cluster.endpoint}"\n[cluster.here.tls]\ntls_policy = "disabled"\n'
    )
    monkeypatch.setenv("FLV_PROFILE_PATH", str(profile))
    fluvio.Fluvio.connect().close()
    fluvio.FluvioAdmin.connect().close()
    config = fluvio.FluvioConfig.load()
    config.set_client_id("me")
    config.set_use_spu_local_address(False)
    fluvio.Fluvio.connect_with_config(config).close()
    config.unset_client_id()
    config.set_endpoint(cluster.endpoint)
    config.set_anonymous_tls()
    with pytest.raises(fluvio.FluviorError):  # there is no TLS
        fluvio.Fluvio.connect_with_config(config)
    config.set_inline_tls("domain", "key", "certificate", "ca")
    assert config._settings["tls"] == "verified" and config._settings["tls_key"] == "key"
    config.set_tls_file_paths("domain", "/key", "/certificate", "/ca")
    assert config._settings["tls_certificate"] == "/certificate" and config._settings["tls_ca"] == "/ca"
    config.disable_tls()
    fluvio.Fluvio.connect_with_config(config).close()
