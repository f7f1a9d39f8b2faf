"""The memory of a build under `--memory-limit`, of a corpus ten times as large as the limit.

The corpus contains copies of the text with exchanged letters. They are as long and as repetitive
as the text, but have n-grams of their own.
"""

import random
import string
import sys
from collections.abc import Iterator, Sequence
from itertools import chain, repeat
from pathlib import Path

from benchmarks.corpora import split_corpus, write_jsonl
from benchmarks.filters import filter_size
from benchmarks.peak import INTERVAL, watched
from benchmarks.segments import count_segments
from benchmarks.settings import N, Settings
from benchmarks.table import Listing, number

# The lowest limit that `--memory-limit` accepts, in MiB.
LIMIT = 256
# The corpus contains each exchange of letters this many times. The filter is still several times
# as large as the limit, but the passes over the text that fill it take minutes, not a quarter of an
# hour.
TIMES = 4


def tables(settings: Settings) -> list[Listing]:
    """Measure a build under the limit."""
    documents, _ = split_corpus(settings.demo, settings.text_bytes)
    corpus = write_jsonl(
        exchanged_copies(documents, settings.limited_bytes, TIMES), settings.work / "corpus.jsonl"
    )
    size = corpus.stat().st_size
    return [
        Listing(
            heading=f"A build within {LIMIT} MiB of memory, of a corpus of {size / 1e6:,.0f} MB",
            header=(
                "seconds",
                "peak of its own memory, MiB",
                "peak with mapped files, MiB",
                "segments",
                "filter, MiB",
                "files, MB",
            ),
            rows=[_row(settings, corpus)],
            notes=(
                f"`quotetune build-index --memory-limit {LIMIT}MiB` runs as a process of its own, "
                f"on one thread. The corpus is {size / (LIMIT << 20):.1f} times the limit. The "
                f"process's own memory is RssAnon, read every {1000 * INTERVAL:.0f} ms. The peak "
                "with mapped files is VmHWM, the kernel's own maximum; it includes pages of files, "
                "which the system may take back. A filter larger than the limit is filled in "
                f"parts, each from all of the text. The corpus is text, {TIMES} times unchanged "
                f"and {TIMES} times with each of several exchanges of its letters.",
            ),
        )
    ]


def exchanged_copies(
    documents: Sequence[str], size: int, times: int, seed: int = 0
) -> Iterator[str]:
    """Repeat documents until there are `size` characters; exchange letters every `times` rounds."""
    draw = random.Random(seed)
    letters = string.ascii_letters
    table = str.maketrans("", "")
    while documents:
        for document in chain.from_iterable(repeat(documents, times)):
            if size <= 0:
                return
            yield document.translate(table)
            size -= len(document)
        table = str.maketrans(letters, "".join(draw.sample(letters, len(letters))))


def _row(settings: Settings, corpus: Path) -> tuple[str, ...]:
    index = settings.work / "limited"
    command = [sys.executable, "-m", "quotetune", "build-index", str(corpus), "-o", str(index)]
    command += ["--memory-limit", f"{LIMIT}MiB", "--threads", "1", "-n", str(N), "--overwrite"]
    seconds, peak = watched(command)
    files = sum(path.stat().st_size for path in index.iterdir())
    return (
        number(seconds),
        number(peak.anonymous / 1024),
        number(peak.resident / 1024),
        f"{count_segments(index)}",
        number(filter_size(index) / 2**20),
        number(files / 1e6),
    )
