"""The suffix arrays of quotetune, infini-gram and tokengrams, all over the bytes of the text."""

import sys
from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.corpora import read_jsonl
from benchmarks.settings import INFINI_GRAM, QUOTETUNE, TOKENGRAMS, N
from quotetune import Index, build_index

MAX_DOCUMENTS = 10
# Start, end, number of occurrences, number of named documents.
Span: TypeAlias = tuple[int, int, int, int]
Tracer = Callable[[str], list[Span]]
# The token that tokengrams gets between documents; no byte has this value.
SEPARATOR = 0xFFFF
# A search reads at least this many cache lines. After the jump table of an index, it must still
# distinguish 32 suffixes in 5 steps, each of which reads the array and the text at that position.
LEAST_READS = 2 * 5


def prepare_build(system: str, corpus: Path, output: Path) -> Callable[[], object]:
    """Prepare to build a suffix array of a JSONL corpus, on one thread if the system allows it.

    Args:
        system: The system's name.
        corpus: A JSONL file, alone in its directory.
        output: Directory for the index.

    Returns:
        The call that builds it.
    """
    if system == QUOTETUNE:
        return lambda: build_index(
            corpus, output, structures=["suffix"], n=N, threads=1, overwrite=True
        )
    output.mkdir(parents=True, exist_ok=True)
    for leftover in output.iterdir():
        leftover.unlink()
    if system == INFINI_GRAM:
        return _infini_gram_build(corpus, output)
    if system == TOKENGRAMS:
        return _tokengrams_build(corpus, output)
    raise ValueError(system)


def tracer(system: str, corpus: Path, index: Path) -> Tracer:
    """Make a call that finds a text's maximal spans of at least 25 characters.

    Each span comes with its count and at most `MAX_DOCUMENTS` documents. The peers give positions
    in the corpus instead of documents.

    Args:
        system: The system's name.
        corpus: The JSONL file.
        index: The system's index of it.

    Returns:
        The call.
    """
    if system == QUOTETUNE:
        opened = Index.open(index)
        return lambda text: [
            (quote.start, quote.end, quote.count, len(quote.documents))
            for quote in opened.trace(text, N, MAX_DOCUMENTS)
        ]
    if system == INFINI_GRAM:
        return _infini_gram_tracer(index)
    if system == TOKENGRAMS:
        return _tokengrams_tracer(corpus, index)
    raise ValueError(system)


def _infini_gram_build(corpus: Path, output: Path) -> Callable[[], object]:
    import resource

    # Its indexer imports transformers in every mode; the clock must not run meanwhile.
    import transformers  # noqa: F401
    from infini_gram import indexing

    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    options = {
        "--data_dir": corpus.parent.resolve(),
        "--save_dir": output.resolve(),
        "--token_dtype": "u8",
        "--cpus": 1,
        "--mem": 4,
        "--ulimit": files,
    }
    sys.argv = [sys.argv[0], *(str(word) for option in options.items() for word in option)]
    return lambda: indexing.main()


def infini_gram_engine(index: Path) -> Any:
    """Open the index that `prepare_build` built for infini-gram."""
    from infini_gram.engine import InfiniGramEngine

    return InfiniGramEngine(
        str(index), eos_token_id=254, vocab_size=255, token_dtype="u8", version=4
    )


def _infini_gram_tracer(index: Path) -> Tracer:
    engine = infini_gram_engine(index)

    def trace(text: str) -> list[Span]:
        found = engine.attribute(
            input_ids=list(text.encode()),
            delim_ids=[],
            min_len=N,
            max_cnt=MAX_DOCUMENTS,
            enforce_bow=False,
        )
        spans = found["spans"]
        return [(span["l"], span["r"], span["count"], len(span["docs"])) for span in spans]

    return trace


def _tokengrams_build(corpus: Path, output: Path) -> Callable[[], object]:
    import numpy as np
    from tokengrams import MemmapIndex

    def build() -> object:
        with (output / "tokens").open("wb") as file:
            for document in read_jsonl(corpus):
                tokens = np.frombuffer(document.encode(), np.uint8).astype(np.uint16)
                np.append(tokens, np.uint16(SEPARATOR)).tofile(file)
        return MemmapIndex.build(str(output / "tokens"), str(output / "index"))

    return build


def open_tokengrams(index: Path) -> Any:
    """Open the index that `prepare_build` built for tokengrams."""
    from tokengrams import MemmapIndex

    return MemmapIndex(str(index / "tokens"), str(index / "index"))


def _tokengrams_tracer(corpus: Path, index: Path) -> Tracer:
    """Slide a window over the text with `contains`, because tokengrams has no longest match."""
    opened = open_tokengrams(index)
    starts = [0]
    for document in read_jsonl(corpus):
        starts.append(starts[-1] + len(document.encode()) + 1)

    def trace(text: str) -> list[Span]:
        tokens = list(text.encode())
        spans = []
        for start, end in slide(opened.contains, tokens):
            places = opened.positions(tokens[start:end])
            documents = {bisect_right(starts, place) for place in places}
            spans.append((start, end, len(places), min(len(documents), MAX_DOCUMENTS)))
        return spans

    return trace


def slide(contains: Callable[[Any], bool], text: Sequence[Any]) -> list[tuple[int, int]]:
    """Find the maximal spans of at least N that occur in a corpus, with a sliding window.

    Args:
        contains: Returns whether a piece of the text occurs in the corpus.
        text: The text.

    Returns:
        Start and end of each span.
    """
    spans = []
    start, end = 0, N
    while end <= len(text):
        if not contains(text[start:end]):
            start += 1
            end = max(end, start + N)
            continue
        while end < len(text) and contains(text[start : end + 1]):
            end += 1
        spans.append((start, end))
        end += 1
        start += 1
    return spans
