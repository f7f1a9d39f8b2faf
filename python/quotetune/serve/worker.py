"""A process that answers requests: the server itself, or one of several workers of it.

`python -m quotetune.serve.worker` is a worker. It reads one line of JSON from standard input, and
ends when that is closed.
"""

import gc
import json
import math
import os
import signal
import socket
import sys
from pathlib import Path

from quotetune.runtime.child import end_with_parent
from quotetune.serve.settings import Settings

# prometheus-client reads it when it is imported.
METRICS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


def run(
    settings: Settings, listening: socket.socket, counts: int, number: int = 0, metrics: str = ""
) -> None:
    """Answer requests until SIGTERM or SIGINT, and finish those that have begun.

    Args:
        settings: The settings of the server.
        listening: The socket that clients connect to.
        counts: The descriptor of the counts that the workers share.
        number: The number of this worker.
        metrics: Where the workers gather their metrics; empty for a single process.
    """
    if metrics:
        os.environ[METRICS_DIRECTORY] = metrics
    else:
        os.environ.pop(METRICS_DIRECTORY, None)
    import uvicorn

    from quotetune.serve.app import application
    from quotetune.serve.protocol import timely_protocol
    from quotetune.serve.service import Service
    from quotetune.serve.shared import SharedCounts

    service = Service(settings, SharedCounts(counts, number), Path(metrics) if metrics else None)
    limits = settings.limits
    config = uvicorn.Config(
        application(service),
        http=timely_protocol(limits.seconds_to_send),
        ws="none",
        lifespan="off",
        log_config=None,
        # What is not HTTP is a line of our log.
        log_level="error",
        access_log=False,
        server_header=False,
        # Without a proxy that was named, nobody's word about addresses is taken.
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        timeout_graceful_shutdown=math.ceil(limits.seconds + limits.seconds_to_send),
    )
    for name in (signal.SIGTERM, signal.SIGINT):
        # uvicorn finishes its requests and then raises the signal again, for this.
        signal.signal(name, lambda *_: sys.exit(0))
    _keep_what_is_there()
    uvicorn.Server(config).run(sockets=[listening])


def _keep_what_is_there() -> None:
    """Let the garbage collector look only at what requests make from now on.

    The libraries have tens of thousands of objects that live until the end. Under load, Python
    would look through all of them about twice a second, and answer no request meanwhile.
    """
    gc.collect()
    gc.freeze()


def main() -> None:
    """Be a worker of several."""
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(0, 1 << 16)
        if not piece:  # the server has ended already
            return
        line += piece
    job = json.loads(line)
    end_with_parent()
    listening = socket.socket(fileno=job["socket"])
    settings = Settings.from_json(job["settings"])
    run(settings, listening, job["counts"], job["number"], job["metrics"])


if __name__ == "__main__":
    main()
