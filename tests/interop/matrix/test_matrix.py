"""Every client reads what every client wrote, and sees what every client created."""

from __future__ import annotations

from typing import Any, Callable, List

import pytest

from .cases import CASES, CHOSEN, VIEWED, VIEWS, Case, View
from .checks import agrees, content, counts, deletes, lists, need, places, resumes, stores_codec
from .clients import CLIENTS, Client, Failed
from .matrix import Matrix
from .offsets import Offsets
from .replicated import Replicated


def pairs() -> List[Any]:
    """Every writer and reader with every case that the writer can express."""
    return [
        pytest.param(
            writer,
            reader,
            case,
            id=f"{writer.slug}-{reader.slug}-{case.name}",
            marks=pytest.mark.cell(table="agree", row=writer.name, column=reader.name),
        )
        for writer in CLIENTS
        for reader in CLIENTS
        for case in CASES
        if case.written_by(writer)
    ]


def views() -> List[Any]:
    """Every writer and reader with every view that the reader offers."""
    return [
        pytest.param(
            writer,
            reader,
            view,
            id=f"{writer.slug}-{reader.slug}-{view.name}",
            marks=pytest.mark.cell(table="views", row=writer.name, column=reader.name),
        )
        for writer in CLIENTS
        for reader in CLIENTS
        for view in VIEWS
        if view.offered_by(reader)
    ]


def each(column: str, able: Callable[[Client], bool] = lambda client: True) -> pytest.MarkDecorator:
    """Every client that is able to, for a test of one column of the second table."""
    return pytest.mark.parametrize(
        "client",
        [
            pytest.param(client, id=client.slug, marks=pytest.mark.cell(table="admin", row=client.name, column=column))
            for client in CLIENTS
            if able(client)
        ],
    )


@pytest.mark.parametrize(("writer", "reader", "case"), pairs())
def test_reader_agrees_with_writer(matrix: Matrix, writer: Client, reader: Client, case: Case) -> None:
    agrees(matrix, writer, reader, case)


@pytest.mark.parametrize(("writer", "reader", "view"), views())
def test_reads_from_anywhere(matrix: Matrix, writer: Client, reader: Client, view: View) -> None:
    need(matrix, writer, reader)
    wrote = {(partition, offset): record for partition, offset, record in matrix.stored(writer, CHOSEN)}
    expected = [(VIEWED, offset, wrote[VIEWED, offset].key, wrote[VIEWED, offset].value) for offset in view.offsets]
    assert [content(each) for each in matrix.views(writer, reader, view)] == expected


@each("offsets and partitions of its reports")
def test_reports_count_each_partition_from_zero_in_the_order_of_sending(matrix: Matrix, client: Client) -> None:
    counts(matrix, client)


@each("places keys")
def test_keys_go_to_the_same_partitions(matrix: Matrix, client: Client) -> None:
    places(matrix, client)


@each("stores its codec")
def test_batches_are_stored_with_the_codec_that_was_chosen(matrix: Matrix, client: Client) -> None:
    for case in CASES:
        if case.written_by(client):
            stores_codec(matrix, client, case)


@each("lists topics")
def test_lists_what_every_client_created(matrix: Matrix, client: Client) -> None:
    lists(matrix, client)


@each("deletes topics")
def test_deletes_what_another_created(matrix: Matrix, client: Client) -> None:
    deletes(matrix, client)


@each("is refused")
def test_refusals_reach_the_caller(matrix: Matrix, client: Client) -> None:
    need(matrix, client)
    with pytest.raises(Failed, match="(?i)exists"):
        matrix.result(client, "create a topic twice")
    with pytest.raises(Failed, match="(?i)not.?found"):
        matrix.result(client, "delete an unknown topic")
    with pytest.raises(Failed, match="(?i)compression"):
        matrix.result(client, "write with another codec")  # and nothing of it is read above


@each("reads committed only", lambda client: client.chooses_isolation)
def test_reads_committed_records_only(matrix: Matrix, uncommitted: Replicated, client: Client) -> None:
    need(matrix, client)
    assert uncommitted.offsets(client, "read_committed") == [0, 1, 2]
    assert uncommitted.offsets(client, "read_uncommitted") == [0, 1, 2, 3, 4]
    assert uncommitted.asked[client.slug] == [1, 0]  # an end may hide it: libfluvio's is the high watermark in both


def consumers() -> List[Any]:
    """Every pair of clients with named consumers."""
    clients = [client for client in CLIENTS if client.offsets]
    return [
        pytest.param(
            one,
            other,
            id=f"{one.slug}-{other.slug}",
            marks=pytest.mark.cell(table="offsets", row=one.name, column=other.name),
        )
        for one in clients
        for other in clients
    ]


@pytest.mark.parametrize(("one", "other"), consumers())
def test_one_stores_and_the_other_goes_on(offsets: Offsets, one: Client, other: Client) -> None:
    resumes(offsets, one, other)
