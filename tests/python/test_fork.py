"""In a forked child every call says so; a child of a parent that has not connected yet works."""

from __future__ import annotations

import os
from typing import Any

import libfluvio
import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")

USED_BEFORE = """
import warnings
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)  # it is why this is tested
import os, sys, gc, traceback, pickle
import libfluvio, libfluvio.aio, asyncio
cluster = libfluvio.DevCluster()
client = libfluvio.connect(cluster.endpoint)
client.admin.create_topic("orders")
producer = client.producer("orders")
producer.send_many([b"x"] * 10).result(30)
consumer = client.consumer("orders", start="beginning")
record = consumer.poll(30)
batch = consumer.poll_batch(30)
delivery = producer.send(b"y")
sys.stdout.flush()
child = os.fork()
if child == 0:
    status = 1
    try:
        calls = [
            lambda: client.admin.topics(), lambda: client.producer("orders"), lambda: client.consumer("orders"),
            lambda: client.close(), lambda: producer.send(b"x"), lambda: producer.send(b"x", partition=0),
            lambda: producer.send_many([b"x"]), lambda: producer.flush(), lambda: producer.close(),
            lambda: consumer.poll(0), lambda: consumer.poll_batch(0), lambda: next(iter(client.consumer("orders"))),
            lambda: consumer.close(), lambda: delivery.result(1), lambda: delivery.done(),
            lambda: libfluvio.connect(cluster.endpoint), lambda: libfluvio.library_version(),
            lambda: asyncio.run(libfluvio.aio.connect(cluster.endpoint)._opening()), lambda: client.platform_version,
        ]
        for number, call in enumerate(calls):
            try:
                call()
            except libfluvio.ForkedError as error:
                assert "multiprocessing" in str(error) and "spawn" in str(error), error
                assert error.fatal and type(pickle.loads(pickle.dumps(error))) is libfluvio.ForkedError
            else:
                raise AssertionError(f"call {number} did not fail")
        assert batch.values() == [b"x"] * 9 and record.value == b"x"  # memory was copied, and stays readable
        cluster.close()
        del client, producer, consumer, batch, record, delivery, calls, call
        gc.collect()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
assert delivery.result(30).offset == 10          # the parent goes on
producer.send(b"after").result(30)
consumer.close(); producer.close(); client.close(); cluster.close()
print("done")
"""

USED_IN_CHILDREN_ONLY = """
import os
import libfluvio
cluster = libfluvio.DevCluster()
children = []
for i in range(3):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with libfluvio.connect(cluster.endpoint) as client:
                client.admin.create_topic(f"orders-{i}")
                with client.producer(f"orders-{i}") as producer:
                    producer.send(b"x").result(30)
            status = 0
        finally:
            os._exit(status)
    children.append(child)
assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]
with libfluvio.connect(cluster.endpoint) as client:
    assert [topic.name for topic in client.admin.topics()] == ["orders-0", "orders-1", "orders-2"]
cluster.close()
print("done")
"""

SPAWNED = """
import multiprocessing
import libfluvio

def work(endpoint, number):
    with libfluvio.connect(endpoint) as client, client.producer("orders") as producer:
        return producer.send(b"%d" % number).result(30).offset

if __name__ == "__main__":
    with libfluvio.DevCluster() as cluster, libfluvio.connect(cluster.endpoint) as client:
        client.admin.create_topic("orders")
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            assert sorted(pool.starmap(work, [(cluster.endpoint, i) for i in range(4)])) == [0, 1, 2, 3]
    print("done")
"""


@pytest.mark.parametrize("source", [USED_BEFORE, USED_IN_CHILDREN_ONLY], ids=["used before", "used in children only"])
def test_fork(script: Any, source: str) -> None:
    status, output, errors = script(source)
    assert (status, output) == (0, "done\n"), errors


def test_spawned_processes_work(script: Any, tmp_path: Any) -> None:
    program = tmp_path / "spawned.py"
    program.write_text(SPAWNED)
    status, output, errors = script(f"import runpy; runpy.run_path({str(program)!r}, run_name='__main__')")
    assert (status, output) == (0, "done\n"), errors


def test_advice_names_multiprocessing() -> None:
    error = libfluvio._errors.forked_error()
    assert error.hint and "multiprocessing" in str(error)
