"""The time to the first token of a chat through `quotetune serve --upstream`, and without it.

The requests are sent in turn, one through the proxy and one directly, so that a machine that is
busy for a while is busy for both.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from benchmarks.corpora import split_corpus, write_jsonl
from benchmarks.serve import served
from benchmarks.settings import VLLM, N, Settings
from benchmarks.table import Listing
from benchmarks.targets import target, targets
from benchmarks.vllm_server import vllm_server
from quotetune import build_index

REQUESTS = 200
MODEL_REQUESTS = 50
# The first requests open connections and fill caches.
_WARM_UP = 5
INSTANT = "one that answers at once"
HEADER = (
    "upstream",
    "requests",
    "direct, median (ms)",
    "direct, p99 (ms)",
    "proxy, median (ms)",
    "proxy, p99 (ms)",
    "later, median (ms)",
    "later, p99 (ms)",
)


def tables(settings: Settings) -> list[Listing]:
    """Measure the time to the first token with each upstream."""
    corpus, _ = split_corpus(settings.demo, settings.text_bytes)
    index = settings.work / "proxy-index"
    build_index(write_jsonl(corpus, settings.work / "proxy.jsonl"), index, n=N)
    with _instant_upstream() as address:
        later = {INSTANT: _later(index, address, REQUESTS)}
    model = settings.demo / "model"
    if VLLM in settings.systems and model.is_dir() and find_spec("vllm") is not None:
        with vllm_server(model, settings.work, "m", "--max-model-len", 512) as address:
            later[f"{VLLM}, the demo's model"] = _later(index, address, MODEL_REQUESTS)
    rows = [_row(upstream, times) for upstream, times in later.items()]
    slowest = max(_median_later(times) for times in later.values()) * 1000
    aims = targets(target("20 ms later", slowest, most=20))
    notes = (f"The time from a request on an open connection to its first event. {aims}",)
    return [Listing("Time to the first token", HEADER, rows, notes)]


def _later(index: Path, address: str, requests: int) -> list[tuple[float, float]]:
    with served(index, "--upstream", address, "--rate", "1000000") as port:
        proxy = f"http://127.0.0.1:{port}"
        return asyncio.run(_measured(address, proxy, requests))


async def _measured(direct: str, proxy: str, requests: int) -> list[tuple[float, float]]:
    """Return the seconds to the first event, directly and through the proxy."""
    times = []
    for number in range(_WARM_UP + requests):
        # Each has the other's caches before it as often as not.
        order = (0, 1) if number % 2 else (1, 0)
        taken = {place: await _first_event((direct, proxy)[place]) for place in order}
        if number >= _WARM_UP:
            times.append((taken[0], taken[1]))
    return times


async def _first_event(address: str) -> float:
    message = {"role": "user", "content": "What is snow?"}
    asked = {"model": "m", "messages": [message], "max_tokens": 8, "stream": True}
    body = json.dumps(asked).encode()
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
    head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    parts = urlsplit(address)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    start = time.perf_counter()
    writer.write(head.encode() + body)
    answer = await reader.readuntil(b"data: ")
    taken = time.perf_counter() - start
    assert b" 200 " in answer[:20], answer
    await reader.readuntil(b"\r\n0\r\n\r\n")
    writer.close()
    return taken


def _row(upstream: str, times: Sequence[tuple[float, float]]) -> tuple[str, ...]:
    direct, proxy = ([time[place] for time in times] for place in (0, 1))
    differences = [through - straight for straight, through in times]
    shown = [
        f"{value * 1000:.2f}"
        for values in (direct, proxy, differences)
        for value in (median(values), _p99(values))
    ]
    return (upstream, str(len(times)), *shown)


def _median_later(times: Sequence[tuple[float, float]]) -> float:
    return median(through - straight for straight, through in times)


def _p99(values: Sequence[float]) -> float:
    return sorted(values)[round(0.99 * (len(values) - 1))]


@contextmanager
def _instant_upstream() -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.instant_upstream"]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()
