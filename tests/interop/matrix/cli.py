"""What the official command line does with objects, and what others see of it."""

from __future__ import annotations

import json
from typing import Any, Callable

from .clients import CLI, Job
from .script import PAYLOAD, RUST, Script, assigned, every_setting, partition, topic, unplaced

LINES = [("a", "first"), ("b", "second"), ("c", "third")]


def run(*arguments: str, **more: str) -> Job:
    """A job that runs it."""
    return {"do": "run", "args": list(arguments), **more}


def listed(*arguments: str, **more: str) -> Job:
    """A job that prints JSON."""
    return run(*arguments, "-O", "json", **more)


def named(name: str, status: bool = True) -> Callable[[str], Any]:
    """Takes spec and status, or only the spec, of one object out of what a list prints."""

    def part(text: str) -> Any:
        rows = [unplaced(each["spec"], each["status"]) for each in json.loads(text) if each["name"] == name]
        return None if not rows else rows[0] if status else rows[0][0]

    return part


def makes(s: Script, spu: int) -> None:
    """Creates, lists and is refused."""
    s.column = "topics"
    full, chosen = s.name("cli"), s.name("cli-assigned")
    sizes = ["--segment-size", "4096", "--max-partition-size", "8192"]
    settings = ["-p", "2", "-i", "--retention-time", "1h", *sizes, "--compression-type", "lz4"]
    s.step("every setting", run("topic", "create", full, *settings), part=done)
    s.step("every setting is kept", listed("topic", "describe", full), topic(every_setting(2), 2), part=named(full))
    s.step("a name that is taken", run("topic", "create", full), refused="Topic already exists")
    maps = json.dumps(assigned([spu], [spu])["replicas"]["assigned"]).encode().hex()
    s.step("chosen SPUs", run("topic", "create", chosen, "-f", "{file}", file=maps), part=done)
    s.step("a dry run", run("topic", "create", s.name("cli-dry"), "-d"), part=done)
    s.step("a dry run leaves nothing", listed("topic", "list"), None, part=named(s.name("cli-dry")))
    s.step("adds partitions", run("topic", "add-partition", full, "-c", "3"), part=done)
    s.step("adds to an unknown one", run("topic", "add-partition", s.name("nope")), refused="not found")
    s.step("deletes what is not there", run("topic", "delete", s.name("nope")), refused="Topic not found")
    everything = topic(every_setting(5), 5)
    s.step("sees full", listed("topic", "list"), everything, part=named(s.name("full")), needs=[RUST])
    s.column = "partitions"
    s.step("lists", listed("partition", "list"), partition(), part=named(f"{chosen}-1", status=False))
    s.column = "system topics"
    shown = json_has("consumer-offset")
    s.step("lists", listed("topic", "list", "--system"), True, part=shown)
    s.column = "SmartModules"
    module = s.name("cli-module")
    create = run("smartmodule", "create", module, "--wasm-file", "{file}", file=PAYLOAD.hex())
    s.step("creates", create, part=done)
    s.step("lists", listed("smartmodule", "list"), True, part=json_has(module))
    s.step("deletes", run("smartmodule", "delete", module), part=done)
    s.step("deletes what is gone", run("smartmodule", "delete", module), refused="SmartModule not found")
    s.column = "mirrors"
    remote = s.name("cli-remote")
    s.step("a remote", run("remote", "register", remote), part=done)
    s.step("lists", listed("remote", "list"), True, part=json_has(remote, "remote"))
    s.step("a name that is taken", run("remote", "register", remote), refused="already exists")
    s.step("deletes", run("remote", "unregister", remote), part=done)
    s.column = "records and offsets"
    records, consumer = s.name("cli-records"), s.name("cli-consumer")
    lines = "".join(f"{key}:{value}\n" for key, value in LINES)
    s.step("creates", run("topic", "create", records), part=done)
    s.step("writes", run("produce", records, "--key-separator", ":", input=lines), part=done)
    reads = run("consume", records, "-B", "-d", "-c", consumer)
    s.step("reads as a consumer", reads, [value for _, value in LINES], part=str.splitlines)
    s.step("lists offsets", listed("consumer", "list"), len(LINES) - 1, part=offset_of(consumer))


def done(text: str) -> None:
    """What it prints when all is well is for people."""


def json_has(name: str, field: str = "name") -> Callable[[str], bool]:
    """Whether a list has an object."""
    return lambda text: any(each[field] == name for each in json.loads(text))


def offset_of(consumer: str) -> Callable[[str], Any]:
    """The offset that a list has for a consumer."""

    def part(text: str) -> Any:
        rows = json.loads(text) if text.startswith("[") else []  # without any it says so in words
        return next((each["offset"] for each in rows if each["consumer_id"] == consumer), None)

    return part


def seen(s: Script, spu: int) -> None:
    """What another client sees of it."""
    s.column = "records and offsets"
    records, consumer = s.name("cli-records"), s.name("cli-consumer")
    wrote = [(i, key.encode().hex(), value.encode().hex()) for i, (key, value) in enumerate(LINES)]
    job = {"do": "consume", "topic": records, "partition": 0}
    s.step("reads what it wrote", job, wrote, part=lambda rows: [(row[1], *row[3:]) for row in rows], needs=[CLI])
    stored = [[consumer, records, 0, len(LINES) - 1]]
    mine: Callable[[Any], Any] = lambda rows: [list(row) for row in rows if row[0] == consumer]  # noqa: E731
    s.step("lists its offsets", {"do": "list_offsets"}, stored, part=mine, needs=[CLI])
    if s.client is RUST:
        s.column = "topics"
        s.see(f"{CLI.name} sets everything", "topic", s.name("cli"), topic(every_setting(5), 5), needs=[CLI])
        chosen = topic(assigned([spu], [spu]), 2)
        s.see(f"{CLI.name} chooses SPUs", "topic", s.name("cli-assigned"), chosen, needs=[CLI])


def removes(s: Script, spu: int) -> None:
    """Deletes what it made."""
    s.column = "topics"
    s.step("deletes", run("topic", "delete", s.name("cli"), s.name("cli-assigned")), part=done)
    s.column = "records and offsets"
    consumer, records = s.name("cli-consumer"), s.name("cli-records")
    s.step("deletes offsets", run("consumer", "delete", consumer, "-t", records, "-p", "0"), part=done)
    s.step("lists offsets no more", listed("consumer", "list"), None, part=offset_of(consumer))
    s.step("deletes the topic", run("topic", "delete", records), part=done)
