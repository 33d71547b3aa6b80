"""Many threads on the same objects, with an interpreter that changes between them as often as it can: nothing may rely
on being the only one between two steps. Free-threaded builds run the same, without a GIL."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterator, List

import libfluvio
import pytest
from libfluvio._delivery import PAGE, GroupBase, Outcome, Page
from libfluvio._exit import held

THREADS = 12
EACH = 300


@pytest.fixture(autouse=True)
def restless() -> Iterator[None]:
    """Threads change after a microsecond."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def together(work: Callable[[int], Any], threads: int = THREADS) -> List[Any]:
    """Runs the work in many threads that begin at the same time; their results."""
    start = threading.Barrier(threads)

    def run(number: int) -> Any:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


def test_one_producer(client: libfluvio.Client, wide_topic: str) -> None:
    called: List[int] = []  # append is one step

    def work(number: int) -> List[Any]:
        sent = []
        for at in range(EACH):
            value = b"%d/%d" % (number, at)
            if at % 50 == 0:
                group = producer.send_many([value, value + b"'"])
                sent += [(value, group[0]), (value + b"'", group[1])]
                if number % 3 == 0:
                    group.result(60)
            else:
                sent.append((value, producer.send(value)))
            sent[-1][1].add_done_callback(lambda delivery, at=at: called.append(at))  # type: ignore[misc]
            if at % 97 == number:
                producer.flush(60)
        return [(value, delivery.result(60)) for value, delivery in sent]

    with client.producer(wide_topic) as producer:
        reports = [report for some in together(work) for report in some]
    assert len(called) == THREADS * EACH
    with client.consumer(wide_topic, start="beginning", stop_at="end") as consumer:
        found = {(record.partition, record.offset): record.value for record in consumer}
    assert len(found) == len(reports) == len({value for value, _ in reports})
    assert all(found[report.partition, report.offset] == value for value, report in reports)


def test_one_group(client: libfluvio.Client, topic: str) -> None:
    """Many threads wait for the same futures, and ask whether they are done."""
    with client.producer(topic) as producer:
        for _ in range(5):
            group = producer.send_many(b"%d" % i for i in range(3 * PAGE + 7))

            def look(number: int, group: libfluvio.DeliveryGroup = group) -> List[int]:
                while number % 2 and not group.done():
                    pass
                return [report.offset for report in group.result(60)]

            results = together(look)
            assert all(each == results[0] for each in results)
            assert results[0] == list(range(results[0][0], results[0][0] + len(group)))


def test_a_group_is_not_done_too_early() -> None:
    """What threads that look at the same time note of a group never counts records that are not done."""
    for _ in range(30):
        group: Any = GroupBase(None)  # type: ignore[arg-type]
        pages = []
        for run in range(4):  # runs with gaps, as when several threads send
            page = Page(None, run * 2 * PAGE, [])  # type: ignore[arg-type]
            group._extend(run * 2 * PAGE, PAGE, [page])
            pages.append(page)
        outcome, last = Outcome("t", 0, 0.0, None, None), pages[-1].outcomes

        def work(number: int, group: Any = group, pages: Any = pages, outcome: Any = outcome, last: Any = last) -> bool:
            if number:
                early = False
                while last[PAGE - 2] is None:
                    early = early or group._ready()
                return early or group._ready()
            for page in pages:
                for index in range(PAGE - (page is pages[-1])):
                    page.outcomes[index] = outcome
            return False

        assert not any(together(work, 5))
        last[PAGE - 1] = outcome
        assert group._ready()


def test_clients_and_consumers(cluster: libfluvio.DevCluster, topic: str) -> None:
    """Each thread opens and closes its own; one consumer is committed by others than reads it."""
    with libfluvio.connect(cluster.endpoint) as client, client.producer(topic) as producer:
        producer.send_many(b"%d" % i for i in range(2000)).result(60)

    def work(number: int) -> int:
        with libfluvio.connect(cluster.endpoint, on_event=lambda event: None) as client:
            with client.consumer(topic, start="beginning", stop_at="end") as consumer:
                return sum(len(batch) for batch in consumer.batches())

    assert together(work) == [2000] * THREADS
    with libfluvio.connect(cluster.endpoint) as client:
        settings = {"consumer_id": topic, "offset_strategy": "manual"}
        with client.consumer(topic, start="beginning", stop_at="end", **settings) as consumer:
            handed_out, over = Counter[str](), threading.Event()

            def commit(number: int) -> None:
                if number:
                    while not over.is_set():
                        consumer.commit()
                    return
                for record in consumer:
                    handed_out["last"] = record.offset
                over.set()

            together(commit, 3)
            consumer.commit()
            (position,) = consumer.positions()
            assert position.committed == handed_out["last"] == 1999


def test_what_is_held_is_looked_at_while_it_changes() -> None:
    things = {0}
    over = threading.Event()

    def change() -> None:
        number = 0
        while not over.is_set():
            number += 1
            things.add(number)
            things.discard(number - 100)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(2000):
            assert held(things)
    finally:
        over.set()
        thread.join()
