"""Tracing: all maximal spans of a text, with counts and documents."""

from collections.abc import Callable, Sequence

from benchmarks import suffixes
from benchmarks.corpora import half_quoted, split_corpus, write_jsonl
from benchmarks.settings import QUOTETUNE, SUFFIX_SYSTEMS, N, Settings
from benchmarks.suffixes import MAX_DOCUMENTS, Tracer
from benchmarks.table import Row, Table
from benchmarks.timing import by_turns, in_child
from quotetune import build_index

TEXTS = 20
CHARS = 2000


def tables(settings: Settings) -> list[Table]:
    """Measure the tracing of texts, half of whose fragments stand in the corpus."""
    corpus, held_out = split_corpus(settings.demo, settings.text_bytes)
    path = write_jsonl(corpus, settings.work / "ordinary" / "corpus.jsonl")
    texts = half_quoted(corpus, held_out, TEXTS, CHARS)
    tracers: dict[str, Tracer] = {}
    for system in settings.chosen(SUFFIX_SYSTEMS):
        index = settings.work / "trace" / system
        if system == QUOTETUNE:
            build_index(path, index, n=N, overwrite=True)
        elif in_child(suffixes.prepare_build, (system, path, index), settings.limit) is None:
            continue
        tracers[system] = suffixes.tracer(system, path, index)
    calls = {system: _each(trace, texts) for system, trace in tracers.items()}
    times = by_turns(calls, settings.repeats)
    spans = {system: _all_spans(trace, texts) for system, trace in tracers.items()}
    return [
        Table(
            title=f"Trace of a text of {CHARS} characters",
            unit="milliseconds a text",
            rows=[Row(system, TEXTS, times[system]) for system in calls],
            seconds_each=1000.0,
            notes=(
                f"All maximal spans of at least {N} characters with their counts and at most "
                f"{MAX_DOCUMENTS} documents each, in {sum(map(len, corpus)) / 1e6:.0f} MB of text; "
                "half of each text stands in the corpus. Texts one by one. "
                "infini-gram's `attribute` gives places in the corpus, not documents, and takes a "
                "thread a position. tokengrams has no such call: a sliding window over `contains`, "
                f"then `positions`. Spans found: {_counted(spans)}.",
            ),
        )
    ]


def _each(trace: Tracer, texts: Sequence[str]) -> Callable[[], object]:
    return lambda: [trace(text) for text in texts]


def _all_spans(trace: Tracer, texts: Sequence[str]) -> set[tuple[int, int, int, int]]:
    """Number of the text, start, end and count of each span."""
    return {
        (number, start, end, count)
        for number, text in enumerate(texts)
        for start, end, count, _ in trace(text)
    }


def _counted(spans: dict[str, set[tuple[int, int, int, int]]]) -> str:
    ours = spans[QUOTETUNE]
    return ", ".join(
        f"{system} {len(found):,}" + ("" if found == ours else f" ({len(found & ours):,} the same)")
        for system, found in spans.items()
    )
