"""One JSON line per request on standard output, without its text, and the counts for Prometheus."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quotetune.serve.shared import SharedCounts

# Nobody waits for the answer any more.
CLIENT_CLOSED = 499
_MOST_OF_PATH = 200
_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
# Every answer: a browser takes it for nothing but what it says it is, and keeps no copy.
_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]


def write_line(**fields: Any) -> None:
    """Write a line of JSON to standard output, in one piece, so that workers can share it."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = json.dumps({"time": now, "pid": os.getpid(), **fields}) + "\n"
    # If nobody reads the log, that is no reason to answer nobody.
    with contextlib.suppress(OSError):
        os.write(1, line.encode())


class Metrics:
    """Requests and their times, by route and status, and the work in progress.

    Args:
        counts: The counts that the workers share.
        directory: Where the workers gather their numbers; None for a single process. The variable
            `PROMETHEUS_MULTIPROC_DIR` must name it before prometheus-client is imported.
    """

    def __init__(self, counts: SharedCounts, directory: Path | None) -> None:
        # They double the answer, and Prometheus knows when a counter starts anew.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._directory = directory
        self._registry = CollectorRegistry()
        labels = ("route", "status")
        self._requests = Counter(
            "quotetune_requests", "Requests that were answered.", labels, registry=self._registry
        )
        self._seconds = Histogram(
            "quotetune_request_seconds",
            "Time from the headers of a request to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._work = _WorkCollector(counts)

    def count(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def exposition(self) -> bytes:
        """Return the numbers of all workers in the text format of Prometheus."""
        registry = self._registry
        if self._directory is not None:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=str(self._directory))  # type: ignore[no-untyped-call]
        work = CollectorRegistry()
        work.register(self._work)
        return generate_latest(registry) + generate_latest(work)


class _WorkCollector(Collector):
    def __init__(self, counts: SharedCounts) -> None:
        self._counts = counts

    def collect(self) -> Iterator[GaugeMetricFamily]:
        name, what = "quotetune_work", "Requests that are worked on or wait for a thread."
        yield GaugeMetricFamily(name, what, self._counts.working())


class RequestLog:
    """ASGI middleware that logs and counts each request."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, and log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status, sent = 0, 0
        # Handlers put what they know of the request here, and the protocol why it closed it.
        note: dict[str, Any] = scope.setdefault("state", {}).setdefault("note", {})

        async def noted(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except Exception:
            status = status or 500
            raise
        finally:
            seconds = time.perf_counter() - start
            status = status or note.pop("status", CLIENT_CLOSED)
            # The label is the route and not the path, of which clients can send any number.
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.count(route, status, seconds)
            client = scope.get("client")
            write_line(
                client=client[0] if client else None,
                method=scope["method"],
                path=scope["path"][:_MOST_OF_PATH],
                status=status,
                ms=round(seconds * 1000, 2),
                bytes=sent,
                **note,
            )
