"""What the machine's memory allows: the limits that rows of other tables are made of."""

from benchmarks import limits
from benchmarks.settings import Settings
from benchmarks.table import Listing, number

# Of a size that fits in an L2 cache, in most L3 caches, and in none.
SIZES = (1 << 19, 1 << 24)


def tables(settings: Settings) -> list[Listing]:
    """Measure reads of memory of several sizes, on one thread."""
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
            heading="Reads of memory on one thread",
            header=(
                "MiB",
                "a random cache line, ns",
                "one that says which is next, ns",
                "in order, GB a second",
            ),
            rows=rows,
            notes=(
                "Random lines are hashed to, as an n-gram is to its block of a filter; many reads "
                "are under way at once unless each waits for the one before. In large pages, where "
                "the system has them. The rows `limit of the machine` are made of these.",
            ),
        )
    ]
