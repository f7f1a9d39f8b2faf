"""The cost of folding typography: the original text that an index keeps, and the time."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.corpora import first_of, read_jsonl, write_jsonl
from benchmarks.settings import N, Settings
from benchmarks.table import Listing, number
from benchmarks.timing import by_turns
from quotetune import Index, build_index

NORMALIZATIONS = ("squash", "fold", "fold-case")
STRUCTURES = (["bloom", "suffix"], ["bloom", "lean"])
HEADER = (
    "normalization",
    "originals, MB",
    *(f"of an index of {','.join(structures)}" for structures in STRUCTURES),
    "build of a filter, MB per CPU second",
    "score, MB per CPU second",
)


def tables(settings: Settings) -> list[Listing]:
    """Measure sizes and times for each normalisation."""
    # Unlike the other benchmarks' text, it has the typography that its authors gave it.
    leads = list(read_jsonl(settings.demo / "corpus.jsonl"))
    texts = first_of(leads, settings.text_bytes)
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    corpus = write_jsonl(texts, settings.work / "folding" / "corpus.jsonl")
    calls: dict[str, Callable[[], object]] = {}
    for name in NORMALIZATIONS:
        calls[f"build {name}"] = partial(_build, settings, corpus, name, ["bloom"])
    times = by_turns(calls, settings.repeats)
    calls = {}
    for name in NORMALIZATIONS:
        index = Index.open(_path(settings, name, ["bloom"]))
        calls[f"score {name}"] = partial(index.quip, texts)
    times |= by_turns(calls, settings.repeats)
    sizes = [_sizes(settings, corpus, structures) for structures in STRUCTURES]
    rows = []
    for name in NORMALIZATIONS:
        originals, _ = sizes[0][name]
        shares = [kept / total for kept, total in (size[name] for size in sizes)]
        rates = [megabytes / times[f"{call} {name}"].cpu for call in ("build", "score")]
        rows.append(
            (name, f"{originals / 1e6:.2f}", *(f"{s:.1%}" for s in shares), *map(number, rates))
        )
    return [
        Listing(
            heading=f"Folding {megabytes:.1f} MB of Wikipedia leads",
            header=HEADER,
            rows=rows,
            notes=(
                "An index that folds keeps what turns its folded text back into the original text. "
                "Originals: the size of that on the disk, and its share of the whole index.",
            ),
        )
    ]


def _path(settings: Settings, normalization: str, structures: list[str]) -> Path:
    return settings.work / "folding" / "-".join([normalization, *structures])


def _build(settings: Settings, corpus: Path, normalization: str, structures: list[str]) -> Index:
    return build_index(
        corpus,
        _path(settings, normalization, structures),
        normalization=normalization,
        structures=structures,
        n=N,
        threads=1,
        overwrite=True,
    )


def _sizes(settings: Settings, corpus: Path, structures: list[str]) -> dict[str, tuple[int, int]]:
    """Return the bytes of the originals and of the whole index for each normalisation."""
    sizes = {}
    squashed = 0
    for name in NORMALIZATIONS:
        index = _build(settings, corpus, name, structures)
        files = {path: path.stat().st_size for path in index.path.iterdir()}
        records = sum(size for path, size in files.items() if path.suffix == ".documents")
        squashed = squashed or records
        sizes[name] = (records - squashed, sum(files.values()))
    return sizes
