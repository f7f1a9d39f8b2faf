"""Finding what a corpus contains several times, and writing it without: speed and memory.

deduplicate-text-datasets (Lee et al. 2022) is not a package, so it is quoted, not run: its authors
say that 350 GB took less than 12 hours on 96 cores with more than 600 GB of memory.
"""

import sys
from pathlib import Path

from benchmarks.corpora import duplicated, split_corpus, write_jsonl
from benchmarks.peak import watched
from benchmarks.settings import N, Settings
from benchmarks.table import Listing, number
from quotetune import Index, build_index
from quotetune.corpus.batches import Corpus
from quotetune.corpus.ingest import Reading
from quotetune.corpus.rows import Keys
from quotetune.datawork.deduplication import Settings as Deduplication
from quotetune.datawork.deduplication import deduplicate

MIN_CHARS = 100
# Occurrences of each document of the second corpus.
COPIES = 4
PUBLISHED = 350e9 / (12 * 3600 * 96)


def tables(settings: Settings) -> list[Listing]:
    """Measure both on ordinary text, and on text of which each document is there four times."""
    ordinary, _ = split_corpus(settings.demo, settings.text_bytes)
    rows = []
    for name, documents in (
        ("ordinary", ordinary),
        (f"each document {COPIES} times", duplicated(ordinary, COPIES)),
    ):
        work = settings.work / name.replace(" ", "-")
        corpus = write_jsonl(documents, work / "corpus.jsonl")
        build_index(corpus, work / "index", n=N, structures=["suffix"], threads=1, overwrite=True)
        # Empty, because the numbers are those of the command without its start.
        start = watched(_command("start", work))
        for task in ("repeats", "dedup"):
            seconds, peak = watched(_command(task, work))
            taken = max(seconds - start[0], 1e-3)
            memory = peak.anonymous - start[1].anonymous
            chars = sum(map(len, documents))
            rows.append((name, task, number(chars / 1e6 / taken), number(memory * 1024 / chars)))
    return [
        Listing(
            heading=f"What {settings.text_bytes / 1e6:.0f} MB of text contain several times",
            header=("text", "command", "MB/s on one thread", "memory, bytes per character"),
            rows=rows,
            notes=(
                f"Texts of {MIN_CHARS} characters or more. `repeats` reads an index that is there,"
                " and lists the 100 longest texts. `dedup` builds an index two times or more, and"
                " writes the corpus. Memory is the process's own, without mapped files."
                " deduplicate-text-datasets is not a package. Its published figures, 350 GB of"
                " tokens in 12 hours on 96 cores with more than 600 GB of memory, are"
                f" {PUBLISHED / 1e6:.2f} MB/s per core, for the array and the search together.",
            ),
        )
    ]


def _command(task: str, work: Path) -> list[str]:
    return [sys.executable, "-m", "benchmarks.repeats", task, str(work)]


def _do(task: str, work: Path) -> None:
    if task == "repeats":
        Index.open(work / "index").repeats(MIN_CHARS)
    elif task == "dedup":
        corpus = Corpus([work / "corpus.jsonl"], Keys(), Reading())
        deduplicate(corpus, work / "deduplicated", Deduplication(MIN_CHARS), threads=1)


if __name__ == "__main__":
    _do(sys.argv[1], Path(sys.argv[2]))
