"""Requests per second of `quotetune serve`, under the load generator wrk (Debian's package `wrk`).

Beside it, infini-gram's engine answers behind a shell of the same FastAPI and uvicorn.
"""

import json
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks import suffixes
from benchmarks.corpora import half_quoted, split_corpus, write_jsonl
from benchmarks.settings import INFINI_GRAM, QUOTETUNE, N, Settings
from benchmarks.table import Listing
from benchmarks.targets import target, targets
from benchmarks.timing import in_child
from benchmarks.trace import PATIENCE
from quotetune import build_index

CONNECTIONS = 16
SECONDS = 10
# The peer needs seconds for a text.
PEER_SECONDS = 60
TEXTS = 500
CHARS = 2000
# Seconds within which a server must answer its first request.
START = 60.0
HEADER = ("system", "route", "requests per second", "p50, ms", "p99, ms", "failed")
# Requests in turn, and the result as a line of JSON.
SCRIPT = """
local bodies, asked = {}, 0
for line in io.lines("BODIES") do bodies[#bodies + 1] = line end
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
function request()
  asked = asked % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[asked])
end
function done(summary, latency)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read
    + summary.errors.write + summary.errors.timeout
  print(string.format('{"rate": %f, "p50": %f, "p99": %f, "failed": %d}',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, failed))
end
"""


def tables(settings: Settings) -> list[Listing]:
    """Measure the routes of the service, and the peer's."""
    if shutil.which("wrk") is None:
        raise SystemExit("error: wrk is not installed: install Debian's package wrk")
    corpus, held_out = split_corpus(settings.demo, settings.text_bytes)
    path = write_jsonl(corpus, settings.work / "ordinary" / "corpus.jsonl")
    index = settings.work / "served"
    build_index(path, index, n=N, overwrite=True)
    size = sum(file.stat().st_size for file in index.iterdir())
    load = _load(settings.work, half_quoted(corpus, held_out, TEXTS, CHARS))
    rows: list[tuple[str, str, dict[str, float]]] = []
    for workers in (1, 2):
        with served(index, "--workers", str(workers), "--rate", "1000000") as port:
            name = QUOTETUNE if workers == 1 else f"{QUOTETUNE}, {workers} workers"
            rows += [(name, route, _measured(load, port, route)) for route in ("score", "trace")]
    notes = []
    if INFINI_GRAM in settings.systems:
        place = settings.work / INFINI_GRAM
        limit = PATIENCE * settings.limit
        arguments = (INFINI_GRAM, path, place)
        if in_child(suffixes.prepare_build, arguments, limit) is None:
            notes.append(f"{INFINI_GRAM} was not built in {limit:.0f} s.")
        else:
            with _infini_gram(place) as port:
                rows.append((INFINI_GRAM, "trace", _measured(load, port, "trace", PEER_SECONDS)))
    aims = []
    for route, least in (("score", 1500), ("trace", 400)):
        ours = max((one for _, asked, one in rows[:4] if asked == route), key=lambda x: x["rate"])
        aims.append(target(f"{least:,} requests/s of {route}", ours["rate"], least=least))
        aims.append(target(f"with p99 of 50 ms at {route}", ours["p99"], most=50))
    return [
        Listing(
            heading=f"Requests of {CHARS} characters on {CONNECTIONS} connections",
            header=HEADER,
            rows=[
                (
                    name,
                    f"/{route}",
                    f"{one['rate']:,.0f}",
                    f"{one['p50']:.1f}",
                    f"{one['p99']:.1f}",
                    f"{one['failed']:.0f}",
                )
                for name, route, one in rows
            ],
            notes=(
                f"wrk sends {TEXTS} texts in turn for {SECONDS} s, {PEER_SECONDS} s to the peer,"
                " from the same machine. Half of each text occurs in the corpus. The index of"
                f" {sum(map(len, corpus)) / 1e6:.0f} MB of text has {size / 1e6:,.0f} MB. A trace"
                " names at most ten documents per quote; infini-gram's `attribute` gives positions"
                f" instead. {targets(*aims)}",
                *notes,
            ),
        )
    ]


@contextmanager
def served(index: Path, *options: str) -> Iterator[int]:
    """Serve an index until the end; give the port."""
    command = [sys.executable, "-m", "quotetune", "serve", str(index), "--port", "0", *options]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        found = re.search(r":(\d+) ", server.stderr.readline())
        assert found is not None
        try:
            yield _ready(int(found[1]))
        finally:
            server.terminate()


@contextmanager
def _infini_gram(index: Path) -> Iterator[int]:
    command = [sys.executable, "-m", "benchmarks.infini_gram_service", str(index)]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as server:
        assert server.stdout is not None
        try:
            yield _ready(int(server.stdout.readline()))
        finally:
            server.terminate()


def _ready(port: int) -> int:
    """Return the port as soon as the server answers on it."""
    end = time.monotonic() + START
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=START).close()
            return port
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _load(work: Path, texts: Sequence[str]) -> Path:
    """Write the requests and wrk's script; return the script."""
    bodies = work / "bodies.jsonl"
    bodies.write_text("".join(json.dumps({"texts": [text]}) + "\n" for text in texts))
    script = work / "load.lua"
    script.write_text(SCRIPT.replace("BODIES", str(bodies)))
    return script


def _measured(load: Path, port: int, route: str, seconds: int = SECONDS) -> dict[str, float]:
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        "-s",
        str(load),
        f"http://127.0.0.1:{port}/{route}",
    ]
    subprocess.run([*command, "-d1s"], check=True, capture_output=True)  # fills the caches
    done = subprocess.run(
        [*command, f"-d{seconds}s"], check=True, capture_output=True, encoding="utf-8"
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
