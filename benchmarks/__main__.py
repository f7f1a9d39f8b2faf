"""Print the tables and write them to docs/benchmarks.md: `python -m benchmarks --help`."""

import argparse
import importlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.report import write_section
from benchmarks.settings import SYSTEMS, Settings
from benchmarks.table import Listing, Table

BENCHMARKS = (
    "build",
    "score",
    "trace",
    "count",
    "guide",
    "guided",
    "constraint",
    "opening",
    "threads",
    "segments",
    "shards",
    "growth",
    "sizes",
    "folding",
    "decontaminate",
    "machine",
    "lean",
    "repeats",
    "serve",
    "stress",
    "proxy",
    "memory",
    "training_memory",
    "round",
    "full_size",
    "cold",
)
# Their corpora take gigabytes, and the indexes of these several times as much. The peer of table
# cold needs room for two indexes while it merges.
DISK_FOR_LARGE = {"memory": 8, "cold": 24}


def main() -> None:
    options = _options()
    # Rayon reads this when the first call creates its threads; child processes inherit it.
    os.environ["RAYON_NUM_THREADS"] = "1"
    console = Console()
    for name in options.table:
        if name in DISK_FOR_LARGE and not _has_room(name, options):
            continue
        if name == "cold" and os.geteuid() and options.table == BENCHMARKS:
            print("table cold left out: it takes root", file=sys.stderr)
            continue
        with tempfile.TemporaryDirectory(prefix="quotetune-bench-") as work:
            settings = Settings(
                demo=options.demo,
                work=Path(work),
                text_bytes=round(options.text * 1e6),
                repeats=options.repeats,
                limit=options.limit,
                systems=options.systems,
                peer_bytes=round(min(options.peer_text, options.text) * 1e6),
                filter_bytes=round(options.filter * 2**20),
                limited_bytes=round(options.limited_text * 1e6),
                cold_bytes=round(options.cold_text * 1e6),
                cold_index=options.cold_index,
            )
            tables: list[Table | Listing] = importlib.import_module(f"benchmarks.{name}").tables(
                settings
            )
        for table in tables:
            _print(console, table)
        write_section(options.output, name.replace("_", " ").capitalize(), tables)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = _names_of(BENCHMARKS)
    parser.add_argument("--table", type=names, default=BENCHMARKS, help="comma-separated tables")
    parser.add_argument("--text", type=float, default=200.0, help="MB of text to index")
    parser.add_argument("--peer-text", type=float, default=16.0, help="MB of text for a peer")
    parser.add_argument("--filter", type=float, default=1024.0, help="MiB of the large filter")
    parser.add_argument("--limited-text", type=float, default=2700.0, help="MB for table memory")
    parser.add_argument("--cold-text", type=float, default=1700.0, help="MB for table cold")
    parser.add_argument("--cold-index", type=Path, help="directory that keeps the indexes of cold")
    parser.add_argument("--repeats", type=int, default=3, help="repeats, of which the best counts")
    parser.add_argument("--limit", type=float, default=100.0, help="seconds per build, at most")
    parser.add_argument(
        "--systems", type=_names_of(SYSTEMS), default=SYSTEMS, help="comma-separated"
    )
    parser.add_argument("--demo", type=Path, default=Path("data/demo"), help="the demo's directory")
    parser.add_argument("--output", type=Path, default=Path("docs/benchmarks.md"))
    return parser.parse_args()


def _has_room(table: str, options: argparse.Namespace) -> bool:
    """Return whether the disk has room for a large table, and say so if it has not."""
    if table == "cold" and options.cold_index:
        return True
    megabytes = {"memory": options.limited_text, "cold": options.cold_text}[table]
    needed = DISK_FOR_LARGE[table] * megabytes * 1e6
    place = tempfile.gettempdir()
    if shutil.disk_usage(place).free >= needed:
        return True
    print(
        f"table {table} left out: it takes {needed / 1e9:,.0f} GB in {place}; "
        "set TMPDIR to a directory with that much room",
        file=sys.stderr,
    )
    return False


class _names_of:  # noqa: N801
    """Parse names separated by commas, each of which must be known."""

    def __init__(self, known: tuple[str, ...]) -> None:
        self.known = known

    def __call__(self, value: str) -> tuple[str, ...]:
        for name in value.split(","):
            if name not in self.known:
                raise argparse.ArgumentTypeError(f"{name!r}; choose from {', '.join(self.known)}")
        return tuple(value.split(","))


def _print(console: Console, table: Table | Listing) -> None:
    printed = RichTable(title=table.heading, caption=" ".join(table.notes))
    for column, name in enumerate(table.header):
        printed.add_column(name, justify="right" if column else "left")
    for cells in table.cells():
        printed.add_row(*cells)
    console.print(printed)


if __name__ == "__main__":
    main()
