"""The matrix in small, on dev clusters of earlier platforms, with the official clients that can connect to them."""

from __future__ import annotations

from typing import Any, Callable, List, Tuple

import pytest

from .cases import PLATFORM_CASES, Case
from .checks import agrees, counts, deletes, lists, places, resumes, stores_codec
from .clients import PLATFORMS, Client
from .matrix import Matrix
from .offsets import Offsets

Platforms = Callable[[str], Tuple[Matrix, Offsets]]


def cell(version: str, row: str, column: str) -> pytest.MarkDecorator:
    """A cell of a platform's table."""
    return pytest.mark.cell(table=f"platform {version}", row=row, column=column)


def pairs(*also: Any) -> List[Any]:
    """Every writer and reader of every platform, with each of some things."""
    return [
        pytest.param(
            version,
            one,
            other,
            *each,
            id="-".join([version, one.slug, other.slug, *(case.name for case in each)]),
            marks=cell(version, one.name, other.name),
        )
        for version, clients in PLATFORMS.items()
        for one in clients
        for other in clients
        for each in also
        if each or (one.offsets and other.offsets)
    ]


def each() -> pytest.MarkDecorator:
    """Every client of every platform."""
    rows = [
        pytest.param(
            version, client, id=f"{version}-{client.slug}", marks=cell(version, client.name, "topics, keys, codecs")
        )
        for version, clients in PLATFORMS.items()
        for client in clients
    ]
    return pytest.mark.parametrize(("version", "client"), rows)


@pytest.mark.parametrize(("version", "writer", "reader", "case"), pairs(*((case,) for case in PLATFORM_CASES)))
def test_reader_agrees_with_writer(
    platforms: Platforms, version: str, writer: Client, reader: Client, case: Case
) -> None:
    agrees(platforms(version)[0], writer, reader, case)


@pytest.mark.parametrize(("version", "one", "other"), pairs(()))
def test_one_stores_and_the_other_goes_on(platforms: Platforms, version: str, one: Client, other: Client) -> None:
    resumes(platforms(version)[1], one, other)


@each()
def test_keys_go_to_the_same_partitions(platforms: Platforms, version: str, client: Client) -> None:
    places(platforms(version)[0], client)


@each()
def test_reports_count_each_partition_from_zero(platforms: Platforms, version: str, client: Client) -> None:
    counts(platforms(version)[0], client)


@each()
def test_lists_what_every_client_created(platforms: Platforms, version: str, client: Client) -> None:
    lists(platforms(version)[0], client)


@each()
def test_deletes_what_another_created(platforms: Platforms, version: str, client: Client) -> None:
    deletes(platforms(version)[0], client)


@each()
def test_batches_are_stored_with_the_codec_that_was_chosen(platforms: Platforms, version: str, client: Client) -> None:
    for case in PLATFORM_CASES:
        stores_codec(platforms(version)[0], client, case)
