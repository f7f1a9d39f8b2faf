"""A corpus in parts, and what is asked of its indexes; the same every time."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = "tales"
REMOVED = ("d7", "d100", "d200")
_PART = 60
_WORDS = (
    *("the", "and", "of", "a", "to", "in", "that", "water", "river", "stone", "naïve", "café"),
    *("garden", "quick", "brown", "fox", "jumps", "over", "lazy", "dog", "ice", "dense", "moves"),
    *("mountain", "東京", "house", "letter", "morning", "wrote", "never", "always", "🦀", "small"),
)
_PUBLISHED = "The quick brown fox jumps over the lazy dog, and nothing else happens. "
_BOILERPLATE = "All rights reserved. No part of this text may be copied without a written permit. "


@dataclass(frozen=True)
class Corpus:
    """Files of documents and of queries.

    Attributes:
        parts: Three files that most indexes are made of, and a fourth one that is added later.
        together: The first three in one file.
        stray: One document that is in none of them.
        many: Two million n-grams, more than one partition of a fuse filter has.
        after: The documents of an index that has got the fourth part and lost some of `REMOVED`.
        published: The text that a published filter is made of.
        queries: Texts, phrases and documents, as JSON.
        texts: The texts again, as JSONL.
    """

    parts: tuple[Path, ...]
    together: Path
    stray: Path
    many: Path
    after: Path
    published: Path
    queries: Path
    texts: Path


def write_corpus(directory: Path) -> Corpus:
    """Write the files."""
    rng = random.Random(0)
    documents = [
        {"name": f"d{i}", "body": _body(rng), "title": f"No. {i}"} for i in range(4 * _PART)
    ]
    stray = {"name": "stray", "body": "Nobody has ever missed this document. " * 9, "title": "?"}

    def write(name: str, rows: list[dict[str, str]]) -> Path:
        path = directory / f"{name}.jsonl"
        lines = (json.dumps(row | {"source": SOURCE}, ensure_ascii=False) for row in rows)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    queries = _queries(rng, documents)
    texts = directory / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": text}) + "\n" for text in queries["texts"]))
    (directory / "queries.json").write_text(json.dumps(queries))
    (directory / "published.txt").write_text(_PUBLISHED * 2)
    return Corpus(
        tuple(write(f"part-{i}", documents[_PART * i : _PART * (i + 1)]) for i in range(4)),
        write("together", documents[: 3 * _PART]),
        write("stray", [stray]),
        write("many", [{"name": f"m{i}", "body": _letters(rng), "title": ""} for i in range(20)]),
        write("after", [document for document in documents if document["name"] not in REMOVED]),
        directory / "published.txt",
        directory / "queries.json",
        texts,
    )


def _body(rng: random.Random) -> str:
    """A text of any length, with white space that is normalised; one in three has boilerplate."""
    words = rng.choices(_WORDS, k=rng.choice((3, 20, 60, 200)))
    text = "".join(
        word + rng.choice((" ", " ", " ", "  ", ", ", ".\r\n", "\n\n")) for word in words
    )
    return text + rng.choice(("", "", _BOILERPLATE))


def _letters(rng: random.Random) -> str:
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=100_000))


def _queries(rng: random.Random, documents: list[dict[str, str]]) -> dict[str, list[Any]]:
    bodies = [document["body"] for document in documents]
    pieces = [body[at : at + 70] for body in bodies for at in (rng.randrange(len(body)),)]
    texts = [" and then ".join(rng.sample(pieces, 3)) for _ in range(20)]
    texts += [*bodies[:4], bodies[62].upper(), "", "short", "Nobody has written these words. " * 3]
    texts += [_PUBLISHED, _PUBLISHED[:40] + pieces[0]]
    phrases = [piece[: rng.randrange(1, 60)] for piece in pieces[:60]]
    names = [(SOURCE, documents[number]["name"]) for number in (2, 70, 150)]
    return {"texts": texts, "phrases": [*phrases, "absent words", "q"], "documents": names}
