"""Indexes of the parts of a corpus, and what an index says of everything it can be asked."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from quotetune import Document, Index, build_index
from quotetune.corpus.guide import Guide, Vocabulary, ends, matches
from quotetune.corpus.whole_responses import follow_ups


def write_list(path: Path, members: Sequence[Path | str]) -> Path:
    """Write the list of indexes, with paths as they are given."""
    path.write_text(json.dumps(list(map(str, members))), encoding="utf-8")
    return path


def built_parts(directory: Path, parts: Sequence[Sequence[Document]], **options: Any) -> list[Path]:
    """Build an index of each part."""
    made = [directory / f"part-{number}" for number in range(len(parts))]
    for path, documents in zip(made, parts, strict=True):
        build_index(documents, path, threads=1, **options)
    return made


def exact_answers(index: Index, texts: list[str], names: list[tuple[str, str]]) -> dict[str, Any]:
    """Ask an index with a suffix index everything whose answer no false positive can change."""
    least = 1 if "suffix" in index.structures else index.n
    traces = index.trace(texts, min_chars=least, max_documents=2)
    own = [names[:1] if names else [] for _ in texts]
    found = {
        "size": (len(index), index.ngrams, index.n, index.normalization, index.has_suffix_index),
        "keys": (index.record_keys, index.is_numbered, index.identity),
        "quip": index.quip_counts(texts, exact=True).tolist(),
        "windows": [(text, hits.tolist()) for text, hits in index.windows(texts, exact=True)],
        "topic": np.nan_to_num(index.quip(texts, documents=own), nan=-1).tolist(),
        "reports": [report.to_dict() for report in index.score(texts, 2, exact=True)],
        "traces": traces,
        "counts": index.count(texts).tolist(),
        "words": index.count(texts, whole_words=True).tolist(),
        "contains": index.contains(texts).tolist(),
        "documents": list(index.documents()),
        "names": list(index.document_names()),
        "by name": [index.document(*name) for name in names],
        "has": [index.has_document(*name) for name in [*names, ("nobody", "0")]],
        "containing": [index.containing(text, max_documents=2) for text in texts if text.strip()],
        "find": [
            index.find(source.source, source.id, quote.text)
            for quotes in traces
            for quote in quotes
            for source in quote.documents
        ],
    }
    if "suffix" in index.structures:
        found["repeats"] = index.repeats(index.n, max_documents=2)
        copies = index.duplicates(index.n, "documents")
        found["left out"] = copies.left_out()
        found["spans"] = [copies.spans(place) for place in range(len(index))]
    return found


def guided_answers(index: Index, texts: list[str]) -> dict[str, Any]:
    """Ask the guide of an index how far each text goes on, character by character."""
    alphabet = sorted({char for text in texts for char in text} | {"z"})
    vocabulary = Vocabulary([char.encode() for char in alphabet])
    guide = Guide(index, vocabulary, min_chars=1, max_chars=max(index.n, 2) + 3)
    states = [guide.state([alphabet.index(char) for char in text]) for text in texts]
    candidates = [list(range(len(alphabet)))] * len(states)
    found = {
        "matches": matches(states, candidates).tolist(),
        "ends": [end.tolist() for end in ends(states)],
    }
    if "suffix" in index.structures:
        found["follow-ups"] = [
            follow_ups(state, max_occurrences=4, max_bytes=8) for state in states
        ]
    return found
