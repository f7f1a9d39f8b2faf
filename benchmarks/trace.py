"""Tracing: finding all maximal spans of a text, with counts and documents."""

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import filters, limits, suffixes
from benchmarks.corpora import half_quoted, split_corpus, write_jsonl
from benchmarks.settings import INFINI_GRAM, LIMIT, QUOTETUNE, SUFFIX_SYSTEMS, N, Settings
from benchmarks.suffixes import MAX_DOCUMENTS, Span, Tracer
from benchmarks.table import Row, Table
from benchmarks.targets import seconds_each, target, targets, times_as_fast
from benchmarks.timing import by_turns, in_child
from quotetune import Index, build_index

# A peer takes up to a second per text, so it gets only the first texts of quotetune's batch.
TEXTS = 20
BATCH = 1000
# A peer needs the same text to find the same spans. Its build is not timed here, so it may take
# this many times the limit.
PATIENCE = 4
CHARS = 2000
IN_BATCH = f"{QUOTETUNE}, {BATCH} texts at once"


def tables(settings: Settings) -> list[Table]:
    """Measure the tracing of texts, half of whose fragments occur in the corpus."""
    corpus, held_out = split_corpus(settings.demo, settings.text_bytes)
    path = write_jsonl(corpus, settings.work / "ordinary" / "corpus.jsonl")
    texts = half_quoted(corpus, held_out, BATCH, CHARS)
    some = texts[:TEXTS]
    ours = settings.work / "trace" / QUOTETUNE
    index = build_index(path, ours, n=N, overwrite=True)
    tracers: dict[str, Tracer] = {}
    given_up: list[str] = []
    for system in settings.chosen(SUFFIX_SYSTEMS):
        place = settings.work / "trace" / system
        if system != QUOTETUNE:
            limit = PATIENCE * settings.limit
            built = in_child(suffixes.prepare_build, (system, path, place), limit)
            if built is None:
                given_up.append(f"{system} was not built in {limit:.0f} s.")
                continue
        tracers[system] = suffixes.tracer(system, path, place)
    calls: dict[str, Callable[[], object]] = {
        system: _each(trace, some) for system, trace in tracers.items()
    }
    calls[IN_BATCH] = lambda: index.trace(texts, N, MAX_DOCUMENTS)
    times = by_turns(calls, settings.repeats)
    spans = {system: _all_spans(trace, some) for system, trace in tracers.items()}
    rows = [Row(name, BATCH if name == IN_BATCH else TEXTS, times[name]) for name in calls]
    if LIMIT in settings.systems:
        rows.append(_limit(index, ours, texts))
    aims = targets(
        target("0.4 ms", seconds_each(rows, QUOTETUNE, 1e3), most=0.4),
        target("300 times infini-gram", times_as_fast(rows, [INFINI_GRAM]), least=300),
    )
    return [
        Table(
            title=f"Tracing a text of {CHARS} characters",
            unit="milliseconds per text",
            rows=rows,
            seconds_each=1000.0,
            notes=(
                f"A trace finds all maximal spans of at least {N} characters, with their counts "
                f"and at most {MAX_DOCUMENTS} documents each, in "
                f"{sum(map(len, corpus)) / 1e6:.0f} MB of text (files of "
                f"{_size(ours) / 1e6:,.0f} MB). Half of each text occurs in the corpus. The texts "
                f"are traced one by one, except in the row `{IN_BATCH}`. infini-gram's `attribute` "
                "gives positions in the corpus, not documents, and uses a thread per position. "
                "tokengrams has no such call, so a window slides over the text with `contains`, "
                f"then `positions`. Spans in the first {TEXTS} texts: {_counted(spans)}. "
                f"{aims} The limit reads one cache line per "
                f"character outside of spans, {suffixes.LEAST_READS} per span, and one per named "
                "document.",
                *given_up,
            ),
        )
    ]


def _limit(index: Index, place: Path, texts: Sequence[str]) -> Row:
    in_filter = limits.reads(filters.filter_size(place)).independent
    in_index = limits.reads(_size(place)).independent
    seconds = 0.0
    for text, quotes in zip(texts, index.trace(texts, N, MAX_DOCUMENTS), strict=True):
        outside, end = len(text), 0
        for quote in quotes:
            outside -= max(quote.end - max(quote.start, end), 0)
            end = max(end, quote.end)
        named = sum(len(quote.documents) for quote in quotes)
        seconds += outside * in_filter
        seconds += (suffixes.LEAST_READS * len(quotes) + named) * in_index
    return limits.limit_row(len(texts), seconds)


def _size(index: Path) -> int:
    return sum(path.stat().st_size for path in index.iterdir())


def _each(trace: Tracer, texts: Sequence[str]) -> Callable[[], object]:
    return lambda: [trace(text) for text in texts]


def _all_spans(trace: Tracer, texts: Sequence[str]) -> set[tuple[int, int, int, int]]:
    """Return the number of the text, the start, the end and the count of each span."""
    return {
        (number, start, end, count)
        for number, text in enumerate(texts)
        for start, end, count, _ in trace(text)
    }


def _counted(spans: dict[str, set[Span]]) -> str:
    ours = spans[QUOTETUNE]
    return ", ".join(
        f"{system} {len(found):,}" + ("" if found == ours else f" ({len(found & ours):,} the same)")
        for system, found in spans.items()
    )
