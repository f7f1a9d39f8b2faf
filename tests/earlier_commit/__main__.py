"""Check that this checkout reads what an earlier commit made: indexes, runs and pickles.

`python tests/earlier_commit [COMMIT]`, or `make test-earlier COMMIT=...`. Nothing is stored: the
commit is taken from the repository's history, compiled into `target/earlier` (once), and makes

- an index of every kind: this checkout must verify it, answer as the commit did, byte for byte, and
  change it, with the answers that the commit gives after the same change and a new build gives;
- a pickle of every class whose objects people keep;
- a finished run, of which nothing may be made again, and two that are killed while they train,
  which must go on at their checkpoint and end with the weights of one that was not killed.

"This checkout" is the quotetune that the interpreter imports (`PYTHONPATH` counts), and the `tests`
that lie beside this folder. It is no part of `make test`: a shallow clone lacks the commit, and it
takes minutes.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from earlier_indexes import Check, check_indexes
from earlier_package import Package, current, earlier
from earlier_runs import check_runs

COMMIT = "cec0ebb"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "commit", nargs="?", default=COMMIT, metavar="COMMIT", help="the earlier one [%(default)s]"
    )
    parser.add_argument("--only", choices=list(PARTS), help="make and check these alone")
    given = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="quotetune-earlier-"))
    old, new = earlier(given.commit, work), current(work)
    places = [package.place() for package in (old, new)]
    for package, place in zip((old, new), places, strict=True):
        print(f"{package.name}: {place}", flush=True)
    assert places[0] != places[1], "both are the same package"
    done = failed = 0
    for name in [given.only] if given.only else PARTS:
        (work / name).mkdir()
        for what, problem in PARTS[name](work / name, old, new):
            done += 1
            failed += problem is not None
            line = f"ok     {what}" if problem is None else f"FAILED {what}: {problem[:2000]}"
            print(line, flush=True)
    if failed:
        sys.exit(f"{failed} of {done} checks failed; the files are in {work}")
    shutil.rmtree(work)


def check_pickles(directory: Path, earlier: Package, current: Package) -> Iterator[Check]:
    """Let the earlier package pickle objects of every class, and the current one read them."""
    index = directory / "index"
    fox = directory / "fox.txt"
    fox.write_text("The quick brown fox jumps over the lazy dog, and nothing else happens.\n")
    earlier.succeed([["build-index", fox, "-o", index]])
    said = earlier.answers("pickle", index, directory)
    read = current.answers("unpickle", directory)
    for name, before in said.items():
        same = read.get(name) == before
        yield f"pickle of {name}", None if same else f"was {before}, is now {read.get(name)}"


PARTS = {"indexes": check_indexes, "pickles": check_pickles, "runs": check_runs}


if __name__ == "__main__":
    main()
