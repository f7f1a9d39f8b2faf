"""The server: it listens, starts the workers, and starts one again that dies."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing

from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime.console import say
from quotetune.serve import worker
from quotetune.serve.catalog import Catalog
from quotetune.serve.own_address import is_own_address
from quotetune.serve.run_catalog import check_runs
from quotetune.serve.settings import Settings
from quotetune.serve.shared import SharedCounts, new_counts

_BACKLOG = 2048
_SECONDS_BETWEEN_STARTS = 1.0


class _Ended(Exception):  # noqa: N818 - the server was asked to end
    pass


def serve(settings: Settings) -> None:
    """Answer requests until SIGTERM or SIGINT.

    Args:
        settings: The settings of the server.

    Raises:
        UsageError: A directory is not that of a run, or the upstream makes no sense.
        QuotetuneError: An index cannot be opened, or nothing can listen at the address.
    """
    # A process of its own opens the indexes; this one finds problems before anything listens.
    check_runs(settings.runs)
    _check_upstream(settings, Catalog(settings.indexes))
    _allow_many_connections()
    with closing(_listen(settings)) as listening:
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        say(f"listening on http://{shown}:{port} ({_served(settings)})")
        counts = new_counts()
        if settings.workers == 1:
            worker.run(settings, listening, counts)
            return
        with tempfile.TemporaryDirectory(prefix="quotetune-serve-") as metrics:
            _Workers(settings, listening, counts, metrics).supervise()


def _check_upstream(settings: Settings, catalog: Catalog) -> None:
    """Refuse an upstream whose every chat would fail, or would get no citations."""
    if settings.upstream is None:
        return
    url = settings.upstream.url
    if is_own_address(url, settings.host, settings.port):
        raise UsageError(
            f"--upstream {url}: the address of this server itself: give that of the model's "
            "server, or choose another --port"
        )
    name = catalog.names[0]
    if not catalog[name].has_suffix_index:
        raise UsageError(
            f"--upstream {url}: the index {name}, which cites by default, has no suffix index, "
            "which finds quotes: name another index first, or build it again with --structures "
            "bloom,suffix"
        )


def _served(settings: Settings) -> str:
    """Say what is served, for the line at the start."""
    parts = [f"indexes: {', '.join(settings.indexes)}"]
    if settings.runs:
        parts.append(f"runs: {', '.join(settings.runs)}")
    if settings.upstream is not None:
        parts.append(f"upstream: {settings.upstream.url}")
    return "; ".join(parts)


def _listen(settings: Settings) -> socket.socket:
    address = (settings.host, settings.port)
    try:
        family, *_ = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address, family=family, backlog=_BACKLOG)
    except OSError as error:
        raise QuotetuneError(
            f"{settings.host}:{settings.port}: cannot listen ({error.strerror}): choose another "
            "--host or --port"
        ) from error


def _allow_many_connections() -> None:
    """Raise the number of open files to what the system allows; often it is 1,024 by default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 65_536 if hard == resource.RLIM_INFINITY else hard
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class _Workers:
    """The worker processes, which share the socket, the counts and the mapped indexes."""

    def __init__(
        self, settings: Settings, listening: socket.socket, counts: int, metrics: str
    ) -> None:
        self._settings = settings
        self._listening = listening
        self._counts = counts
        self._metrics = metrics
        self._running: dict[int, tuple[int, subprocess.Popen[bytes]]] = {}

    def supervise(self) -> None:
        """Run the workers until a signal ends this process, and then let them finish."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, _end)
        try:
            for number in range(self._settings.workers):
                self._start(number)
            while True:
                self._replace_dead()
        except _Ended:
            # A second signal, from somebody who does not want to wait, ends this process at once.
            for name in (signal.SIGTERM, signal.SIGINT):
                signal.signal(name, signal.SIG_DFL)
            # Nobody may wait for a server that has ended.
            self._listening.close()
            for _, process in self._running.values():
                process.terminate()
            for _, process in self._running.values():
                process.wait()

    def _start(self, number: int) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "quotetune.serve.worker"],
            stdin=subprocess.PIPE,
            pass_fds=(self._listening.fileno(), self._counts),
            # Ctrl-C reaches only this process, which then ends the worker.
            start_new_session=True,
        )
        self._running[process.pid] = (number, process)
        job = {
            "socket": self._listening.fileno(),
            "counts": self._counts,
            "number": number,
            "metrics": self._metrics,
            "settings": self._settings.to_json(),
        }
        assert process.stdin is not None
        # It stays open: a worker ends when this process does, because that closes it.
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.flush()

    def _replace_dead(self) -> None:
        pid, status = os.waitpid(-1, 0)
        if pid not in self._running:
            return
        number, process = self._running.pop(pid)
        process.returncode = os.waitstatus_to_exitcode(status)
        say(f"worker {number} ended with status {process.returncode}: starting it again")
        SharedCounts(self._counts, 0).clear_work(number)
        time.sleep(_SECONDS_BETWEEN_STARTS)  # one that dies at its start must not take all the CPU
        self._start(number)


def _end(*_: object) -> None:
    raise _Ended
