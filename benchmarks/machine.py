"""The speed of the machine's memory, from which other tables compute the rows of the limit."""

from benchmarks import limits
from benchmarks.settings import Settings
from benchmarks.table import Listing, number

# The first fits in an L2 cache, the second in most L3 caches; the large filter fits in none.
SIZES = (1 << 19, 1 << 24)


def tables(settings: Settings) -> list[Listing]:
    """Measure reads of memory of several sizes on one thread."""
    rows = []
    for size in (*SIZES, settings.filter_bytes):
        reads = limits.reads(size)
        rows.append(
            (
                f"{size / 2**20:,.1f}",
                number(reads.independent * 1e9),
                number(reads.dependent * 1e9),
                number(1e-9 / reads.sequential),
            )
        )
    return [
        Listing(
            heading="Memory reads on one thread",
            header=(
                "MiB",
                "a random cache line, ns",
                "one that names the next, ns",
                "in order, GB per second",
            ),
            rows=rows,
            notes=(
                "The random lines are chosen by a hash, as a filter chooses the block of an "
                "n-gram. Many reads overlap, unless each waits for the one before. The memory is "
                "in large pages, where the system has them. The rows `limit of the machine` are "
                "computed from these numbers.",
            ),
        )
    ]
