"""Decontamination: precision and recall on a labelled set, and the speed of the filter."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.corpora import read_jsonl, split_corpus, write_jsonl
from benchmarks.labelled import CLEAN, KINDS, LabelledDocument, labelled_set
from benchmarks.settings import QUOTETUNE, Settings
from benchmarks.table import Listing, Row, Table
from benchmarks.targets import target, targets
from benchmarks.timing import by_turns
from benchmarks.word_overlap import WORDS, WordOverlap
from quotetune.corpus.batches import Corpus
from quotetune.corpus.ingest import Reading
from quotetune.corpus.rows import Keys
from quotetune.datawork import decontamination
from quotetune.datawork.contamination import Detector, Rule, detector
from quotetune.datawork.evaluation_items import Item
from quotetune.datawork.item_texts import ItemTexts, item_texts

PER_KIND = 500
# Another one than that of the set on which the defaults were chosen.
SEED = 1
TARGET = "at least 100 MB/s of text per thread, by CPU time"


def tables(settings: Settings) -> list[Table | Listing]:
    """Measure what is found, and how fast text that is not contaminated is passed over."""
    texts = list(read_jsonl(settings.demo / "corpus.jsonl"))
    items, documents = labelled_set(texts, min(PER_KIND, len(texts) // 10), SEED)
    return [_quality(items, documents), _short(settings, documents), _speed(settings)]


def _quality(items: Sequence[Item], documents: Sequence[LabelledDocument]) -> Listing:
    found: dict[str, list[set[int]]] = {}
    for name in ("squash", "fold-case"):
        found[f"quotetune, {name}"] = quoted_items(items, documents, name)
    overlap = WordOverlap(items)
    found[f"{WORDS} words"] = [overlap.items(document.text) for document in documents]
    rows = []
    for kind in KINDS:
        cells = [cell(documents, flags, kind) for flags in found.values()]
        count = sum(document.kind == kind for document in documents)
        rows.append((kind, str(count), *cells))
    return Listing(
        heading=f"Decontamination: {len(items):,} items, {len(documents):,} documents",
        header=("document", "documents", *found),
        rows=rows,
        notes=(
            "Recall and precision of each kind: a document counts as found if the item in it is, "
            "and clean documents in which any item is found count against the precision. For clean "
            f"documents: how many those are. {WORDS} words: texts in lower case without "
            f"punctuation, {WORDS} words in a row in common, items of fewer words whole. Reworded "
            "documents have no long match, and no rule of matches finds them.",
        ),
    )


def quoted_items(
    items: Sequence[Item], documents: Sequence[LabelledDocument], normalization: str
) -> list[set[int]]:
    """Return for each document the items that it contaminates, by the default rule."""
    usual = decontamination.Settings()
    texts = item_texts(items, usual.n, normalization)
    rule = Rule(usual.n, usual.min_share, usual.min_match)
    with _detector(texts, rule, normalization) as found:
        return [contaminated(found, document.text) for document in documents]


@contextmanager
def _detector(
    texts: ItemTexts, rule: Rule, normalization: str, *, whole: bool = False
) -> Iterator[Detector]:
    with (
        TemporaryDirectory() as folder,
        detector(texts, rule, normalization, Path(folder), whole=whole, max_matches=1) as found,
    ):
        yield found


def contaminated(found: Detector, text: str) -> set[int]:
    """Return the items that a document contaminates."""
    return set(found.findings(text).contaminated_items.tolist())


def cell(documents: Sequence[LabelledDocument], flags: Sequence[set[int]], kind: str) -> str:
    """Return recall and precision of a kind, or the number of clean documents that are flagged."""
    pairs = list(zip(documents, flags, strict=True))
    wrong = sum(bool(flag) for document, flag in pairs if document.kind == CLEAN)
    if kind == CLEAN:
        return f"{wrong} flagged"
    of_kind = [document.item in flag for document, flag in pairs if document.kind == kind]
    right = sum(of_kind)
    precision = f"{right / (right + wrong):.3f}" if right else "none"
    return f"{right / len(of_kind):.3f}, {precision}"


def _short(settings: Settings, documents: Sequence[LabelledDocument]) -> Listing:
    """Count clean documents that contain a short item as whole words: the titles of documents."""
    n = decontamination.Settings().n
    with (settings.demo / "corpus.jsonl").open(encoding="utf-8") as file:
        titles = [str(json.loads(line).get("id", number)) for number, line in enumerate(file)]
    short = [title for title in titles if 4 <= len(title) < n][:PER_KIND]
    clean = [document.text for document in documents if document.kind == CLEAN]
    rows = []
    for name, form in (("names", "{}"), ("questions about them", "Who was {}?")):
        asked = [text for text in map(form.format, short) if len(text) < n]
        items = [Item("short", str(number), (text,)) for number, text in enumerate(asked)]
        if not items:
            continue
        texts = item_texts(items, n, "squash")
        with _detector(texts, Rule(n, 1.0, n), "squash", whole=True) as found:
            flags = [contaminated(found, text) for text in clean]
        flagged = sum(map(bool, flags))
        seen = len(set().union(*flags))
        rows.append((name, str(len(items)), str(seen), f"{flagged:,} of {len(clean):,}"))
    return Listing(
        heading=f"Items of fewer than {n} characters, matched whole",
        header=("items", "count", "found", "clean documents flagged"),
        rows=rows,
        notes=(
            "The items are titles of the demo's documents. A name in another document is no "
            "contamination, so these are reported as too short by default.",
        ),
    )


def _speed(settings: Settings) -> Table:
    """Measure the reading of JSONL of long documents with and without the filter."""
    _, held_out = split_corpus(settings.demo, settings.text_bytes)
    items, _ = labelled_set(list(read_jsonl(settings.demo / "corpus.jsonl")), PER_KIND, SEED)
    size = min(settings.text_bytes, 100_000_000)
    count = max(1, size // sum(map(len, held_out)))
    texts = list(islice(cycle(held_out), count * len(held_out)))
    path = write_jsonl(texts, settings.work / "decontaminate" / "corpus.jsonl")
    megabytes = sum(map(len, texts)) / 1e6
    usual = decontamination.Settings()
    calls: dict[str, Callable[[], object]] = {}
    rule = Rule(usual.n, usual.min_share, usual.min_match)
    with _detector(item_texts(items, usual.n, "squash"), rule, "squash") as found:
        calls[QUOTETUNE] = partial(_read, path, found)
        calls["reading alone"] = partial(_read, path, None)
        times = by_turns(calls, settings.repeats)
        touched = _read(path, found)
    cpu = megabytes / times[QUOTETUNE].cpu
    return Table(
        title=f"Decontamination: {megabytes:.0f} MB through the filter of {len(items):,} items",
        unit="MB/s of text",
        rows=[Row(name, megabytes, time) for name, time in times.items()],
        compares=False,
        notes=(
            f"Reading of JSONL and the lookup of every n-gram, on one thread. {touched:,} of "
            f"{len(texts):,} documents share an n-gram with an item; these are compared exactly.",
            targets(target(TARGET, cpu, least=100)),
        ),
    )


def _read(path: Path, found: Detector | None) -> int:
    corpus = Corpus([path], Keys(), Reading())
    filters = found.filters if found is not None else []
    return sum(len(batch.touched) for batch in corpus.batches(indexes=filters))
