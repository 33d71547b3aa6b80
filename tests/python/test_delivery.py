"""Delivery reports: futures kept, dropped, shared between threads, failing, late."""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import libfluvio
import pytest
from helpers import control, pause, resume, wait_until_inside
from libfluvio import _delivery
from libfluvio._delivery import PAGE, Page


@pytest.fixture
def own_cluster() -> Iterator[libfluvio.DevCluster]:
    """A cluster that the test may stop or make fail."""
    with libfluvio.DevCluster() as cluster:
        yield cluster


@pytest.fixture
def own_client(own_cluster: libfluvio.DevCluster) -> Iterator[libfluvio.Client]:
    """Its client, with a topic called orders."""
    client = libfluvio.connect(own_cluster.endpoint)
    client.admin.create_topic("orders")
    yield client
    resume(own_cluster.pid)
    client.close(1)


def refuse_produce(cluster: libfluvio.DevCluster, code: int) -> None:
    """Every produce request from now on gets this error of the server."""
    control(cluster, "POST", "faults", {"api": "Produce", "action": {"kind": "error", "code": code}})


def live_pages() -> int:
    """Pages that somebody still holds."""
    gc.collect()
    return sum(1 for each in gc.get_objects() if type(each) is Page)


def resident() -> int:
    """Resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_dropped_futures_hold_no_page(client: libfluvio.Client, topic: str) -> None:
    before = live_pages()
    with client.producer(topic) as producer:
        for i in range(10 * PAGE + 7):
            producer.send(b"x")
            if i % PAGE == 500:
                assert live_pages() == before + 1
        for _ in range(5):
            producer.send_many([b"x"] * 5000)
            assert live_pages() == before + 2  # one of send, one of send_many
        producer.flush(60)
    del producer
    assert live_pages() == before


def test_one_kept_future_keeps_one_page(client: libfluvio.Client, topic: str) -> None:
    before = live_pages()
    with client.producer(topic) as producer:
        kept = []
        for i in range(5 * PAGE):
            delivery = producer.send(b"x")
            if i == 2 * PAGE + 17:
                kept.append(delivery)
        del delivery
        producer.send(b"last")
        assert live_pages() == before + 2
        assert kept[0].result(30).offset == 2 * PAGE + 17


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc to see this process's memory")
def test_memory_stays_flat_when_futures_are_ignored(client: libfluvio.Client, topic: str) -> None:
    value = b"x" * 100
    with client.producer(topic, buffer_memory=1 << 20) as producer:

        def round_of_sends() -> None:
            for _ in range(100_000):
                producer.send(value)
            producer.send_many(value for _ in range(150_000))
            producer.send_many([value] * 150_000)
            producer.flush(60)

        round_of_sends()
        before = resident()
        for _ in range(3):
            round_of_sends()
        grown = resident() - before
    assert grown < 16 << 20, f"{grown} bytes more after 1,200,000 records of 100 bytes"


def test_callbacks_of_dropped_futures_come(client: libfluvio.Client, topic: str) -> None:
    called: List[Any] = []
    before = live_pages()
    with client.producer(topic, linger_ms=100_000) as producer:
        producer.send(b"x").add_done_callback(called.append)
        for _ in range(PAGE):
            producer.send(b"")
        assert live_pages() == before + 2 and not called, "the first page is still wanted"
        producer.flush(30)
        assert [delivery.result(0).offset for delivery in called] == [0]
        called.clear()
        assert live_pages() == before + 1


def test_numbers_begin_anew(client: libfluvio.Client, topic: str) -> None:
    with client.producer(topic) as producer:
        kept = [producer.send(b"first") for _ in range(PAGE)]
        producer.flush(30)
        producer._next = 2**32 - PAGE  # as if 2**32 - 1024 had been sent
        deliveries = [producer.send(b"x") for _ in range(3 * PAGE)]
        group = producer.send_many([b"y"] * 2000)
        assert [each.result(30).offset for each in kept + deliveries] == list(range(4 * PAGE))
        assert [report.offset for report in group.result(30)] == list(range(4 * PAGE, 4 * PAGE + 2000))


def test_partitions_by_runs_and_by_turns(client: libfluvio.Client, wide_topic: str) -> None:
    """Reports in a row and reports one by one on the same page."""
    partitions = [0] * 300 + [i % 2 for i in range(300)] + [1] * 300 + [i % 5 for i in range(PAGE)]
    with client.producer(wide_topic) as producer:
        kept = [producer.send(b"x", partition=partition) for partition in partitions]
        group = producer.send_many([libfluvio.RecordInput(b"y", partition=partition) for partition in partitions])
        producer.flush(60)
        reports = [delivery.result(0) for delivery in kept] + group.result(0)
    ends = [0] * 5
    for report, partition in zip(reports, partitions * 2):
        assert (report.partition, report.offset) == (partition, ends[partition])
        ends[partition] += 1


def test_small_groups_and_single_records_take_turns(client: libfluvio.Client, topic: str) -> None:
    """Their numbers lie apart, their offsets do not."""
    with client.producer(topic) as producer:
        offsets: List[int] = []
        kept: List[Any] = []
        for i in range(300):
            kept.append(producer.send_many([b"x"] * (i % 7)) if i % 3 else producer.send(b"y"))
        producer.flush(60)
        for each in kept:
            found = each.result(0)
            offsets += [found.offset] if isinstance(found, libfluvio.Report) else [report.offset for report in found]
        assert offsets == list(range(len(offsets)))


def test_threads_get_numbers_of_their_own(client: libfluvio.Client, topic: str) -> None:
    """Threads that turn the pages of a producer at the same time share no number."""
    with client.producer(topic) as producer:
        taken: "List[List[int]]" = [[] for _ in range(4)]

        def work(mine: List[int]) -> None:
            for _ in range(10 * PAGE):
                page, index = producer._take_index()
                mine.append(page.first + index)

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            threads = [threading.Thread(target=work, args=(mine,)) for mine in taken]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            sys.setswitchinterval(interval)
        assert len(set().union(*taken)) == 40 * PAGE


def test_results_in_any_order(client: libfluvio.Client, wide_topic: str) -> None:
    with client.producer(wide_topic) as producer:
        deliveries = [producer.send(b"%d" % i, b"key-%d" % (i % 50)) for i in range(3 * PAGE)]
        reports = [delivery.result(30) for delivery in reversed(deliveries)][::-1]
        assert all(delivery.done() and delivery.exception(0) is None for delivery in deliveries)
        assert "offset=" in repr(deliveries[0])
    with client.consumer(wide_topic, start="beginning", stop_at="end") as consumer:
        found = {(record.partition, record.offset): record.value for record in consumer}
    assert [found[report.partition, report.offset] for report in reports] == [b"%d" % i for i in range(3 * PAGE)]


def test_threads_share_a_producer(client: libfluvio.Client, wide_topic: str) -> None:
    sent: "List[List[Any]]" = [[] for _ in range(4)]
    with client.producer(wide_topic) as producer:

        def work(me: int) -> None:
            for i in range(2000):
                value = b"%d-%d" % (me, i)
                sent[me].append((value, producer.send(value)))
                if i % 500 == 499:
                    values = [b"%d-%d-%d" % (me, i, k) for k in range(700)]
                    sent[me] += zip(values, producer.send_many(values))
            for _, delivery in sent[me]:
                delivery.result(60)

        threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with client.consumer(wide_topic, start="beginning", stop_at="end") as consumer:
        found = {(record.partition, record.offset): record.value for record in consumer}
    everything = [pair for mine in sent for pair in mine]
    assert len(found) == len(everything) == 4 * (2000 + 4 * 700)
    for value, delivery in everything:
        report = delivery.result(0)
        assert found[report.partition, report.offset] == value


def test_groups(client: libfluvio.Client, topic: str) -> None:
    with client.producer(topic) as producer:
        producer.send(b"first")
        group = producer.send_many(b"%d" % i for i in range(5000))
        called: List[Any] = []
        group.add_done_callback(called.append)
        reports = group.result(30)
        assert [report.offset for report in reports] == list(range(1, 5001))
        assert len(group) == 5000 and group.done() and group.exception(0) is None
        assert group.outcomes(0) == reports
        assert group[4999].result(0).offset == 5000 and group[-5000].result(0).offset == 1
        assert [delivery.result(0).offset for delivery in group] == list(range(1, 5001))
        with pytest.raises(IndexError):
            group[5000]
        producer.flush(30)
        assert called == [group]
        group.add_done_callback(called.append)
        assert called == [group, group]
        empty = producer.send_many([])
        assert empty.done() and empty.result(0) == [] and len(empty) == 0


def test_callbacks(client: libfluvio.Client, topic: str, caplog: pytest.LogCaptureFixture) -> None:
    called: List[int] = []
    with client.producer(topic) as producer:

        def again(delivery: libfluvio.Delivery) -> None:
            called.append(delivery.result(0).offset)
            if len(called) < 2000:
                producer.send(b"next").add_done_callback(again)  # sends from inside a callback, over a page's end

        def broken(delivery: libfluvio.Delivery) -> None:
            raise RuntimeError("the application's own mistake")

        producer.send(b"x").add_done_callback(broken)
        producer.send(b"first").add_done_callback(again)
        while len(called) < 2000:
            producer.flush(30)
        last = producer.send(b"last")
        last.result(30)
        last.add_done_callback(lambda delivery: called.append(-1))
        assert called[-1] == -1
    assert called[:2000] == list(range(1, 2001))
    assert [record.name for record in caplog.records if record.levelno >= logging.ERROR] == ["libfluvio"]


def test_failures_reach_futures_and_flush(own_cluster: libfluvio.DevCluster, own_client: libfluvio.Client) -> None:
    producer = own_client.producer("orders")
    producer.send(b"stored").result(30)
    refuse_produce(own_cluster, 10)
    producer.send(b"dropped")
    producer.send_many([b"dropped"] * 3)
    delivery = producer.send(b"x")
    group = producer.send_many([b"y"] * 10)
    with pytest.raises(libfluvio.TooLargeError) as caught:
        delivery.result(30)
    assert caught.value.server_code == 10 and not caught.value.maybe_written
    assert isinstance(delivery.exception(0), libfluvio.TooLargeError)
    assert isinstance(group.exception(30), libfluvio.TooLargeError)
    with pytest.raises(libfluvio.TooLargeError):
        group.result(0)
    assert all(isinstance(each, libfluvio.TooLargeError) for each in group.outcomes(0))
    assert "TOO_LARGE" in repr(delivery)
    with pytest.raises(libfluvio.TooLargeError) as caught:
        producer.flush(30)
    assert caught.value.details["failed_records"] == "4" and "3 more" in str(caught.value)
    producer.flush(30)  # told once
    producer.send(b"z")
    with pytest.raises(libfluvio.TooLargeError):
        producer.close(30)
    assert producer.closed
    producer.close()


TOLD: Dict[str, Callable[[libfluvio.Producer], object]] = {
    "result": lambda producer: caught(lambda: producer.send(b"x", partition=5).result(30)),
    "result twice": lambda producer: twice(producer.send(b"x", partition=5)),
    "exception": lambda producer: producer.send(b"x").exception(30),
    "group": lambda producer: caught(lambda: producer.send_many([b"x"] * 2500).result(30)),
    "group exception": lambda producer: producer.send_many([b"x"] * 2500).exception(30),
    "group outcomes": lambda producer: producer.send_many([b"x"] * 2500).outcomes(30),
    "one by one": lambda producer: [each.exception(30) for each in producer.send_many([b"x"] * 20)],
    "callback": lambda producer: producer.send(b"x").add_done_callback(lambda _: None),
    "group callback": lambda producer: producer.send_many([b"x"] * 2500).add_done_callback(lambda _: None),
}


def caught(call: Callable[[], object]) -> None:
    """The application handles a failure."""
    with pytest.raises(libfluvio.FluvioError):
        call()


def twice(delivery: libfluvio.Delivery) -> None:
    """Telling again counts once."""
    caught(lambda: delivery.result(30))
    caught(lambda: delivery.result(30))


@pytest.mark.parametrize("told", sorted(TOLD))
def test_failures_that_were_told_are_not_raised_again(
    told: str, own_cluster: libfluvio.DevCluster, own_client: libfluvio.Client
) -> None:
    refuse_produce(own_cluster, 10)
    with own_client.producer("orders") as producer:
        TOLD[told](producer)
        producer.flush(30)
        TOLD[told](producer)
    producer = own_client.producer("orders")
    TOLD[told](producer)
    producer.send_many([b"dropped"] * 2)
    TOLD[told](producer)
    with pytest.raises(libfluvio.TooLargeError) as error:
        producer.close(30)
    assert error.value.details["failed_records"] == "2", "of these nobody was told"


def test_the_failure_that_is_raised_is_one_nobody_was_told_of(
    own_cluster: libfluvio.DevCluster, own_client: libfluvio.Client
) -> None:
    producer = own_client.producer("orders")
    first = producer.send(b"x", partition=5)
    assert first.exception(30) is not None
    again = producer.send(b"x", partition=6)
    while not again.done():
        os.sched_yield()
    assert "FAILED" in repr(again).upper()  # neither done() nor repr() tells why
    refuse_produce(own_cluster, 10)
    producer.send(b"dropped")
    with pytest.raises(libfluvio.InvalidArgumentError, match="6") as error:
        producer.flush(30)
    assert error.value.details["failed_records"] == "2"
    assert again.exception(0) is not None
    producer.send(b"dropped")
    with pytest.raises(libfluvio.TooLargeError):
        producer.close(30)


def test_failures_nobody_asks_about_need_no_memory(
    own_cluster: libfluvio.DevCluster, own_client: libfluvio.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_delivery, "MOST_FAILURES", 3)
    refuse_produce(own_cluster, 10)
    producer = own_client.producer("orders", linger_ms=0)
    kept = []
    for _ in range(20):
        kept.append(producer.send(b"x"))
        while not kept[-1].done():
            os.sched_yield()
    assert len(producer._book._untold) == 3
    for delivery in kept[:19]:
        assert delivery.exception(0) is not None
    with pytest.raises(libfluvio.TooLargeError) as error:
        producer.close(30)
    assert error.value.details["failed_records"] == "1"


def test_a_with_block_tells_of_failures(own_cluster: libfluvio.DevCluster, own_client: libfluvio.Client) -> None:
    refuse_produce(own_cluster, 10)
    with pytest.raises(libfluvio.TooLargeError), own_client.producer("orders") as producer:
        producer.send(b"x")
    with pytest.raises(KeyError), own_client.producer("orders") as producer:
        producer.send(b"x")
        raise KeyError("the block's own exception wins")
    assert producer.closed


def test_late_reports(own_cluster: libfluvio.DevCluster, own_client: libfluvio.Client) -> None:
    producer = own_client.producer("orders")
    producer.send(b"x").result(30)
    pause(own_cluster.pid)
    delivery, group = producer.send(b"late"), producer.send_many([b"late"] * 3)
    with pytest.raises(libfluvio.InvalidStateError):
        delivery._page.report(delivery._index)
    assert not delivery.done() and not group.done() and "pending" in repr(delivery) + repr(group)
    for wait in (delivery.result, delivery.exception, group.result, group.exception, group.outcomes, producer.flush):
        with pytest.raises(libfluvio.FluvioTimeoutError):
            wait(0.05)
        with pytest.raises(libfluvio.FluvioTimeoutError):
            wait(0)
    seen: List[int] = []
    threads = [threading.Thread(target=lambda: seen.append(delivery.result(60).offset)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        wait_until_inside(thread, "wait")
    resume(own_cluster.pid)
    for thread in threads:
        thread.join()
    assert seen == [1, 1, 1]
    assert [report.offset for report in group.result(30)] == [2, 3, 4]
    producer.close()


def test_full_buffer(own_cluster: libfluvio.DevCluster, own_client: libfluvio.Client) -> None:
    producer = own_client.producer("orders", buffer_memory=1 << 18, max_request_size=1 << 16)
    value = b"x" * 10_000
    pause(own_cluster.pid)
    accepted = 0
    with pytest.raises(libfluvio.QueueFullError) as caught:
        for _ in range(10_000):
            producer.send(value, timeout=0.5)
            accepted += 1
    assert caught.value.retriable and "buffer_memory" in str(caught.value)
    with pytest.raises(libfluvio.QueueFullError):
        producer.send(value, timeout=0)
    with pytest.raises(libfluvio.QueueFullError):
        producer.send(value, partition=0, timeout=0.15)
    with pytest.raises(libfluvio.QueueFullError) as caught:
        producer.send_many([value] * 1000, timeout=0.15)
    accepted += int(caught.value.details["accepted"])
    deliveries: List[libfluvio.DeliveryGroup] = []
    thread = threading.Thread(target=lambda: deliveries.append(producer.send_many([value] * 500)))
    thread.start()
    wait_until_inside(thread, "_attempt")
    resume(own_cluster.pid)
    thread.join()
    offsets = [report.offset for report in deliveries[0].result(60)]
    assert offsets == list(range(accepted, accepted + 500))
    producer.close()


def test_full_buffer_that_fails(own_cluster: libfluvio.DevCluster, own_client: libfluvio.Client) -> None:
    producer = own_client.producer("orders", buffer_memory=1 << 18, max_request_size=1 << 16, buffer_full="fail")
    pause(own_cluster.pid)
    with pytest.raises(libfluvio.QueueFullError):
        for _ in range(10_000):
            producer.send(b"x" * 10_000)
    resume(own_cluster.pid)
    try:
        producer.close()
    except libfluvio.QueueFullError:
        pass  # records that were accepted and then found no room


def test_close_with_a_deadline_fails_the_rest(
    own_cluster: libfluvio.DevCluster, own_client: libfluvio.Client
) -> None:
    producer = own_client.producer("orders")
    producer.send(b"x").result(30)
    pause(own_cluster.pid)
    delivery = producer.send(b"y")
    with pytest.raises(libfluvio.FluvioTimeoutError):
        producer.close(0.2)
    assert producer.closed and delivery.done()
    error = delivery.exception(0)
    assert error is not None and error.maybe_written, "the request may have left before the deadline"


def test_producer_that_nobody_closes_delivers(own_client: libfluvio.Client) -> None:
    with pytest.warns(ResourceWarning, match="was not closed"):
        delivery = own_client.producer("orders").send(b"x")
        gc.collect()
    assert delivery.result(30).offset == 0


def test_where_an_unreplicated_record_is() -> None:
    with libfluvio.DevCluster(spus=2) as cluster, libfluvio.connect(cluster.endpoint) as client:
        client.admin.create_topic("t", replication=2)
        with client.producer("t", isolation="read_committed", server_timeout_ms=50) as producer:
            assert producer.send(b"0").result(20).offset == 0
            follower = 5001 + 5002 - control(cluster, "GET", "topics/t/0")["leader"]
            control(cluster, "POST", f"spu/{follower}/stop")
            deliveries = producer.send_many([b""] * (PAGE + 100))
            for offset, delivery in enumerate(deliveries, 1):
                error = delivery.exception(20)
                assert isinstance(error, libfluvio.FluvioTimeoutError)
                assert error.server_code == 7 and error.maybe_written
                assert error.details["offset"] == str(offset)
