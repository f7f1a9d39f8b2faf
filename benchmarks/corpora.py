"""Text to index and to query: the demo's Wikipedia leads, then the sources of installed packages.

A machine that has run `make data` has all of it. White space is collapsed and characters outside
ASCII are omitted, so that every system sees the same 25-grams and a byte is a character.
"""

import json
import random
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

SUFFIXES = (".py", ".md", ".rst", ".txt", ".pyi")
# Longer documents are split into several.
DOCUMENT_CHARS = 20_000
# One in this many documents is held out of the corpus; texts get their unquoted parts from it.
HELD_OUT = 10
FRAGMENT_CHARS = 125


@lru_cache(maxsize=1)
def split_corpus(demo: Path, size: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Read documents and hold some out. The tables of one run share one reading.

    Args:
        demo: Directory of the demo's data.
        size: Characters in the corpus.

    Returns:
        The documents of the corpus and the held-out documents; no two are equal.
    """
    corpus: list[str] = []
    held_out: list[str] = []
    chars = 0
    seen: set[str] = set()
    for document in _documents(demo):
        if chars >= size:
            break
        if document in seen:
            continue
        seen.add(document)
        if len(seen) % HELD_OUT == 0:
            held_out.append(document)
        else:
            corpus.append(document)
            chars += len(document)
    return tuple(corpus), tuple(held_out)


def duplicated(documents: Sequence[str], copies: int, seed: int = 0) -> list[str]:
    """Make the same amount of text from some of the documents, each repeated several times.

    Args:
        documents: Documents to choose from.
        copies: Occurrences of each chosen document in the result.
        seed: Seed of the choice and of the order.

    Returns:
        Documents with about as many characters in all, in random order.
    """
    draw = random.Random(seed)
    size = sum(map(len, documents))
    repeated: list[str] = []
    for document in draw.sample(documents, len(documents)):
        if size <= 0:
            break
        repeated += [document] * copies
        size -= len(document) * copies
    draw.shuffle(repeated)
    return repeated


def first_of(documents: Sequence[str], size: int) -> list[str]:
    """Return the first documents, up to `size` characters or all of them."""
    chars = 0
    for position, document in enumerate(documents):
        if chars >= size:
            return list(documents[:position])
        chars += len(document)
    return list(documents)


def half_quoted(
    corpus: Sequence[str], held_out: Sequence[str], count: int, chars: int, seed: int = 0
) -> list[str]:
    """Make texts whose fragments come in turn from the corpus and from held-out documents.

    Args:
        corpus: Documents to quote.
        held_out: Documents that are not in the corpus.
        count: Number of texts.
        chars: Characters per text, before white space is collapsed.
        seed: Seed of the choice of fragments.

    Returns:
        The texts.
    """
    draw = random.Random(seed)
    return [_plain("".join(_fragments(draw, (corpus, held_out), chars))) for _ in range(count)]


def write_jsonl(documents: Iterable[str], path: Path) -> Path:
    """Write documents as JSONL, one record `{"text": ...}` per line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": document}) + "\n" for document in documents)
    return path


def read_jsonl(path: Path) -> Iterator[str]:
    """Read the documents that `write_jsonl` wrote."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)["text"]


def _documents(demo: Path) -> Iterator[str]:
    leads = demo / "corpus.jsonl"
    if not leads.exists():
        raise SystemExit(f"error: there is no {leads}; run `make data` first")
    for text in read_jsonl(leads):
        yield _plain(text)
    packages = Path(sysconfig.get_path("purelib"))
    files = sorted(path for path in packages.rglob("*") if path.suffix in SUFFIXES)
    # Neighbours are alike; a corpus that ends early should contain some of every package.
    random.Random(0).shuffle(files)
    for file in files:
        text = _plain(file.read_text("utf-8", errors="ignore"))
        for start in range(0, len(text), DOCUMENT_CHARS):
            yield text[start : start + DOCUMENT_CHARS].strip()


def _plain(text: str) -> str:
    return " ".join(text.encode("ascii", errors="ignore").decode().replace("\0", "").split())


def _fragments(draw: random.Random, sources: Sequence[Sequence[str]], chars: int) -> Iterator[str]:
    turn = 0
    while chars > 0:
        document = draw.choice(sources[turn % len(sources)])
        start = draw.randrange(max(1, len(document) - FRAGMENT_CHARS))
        fragment = document[start : start + min(FRAGMENT_CHARS, chars)]
        yield fragment
        chars -= len(fragment)
        turn += 1
