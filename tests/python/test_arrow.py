"""Batches and consumers as what Arrow's libraries take."""

from __future__ import annotations

import gc
from typing import Any, List, Optional, Tuple

import libfluvio
import pytest
from libfluvio import _arrow

pyarrow: Any = pytest.importorskip("pyarrow", reason="pyarrow has no package for this Python")

ROWS: List[Tuple[Optional[bytes], bytes]] = [
    (None, b""),
    (b"", b"x"),
    (b"k", b"exactly 12 b"),
    (b"key of more than twelve bytes", b"exactly 13 by"),
    (None, bytes(range(256)) * 40),
]


@pytest.fixture
def filled(client: libfluvio.Client, topic: str) -> str:
    """A topic with the rows."""
    with client.producer(topic) as producer:
        for i, (key, value) in enumerate(ROWS):
            producer.send(value, key=key, timestamp=1_700_000_000_000 + i)
    return topic


def read(client: libfluvio.Client, topic: str) -> libfluvio.Consumer:
    return client.consumer(topic, start="beginning", stop_at="end")


def columns(table: Any) -> Tuple[List[Any], ...]:
    return tuple(table.column(name).to_pylist() for name in ("offset", "partition", "key", "value"))


def test_record_batch(client: libfluvio.Client, filled: str) -> None:
    with read(client, filled) as consumer:
        batches = list(consumer.batches())
    tables = [pyarrow.record_batch(batch) for batch in batches]
    del batches
    gc.collect()  # the tables keep the memory
    offsets, partitions, keys, values = columns(pyarrow.Table.from_batches(tables))
    assert (offsets, partitions) == (list(range(len(ROWS))), [0] * len(ROWS))
    assert list(zip(keys, values)) == ROWS
    for table in tables:
        table.validate(full=True)
        assert table.schema.field("key").nullable and not table.schema.field("value").nullable
        assert table.schema.field("value").type == pyarrow.binary_view()
        assert table.schema.field("timestamp").type == pyarrow.timestamp("ms", "UTC")
        assert [moment.timestamp() for moment in table.column("timestamp").to_pylist()][0] >= 1_700_000_000


def test_part_of_a_batch(client: libfluvio.Client, filled: str) -> None:
    with read(client, filled) as consumer:
        whole = consumer.poll_batch()
        assert whole is not None
        records = whole.records()
        for part in (whole[1:], whole[:-1], whole[0:0]):
            table = pyarrow.record_batch(part)
            table.validate(full=True)
            assert table.column("value").to_pylist() == part.values()
    assert len(records) >= 1


def test_binary_when_asked_for(client: libfluvio.Client, filled: str) -> None:
    plain = [
        pyarrow.field("offset", pyarrow.int64(), False),
        pyarrow.field("timestamp", pyarrow.timestamp("ms", "UTC")),
        pyarrow.field("partition", pyarrow.int32(), False),
        pyarrow.field("key", pyarrow.binary()),
        pyarrow.field("value", pyarrow.binary(), False),
    ]
    with read(client, filled) as consumer:
        tables = [pyarrow.record_batch(batch, schema=pyarrow.schema(plain)) for batch in consumer.batches()]
    for table in tables:
        table.validate(full=True)
        assert table.schema.field("value").type == pyarrow.binary()
    _, _, keys, values = columns(pyarrow.Table.from_batches(tables))
    assert list(zip(keys, values)) == ROWS


def test_stream(client: libfluvio.Client, filled: str) -> None:
    before = set(_arrow._streams)
    with read(client, filled) as consumer:
        first = consumer.poll()  # what was handed out as a record does not come again
        table = pyarrow.table(consumer)
        table.validate(full=True)
    assert first is not None and first.offset == 0
    offsets, _, keys, values = columns(table)
    assert offsets == [1, 2, 3, 4] and list(zip(keys, values)) == ROWS[1:]
    assert set(_arrow._streams) <= before


def test_stream_tells_failures(client: libfluvio.Client, filled: str) -> None:
    consumer = client.consumer(filled, start="beginning")
    reader = pyarrow.RecordBatchReader.from_stream(consumer)
    assert reader.read_next_batch().num_rows >= 1
    client.admin.delete_topic(filled)
    with pytest.raises(OSError, match=filled):
        while True:
            reader.read_next_batch()
    consumer.close()


def test_capsules_that_nobody_takes(client: libfluvio.Client, filled: str) -> None:
    before = set(_arrow._streams)  # an earlier test's reader may not have been collected yet
    with read(client, filled) as consumer:
        batch = consumer.poll_batch()
        assert batch is not None
        for _ in range(10):
            batch.__arrow_c_array__()
            consumer.__arrow_c_stream__()
        assert len(_arrow._exported) == 1 and len(set(_arrow._streams) - before) == 1
        held = batch.__arrow_c_array__()
        pyarrow.record_batch(batch)  # does not release what somebody holds
        assert pyarrow.RecordBatch._import_from_c_capsule(*held).column("offset").to_pylist()[0] == 0
    assert not set(_arrow._streams) - before


def test_polars(client: libfluvio.Client, filled: str) -> None:
    polars: Any = pytest.importorskip("polars", reason="polars has no package for this Python")
    with read(client, filled) as consumer:
        frame = polars.DataFrame(consumer)
    assert list(zip(frame["key"].to_list(), frame["value"].to_list())) == ROWS
    assert frame["offset"].sum() == 10


def test_duckdb(client: libfluvio.Client, filled: str) -> None:
    duckdb: Any = pytest.importorskip("duckdb", reason="DuckDB has no package for this Python")
    with read(client, filled) as consumer:
        records = pyarrow.table(consumer)
    found = duckdb.sql("select count(*), count(key), sum(octet_length(value)) from records").fetchall()
    assert records.num_rows == 5 and found == [(5, 3, sum(len(value) for _, value in ROWS))]
