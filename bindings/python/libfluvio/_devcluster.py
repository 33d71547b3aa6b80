"""The dev cluster: SC and SPUs in one process of their own, on loopback, for development and tests."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
import weakref
from typing import IO, Any, Dict, List, Mapping, Optional, Sequence, Tuple

from . import _exit, _process
from ._core import collected
from ._errors import FluvioConnectionError, FluvioError, FluvioTimeoutError
from ._library import find_program

START_TIMEOUT = 30.0
STOP_TIMEOUT = 5.0


def command(spus: int, listen: str, options: Sequence[str]) -> List[str]:
    """The command line of a dev cluster that ends with this process."""
    return [find_program(), "--spus", str(spus), "--listen", listen, "--stdin-lifeline", *options]


def tls_options(tls: bool, mtls: bool, authorize: Optional[Mapping[str, Any]]) -> List[str]:
    """The arguments for encryption and permissions."""
    options = [flag for flag, wanted in (("--tls", tls), ("--mtls", mtls)) if wanted]
    return options if authorize is None else [*options, "--authorize", json.dumps(authorize)]


def spawn(arguments: Sequence[str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Starts the program. In a session, or on Windows a group, of its own, so that Ctrl-C in the terminal reaches this
    program only."""
    return subprocess.Popen(
        arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        start_new_session=os.name == "posix",
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def read_ready(line: bytes) -> Dict[str, Any]:
    """The first line of output: where the cluster listens. Empty when it is something else."""
    try:
        ready = json.loads(line)
    except ValueError:
        return {}
    return ready if isinstance(ready, dict) and ready.get("ready") else {}


def start_error(process: "subprocess.Popen[bytes]", log: IO[bytes], line: bytes) -> FluvioError:
    """Why the program did not become ready, with the last lines of its error output."""
    log.seek(0)
    said = " ".join(log.read().decode("utf-8", "replace").split())[-2000:] or line.decode("utf-8", "replace").strip()
    return FluvioConnectionError(
        f"start dev cluster: the program ended with status {process.poll()} before it was ready: "
        f"{said or 'it said nothing'} [hint: check its arguments, and that its ports are free]",
        retriable=False,
    )


def ask_to_end(process: "subprocess.Popen[bytes]") -> None:
    """Has the program end cleanly: it does when its standard input ends, and where there are signals at once."""
    if process.stdin is not None:
        process.stdin.close()
    if os.name == "posix":  # elsewhere that would be by force
        process.terminate()


def stop(process: "subprocess.Popen[bytes]", owner: int) -> None:
    """Ends the program cleanly, by force if it takes too long. Does nothing in a forked child."""
    if os.getpid() != owner:
        return
    ask_to_end(process)
    if process.poll() is None:
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


class DevClusterBase:
    """What the dev clusters for plain and for asyncio programs share."""

    def __init__(self) -> None:
        self._ready: Dict[str, Any] = {}
        self._process: "Optional[subprocess.Popen[bytes]]" = None
        self._finalizer: "Optional[weakref.finalize[Any, Any]]" = None

    def _started(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._finalizer = collected(self, stop, process, os.getpid())  # at the end others have to close before
        _exit.clusters.add(self)
        _process.watch(self)

    def _end(self) -> None:
        # Calling the finalizer would do nothing at the program's end, when weakref has shut down.
        registered = None if self._finalizer is None else self._finalizer.detach()
        if registered is not None:
            _, function, arguments, _ = registered
            function(*arguments)

    def _after_fork(self) -> None:
        # The child's copy of the pipe would keep the program alive after this process.
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    @property
    def endpoint(self) -> str:
        """``host:port`` of the SC, for :func:`connect`."""
        return str(self._ready["sc"])

    @property
    def spu_endpoints(self) -> Tuple[str, ...]:
        """``host:port`` of every SPU."""
        return tuple(self._ready["spus"])

    @property
    def control_url(self) -> str:
        """URL of the HTTP/JSON port that makes faults and moves things about."""
        return str(self._ready["control"])

    def tls(self, client: str = "root") -> Dict[str, Any]:
        """What a client of a cluster with TLS needs: ``connect(cluster.endpoint, **cluster.tls())``. Empty without TLS.

        Args:
            client: whose certificate: ``root``, or a principal of the scopes in ``authorize``.
        """
        settings: Dict[str, Any] = dict(self._ready.get("tls", {}))
        if settings:
            folder = os.path.dirname(settings["tls_ca"])
            settings["tls_certificate"] = os.path.join(folder, client + ".crt")
            settings["tls_key"] = os.path.join(folder, client + ".key")
        return settings

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None
        return self._process.pid

    def __repr__(self) -> str:
        return f"<libfluvio.DevCluster {self._ready.get('sc', 'stopped')}>"


class DevCluster(DevClusterBase):
    """A Fluvio cluster for development and tests, in a process of its own that ends with this one.

    Runs when the constructor returns; :meth:`close`, the end of a ``with`` block, garbage collection, or the end of
    this process, after producers and clients have closed, ends it. Its records are gone then, unless a folder was given
    by ``options``.

    Args:
        spus: the number of SPUs.
        listen: ``host:port`` of the SC; port 0 chooses a free one.
        tls: encrypt; :meth:`tls` has what clients need.
        mtls: encrypt, and demand certificates of clients.
        authorize: who may do what at the SC:
            ``{"scopes": {"root": ["Root"]}, "policy": {"Root": {"Topic": ["All"]}}}``.
            Needs ``mtls``, or clients with ``auth_principal``.
        options: more arguments for the program ``fluvio-devcluster``.
        timeout: seconds to become ready.

    Raises:
        LibraryNotFoundError: the program is not on this machine.
        FluvioConnectionError: it ended instead of becoming ready, for instance because a port is taken.
        FluvioTimeoutError: it was not ready in time.
    """

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
        with tempfile.TemporaryFile() as log:
            process = spawn(command(spus, listen, [*tls_options(tls, mtls, authorize), *options]), log)
            self._started(process)
            # A watchdog that ends the program also ends the wait for its first line, on every platform.
            late = threading.Event()
            watchdog = threading.Timer(timeout, _give_up, (process, late))
            watchdog.daemon = True
            watchdog.start()
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
            except BaseException:
                self.close()
                raise
            finally:
                watchdog.cancel()
                watchdog.join()  # a program that forks now has no other thread
            self._ready = {} if late.is_set() else read_ready(line)  # the watchdog may have come just after the line
            if not self._ready:
                self.close()
                if late.is_set():
                    raise FluvioTimeoutError(
                        f"start dev cluster: timed out after {timeout} s waiting for the program's first line",
                        details={"operation": "start dev cluster"},
                    )
                raise start_error(process, log, line)

    def close(self) -> None:
        """Ends the cluster. Does nothing when it has ended already."""
        self._end()

    def __enter__(self) -> "DevCluster":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def _give_up(process: "subprocess.Popen[bytes]", late: threading.Event) -> None:
    late.set()
    process.kill()
