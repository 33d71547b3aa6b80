"""The command's arguments."""

from __future__ import annotations

import argparse
import datetime
import json
import os
from typing import Any, Callable, Dict, List, Union

from .. import __version__
from . import _admin, _bench, _records
from ._output import parse_format

EPILOG = """\
Where: --endpoint host:port of the cluster's SC, else $FLUVIO_ENDPOINT, else the current profile of the official tools.
Exit codes: 0; 1 what failed, or a cluster that is not well; 2 wrong arguments; 130 Ctrl-C.
"""


def setting(text: str) -> Dict[str, object]:
    """``name=value`` of a setting; numbers, true and false, and JSON are what they look like."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text}: write name=value")
    try:
        return {name: json.loads(value)}
    except ValueError:
        return {name: value}


def position(text: str) -> Union[int, str, datetime.datetime]:
    """An offset, ``beginning``, ``end``, ``beginning+N``, ``end-N``, or a time."""
    if text.isdigit():
        return int(text)
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        return text


def format_of(text: str) -> List[object]:
    """A format, as its parts."""
    try:
        return parse_format(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def positive(text: str) -> int:
    """A number above 0."""
    if not text.isdigit() or not int(text):
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return int(text)


class Parsers:
    """The parsers of the commands, which share some arguments."""

    def __init__(self) -> None:
        self.top = argparse.ArgumentParser(
            prog="python -m libfluvio", epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
            description="Works with a Fluvio cluster. COMMAND --help tells more.",
        )
        self.top.add_argument("--version", action="version", version=f"libfluvio {__version__}")
        self._commands = self.top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(self, name: str, run: Callable[[Any], Any], help: str, connects: bool = True) -> argparse.ArgumentParser:
        """A command."""
        return self.to(self._commands, name, run, help, connects)

    def to(
        self, group: Any, name: str, run: Callable[[Any], Any], help: str, connects: bool = True
    ) -> argparse.ArgumentParser:
        """A command of a group of commands."""
        one: argparse.ArgumentParser = group.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        one.set_defaults(run=run)
        one.add_argument("--json", action="store_true", help="print JSON, one value a line")
        if connects:
            one.add_argument("--endpoint", default=os.environ.get("FLUVIO_ENDPOINT"), help="host:port of the SC")
            one.add_argument("--profile", help="a profile of the official tools")
            one.add_argument("--timeout", type=float, help="seconds for connecting and for each request")
        return one

    def group(self, name: str, help: str) -> Any:
        """A group of commands."""
        one = self._commands.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        return one.add_subparsers(dest="action", metavar="ACTION", required=True)


def settings(one: argparse.ArgumentParser, of: str) -> None:
    """The argument for settings without an argument of their own."""
    one.add_argument(
        "-X", "--set", dest="settings", action="append", type=setting, default=[], metavar="NAME=VALUE",
        help=f"a setting of the {of}; may be repeated",
    )


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command."""
    every = Parsers()
    add_records(every)
    add_objects(every)
    one = every.add("health", _admin.health, "tell whether the cluster, its SPUs and partitions are well")
    one = every.add("bench", _bench.bench, "measure how fast records are written and read; needs a quiet machine")
    one.add_argument("--topic", help="an existing topic; without it one is made, and deleted afterwards")
    one.add_argument("--partitions", type=positive, default=1, help="of the topic that is made")
    one.add_argument("--records", type=positive, default=1_000_000)
    one.add_argument("--size", type=positive, default=100, help="bytes of a value")
    settings(one, "producer")
    one = every.add("dev-cluster", _admin.dev_cluster, "run a cluster for development until Ctrl-C", connects=False)
    one.add_argument("--spus", type=positive, default=1, help="the number of SPUs")
    one.add_argument("--listen", default="127.0.0.1:0", help="host:port of the SC; port 0 is a free one")
    one.add_argument("options", nargs="*", help="more arguments of fluvio-devcluster, after --")
    return every.top


def add_records(every: Parsers) -> None:
    """The commands for records."""
    one = every.add("produce", _records.produce, "write lines to a topic, a record each")
    one.add_argument("topic")
    one.add_argument("files", nargs="*", metavar="FILE", help="files with the lines; without any, or for -, stdin")
    how = one.add_mutually_exclusive_group()
    how.add_argument("--key", help="the key of all records")
    how.add_argument("--key-separator", metavar="TEXT", help="what is before it in a line is the key")
    how.add_argument("--raw", action="store_true", help="each file is one record")
    how.add_argument("--from-json", action="store_true", help="lines are JSON with value, and key, as consume prints")
    settings(one, "producer")
    one = every.add("consume", _records.consume, "print the records of topics")
    one.add_argument("topics", nargs="+", metavar="TOPIC", help="names, or ^patterns")
    one.add_argument(
        "--from", dest="start", type=position, default="beginning", metavar="POSITION",
        help="an offset, beginning (if nothing is said), end, beginning+N, end-N, or a time as 2030-12-31T23:59",
    )
    until = one.add_mutually_exclusive_group()
    until.add_argument("-f", "--follow", action="store_true", help="wait for more, instead of stopping at the end")
    until.add_argument("--stop", type=position, default="end", metavar="POSITION", help="an offset, end, or a time")
    one.add_argument("-n", "--count", type=positive, help="stop after so many records")
    one.add_argument("-p", "--partition", type=int, action="append", help="only this one; may be repeated")
    one.add_argument(
        "--format", type=format_of, metavar="FORMAT",
        help="%%t topic, %%p partition, %%o offset, %%T timestamp, %%k key, %%K its length (-1: none), %%v value, "
        "%%V its length, %%%%, \\n, \\t, \\0; if nothing is said %%v\\n",
    )
    one.add_argument("--consumer", metavar="ID", help="go on behind what is stored under this name, and store it")
    settings(one, "consumer")


def add_objects(every: Parsers) -> None:
    """The commands for topics, stored offsets and lag."""
    group = every.group("topics", "list, show, create and delete topics")
    one = every.to(group, "list", _admin.topics_list, "list topics")
    one.add_argument("names", nargs="*", metavar="NAME", help="only those with this in their names")
    one = every.to(group, "show", _admin.topics_show, "show a topic and its partitions")
    one.add_argument("topic")
    one = every.to(group, "create", _admin.topics_create, "create a topic")
    one.add_argument("topic")
    one.add_argument("--partitions", type=positive, default=1)
    one.add_argument("--replication", type=positive, default=1)
    settings(one, "topic, such as retention_seconds=1h")
    one = every.to(group, "delete", _admin.topics_delete, "delete topics with all their records")
    one.add_argument("topics", nargs="+", metavar="TOPIC")
    group = every.group("offsets", "list, delete and reset the stored offsets of named consumers")
    one = every.to(group, "list", _admin.offsets_list, "list stored offsets")
    one.add_argument("consumer", nargs="?", help="only those of this one")
    for name, run, help in (
        ("delete", _admin.offsets_delete, "forget stored offsets"),
        ("reset", _admin.offsets_reset, "make a consumer go on somewhere else"),
    ):
        one = every.to(group, name, run, help)
        one.add_argument("consumer")
        one.add_argument("topic")
        one.add_argument("partition", type=int)
        if name == "reset":
            one.add_argument("position", type=position)
    one = every.add("lag", _admin.lag, "show how many records named consumers still have to read")
    one.add_argument("consumer", nargs="?", help="only this one")
