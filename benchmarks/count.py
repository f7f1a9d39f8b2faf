"""Counting: how often each of many phrases occurs in the corpus."""

import random
from collections.abc import Callable, Sequence

from benchmarks import limits, suffixes
from benchmarks.corpora import first_of, split_corpus, write_jsonl
from benchmarks.settings import LIMIT, QUOTETUNE, TOKENGRAMS, N, Settings
from benchmarks.table import Row, Table
from benchmarks.targets import seconds_each, target, targets, times_as_fast
from benchmarks.timing import by_turns, in_child
from quotetune import build_index

PHRASES = 10_000
BATCH = 1000
CHARS = 40


def tables(settings: Settings) -> list[Table]:
    """Measure counts of phrases, half of which occur in the corpus."""
    corpus, held_out = split_corpus(settings.demo, settings.text_bytes)
    path = write_jsonl(corpus, settings.work / "ordinary" / "corpus.jsonl")
    # tokengrams did not sort 200 MB in 100 s, so it gets only the source of the phrases.
    quoted = first_of(corpus, settings.peer_bytes)
    less = write_jsonl(quoted, settings.work / "quoted" / "corpus.jsonl")
    phrases = drawn_phrases((quoted, held_out), PHRASES)
    place = settings.work / "count" / QUOTETUNE
    index = build_index(path, place, n=N, structures=["suffix"], threads=1, overwrite=True)
    batches = [phrases[start : start + BATCH] for start in range(0, PHRASES, BATCH)]
    calls: dict[str, Callable[[], object]] = {
        QUOTETUNE: lambda: [index.count(batch) for batch in batches]
    }
    checked = ""
    if TOKENGRAMS in settings.systems:
        theirs = settings.work / "count" / TOKENGRAMS
        arguments = (TOKENGRAMS, less, theirs)
        if in_child(suffixes.prepare_build, arguments, settings.limit) is not None:
            count = suffixes.open_tokengrams(theirs).count
            tokens = [list(phrase.encode()) for phrase in phrases]
            calls[TOKENGRAMS] = lambda: [count(phrase) for phrase in tokens]
            checked = _compared(index.count(phrases).tolist(), [count(phrase) for phrase in tokens])
        else:
            checked = f"{TOKENGRAMS} was not built in {settings.limit:.0f} s. "
    times = by_turns(calls, settings.repeats)
    rows = [Row(name, PHRASES, times[name]) for name in calls]
    if LIMIT in settings.systems:
        size = sum(file.stat().st_size for file in place.glob("segment-*"))
        seconds = PHRASES * suffixes.LEAST_READS * limits.reads(size).independent
        rows.append(limits.limit_row(PHRASES, seconds))
    aims = targets(
        target("2 microseconds", seconds_each(rows, QUOTETUNE, 1e6), most=2),
        target("3 times tokengrams", times_as_fast(rows, [TOKENGRAMS]), least=3),
    )
    return [
        Table(
            title=f"Counting a phrase of {CHARS} characters, {BATCH} at once",
            unit="microseconds per phrase",
            rows=rows,
            seconds_each=1e6,
            notes=(
                f"In {sum(map(len, corpus)) / 1e6:.0f} MB of text; half of the {PHRASES:,} phrases "
                f"are from it. {checked}"
                f"tokengrams has an index of the {sum(map(len, quoted)) / 1e6:.0f} MB from which "
                "these come. It counts one phrase per call, and its tokens are made in advance. "
                f"{aims} The limit reads "
                f"{suffixes.LEAST_READS} cache lines per phrase, with the reads of different "
                "phrases overlapping.",
            ),
        )
    ]


def _compared(ours: Sequence[int], theirs: Sequence[int]) -> str:
    """Say whether the counts in a corpus and in a part of it are consistent."""
    possible = all(mine >= other for mine, other in zip(ours, theirs, strict=True))
    equal = sum(mine == other for mine, other in zip(ours, theirs, strict=True))
    return (
        f"{equal:,} of the counts are the same, and {'no' if possible else 'SOME'} count of "
        f"{TOKENGRAMS} is larger. "
    )


def drawn_phrases(
    sources: Sequence[Sequence[str]], count: int, chars: int = CHARS, seed: int = 0
) -> list[str]:
    """Draw phrases from documents, in turn from several sources."""
    draw = random.Random(seed)
    phrases = []
    for number in range(count):
        document = draw.choice(sources[number % len(sources)])
        start = draw.randrange(max(len(document) - chars, 0) + 1)
        phrases.append(document[start : start + chars].strip())
    return phrases
