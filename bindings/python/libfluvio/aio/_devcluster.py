"""The dev cluster for asyncio."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from typing import Any, Generator, Mapping, Optional, Sequence

from .._devcluster import (
    START_TIMEOUT,
    STOP_TIMEOUT,
    DevClusterBase,
    ask_to_end,
    command,
    read_ready,
    spawn,
    start_error,
    tls_options,
)
from .._errors import FluvioTimeoutError
from ._loop import DescriptorWatch, Signal

TICK = 0.01
"""Seconds between looks whether the program has ended."""


class DevCluster(DevClusterBase):
    """A Fluvio cluster for development and tests, in a process of its own that ends with this one:
    ``cluster = await DevCluster()`` or ``async with DevCluster() as cluster``. Arguments and errors as for
    :class:`libfluvio.DevCluster`."""

    def __init__(
        self,
        spus: int = 1,
        *,
        listen: str = "127.0.0.1:0",
        tls: bool = False,
        mtls: bool = False,
        authorize: Optional[Mapping[str, Any]] = None,
        options: Sequence[str] = (),
        timeout: float = START_TIMEOUT,
    ) -> None:
        super().__init__()
        self._arguments = (spus, listen, [*tls_options(tls, mtls, authorize), *options])
        self._timeout = timeout

    async def _start(self) -> "DevCluster":
        with tempfile.TemporaryFile() as log:
            process = spawn(command(*self._arguments), log)
            self._started(process)
            try:
                line = await asyncio.wait_for(first_line(process), self._timeout)
            except asyncio.TimeoutError:
                self._end()
                raise FluvioTimeoutError(
                    f"start dev cluster: timed out after {self._timeout} s waiting for the program's first line",
                    details={"operation": "start dev cluster"},
                ) from None
            except BaseException:
                self._end()
                raise
            self._ready = read_ready(line)
            if not self._ready:
                self._end()
                raise start_error(process, log, line)
        return self

    async def close(self) -> None:
        """Ends the cluster. Does nothing when it has ended already."""
        process = self._process
        if process is None or self._finalizer is None or not self._finalizer.alive:
            return
        ask_to_end(process)
        for _ in range(round(STOP_TIMEOUT / TICK)):  # looks need neither a thread nor a handler for signals
            if process.poll() is not None:
                break
            await asyncio.sleep(TICK)
        else:
            process.kill()  # or what follows would wait for it as long again, and hold the event loop up
        self._end()

    def __await__(self) -> "Generator[Any, None, DevCluster]":
        return self._start().__await__()

    async def __aenter__(self) -> "DevCluster":
        return await self._start()

    async def __aexit__(self, *_: Any) -> None:
        await self.close()


async def first_line(process: "subprocess.Popen[bytes]") -> bytes:
    """Reads up to the end of the first line, or of the output."""
    assert process.stdout is not None
    loop = asyncio.get_running_loop()
    if sys.platform == "win32":  # pipes can only be read by waiting; the end of the program ends that
        try:
            return await loop.run_in_executor(None, process.stdout.readline)
        except asyncio.CancelledError:
            process.kill()
            raise
    fd = process.stdout.fileno()
    os.set_blocking(fd, False)
    line = b""
    while not line.endswith(b"\n"):
        readable = Signal(loop)
        with DescriptorWatch(loop, fd, readable.fire):
            await readable.wait(None)
        try:
            part = os.read(fd, 4096)
        except BlockingIOError:
            continue
        if not part:
            break
        line += part
    return line
