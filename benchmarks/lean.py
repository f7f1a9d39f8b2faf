"""The lean index and the full one: their answers are the same, their costs are not."""

from benchmarks.corpora import half_quoted, split_corpus, write_jsonl
from benchmarks.settings import QUOTETUNE, N, Settings
from benchmarks.table import Row, Table
from benchmarks.timing import by_turns, timed
from quotetune import Index, build_index

TEXTS = 200
CHARS = 2000
PHRASE = slice(100, 140)
STRUCTURES = ("suffix", "lean")


def tables(settings: Settings) -> list[Table]:
    """Measure both indexes of one corpus: size, build, traces and counts in a batch."""
    corpus, held_out = split_corpus(settings.demo, settings.text_bytes)
    path = write_jsonl(corpus, settings.work / "ordinary" / "corpus.jsonl")
    texts = half_quoted(corpus, held_out, TEXTS, CHARS)
    phrases = [text[PHRASE] for text in texts]
    chars = sum(map(len, corpus))
    indexes: dict[str, Index] = {}
    builds: list[Row] = []
    sizes: list[str] = []
    for name in STRUCTURES:
        output = settings.work / name

        def build(name: str = name) -> None:
            structures = ["bloom", name]
            indexes[name] = build_index(path, settings.work / name, n=N, structures=structures)

        builds.append(Row(f"{QUOTETUNE}, {name}", chars / 1e6, timed(build)))
        size = sum(file.stat().st_size for file in output.glob("segment-*"))
        sizes.append(f"{name} {size / chars:.2f}")
    traces = {name: index.trace(texts) for name, index in indexes.items()}
    same = traces["suffix"] == traces["lean"]
    spans = sum(map(len, traces["suffix"]))
    # The default argument binds the loop variable now, not when the call runs.
    calls = {name: lambda index=index: index.trace(texts) for name, index in indexes.items()}
    counts = {name: lambda index=index: index.count(phrases) for name, index in indexes.items()}
    traced = by_turns(calls, settings.repeats)
    counted = by_turns(counts, settings.repeats)
    return [
        Table(
            title=f"Building the filter and suffix index of {chars / 1e6:.0f} MB of text",
            unit="MB of text per second",
            rows=builds,
            compares=False,
            notes=(
                "Bytes per byte of text, including the text and the documents: "
                f"{', '.join(sizes)}. The Bloom filter is not included.",
            ),
        ),
        Table(
            title=f"Tracing texts of {CHARS} characters in a batch",
            unit="milliseconds per text",
            rows=[Row(f"{QUOTETUNE}, {name}", TEXTS, traced[name]) for name in indexes],
            seconds_each=1000.0,
            compares=False,
            notes=(f"{spans} spans; the answers are {'the same' if same else 'NOT the same'}.",),
        ),
        Table(
            title="Counting phrases of 40 characters in a batch",
            unit="microseconds per phrase",
            rows=[Row(f"{QUOTETUNE}, {name}", TEXTS, counted[name]) for name in indexes],
            seconds_each=1e6,
            compares=False,
        ),
    ]
