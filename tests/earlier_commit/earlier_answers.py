"""What is asked of an index through Python, of whichever quotetune the process imports.

`python -P earlier_answers.py TASK ...` with one of these tasks; each prints JSON:

    answers QUERIES INDEX...   the answers of indexes to the queries
    pickle INDEX FILES         one file for each class, and what the objects say
    unpickle FILES             what the objects in the files say, or why they cannot be read
    dump TEXT HEADER           a published Bloom filter of a text, as RedisBloom makes it
"""

import dataclasses
import inspect
import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def answers(queries: Path, *indexes: Path) -> dict[str, Any]:
    from quotetune import Index

    asked = json.loads(queries.read_text(encoding="utf-8"))
    return {path.name: _ask(Index.open(path), **asked) for path in indexes}


def _ask(index: Any, texts: list[str], phrases: list[str], documents: Any) -> dict[str, Any]:
    from quotetune import QuotetuneError, cite

    every = {"all": True} if "all" in inspect.signature(cite).parameters else {}

    names = [(source, id) for source, id in documents]

    def windows(exact: bool) -> list[Any]:
        return [(text, hits.tolist()) for text, hits in index.windows(texts, exact=exact)]

    questions: dict[str, Callable[[], Any]] = {
        "repr": lambda: repr(index),
        "fpr": lambda: index.fpr,
        "record_keys": lambda: index.record_keys,
        "count": lambda: index.count(phrases).tolist(),
        "contains": lambda: index.contains(phrases).tolist(),
        "quip": lambda: index.quip(texts).tolist(),
        "exact quip": lambda: index.quip(texts, exact=True).tolist(),
        "on-topic quip": lambda: index.quip(texts, documents=[names] * len(texts)).tolist(),
        "windows": lambda: windows(False),
        "exact windows": lambda: windows(True),
        "trace in Python": lambda: index.trace(texts, index.n + 5, max_documents=3),
        "cite in Python": lambda: cite(texts, index, **every),
        "document": lambda: [index.document(*name) for name in names],
        "documents": lambda: list(index.documents()),
    }
    found = {}
    for name, question in questions.items():
        try:
            found[name] = question()
        except QuotetuneError as error:
            found[name] = f"refused: {type(error).__name__}"
    return found


def pickle_all(index: Path, files: Path) -> dict[str, Any]:
    import quotetune
    from quotetune.prompts import Prompt

    opened = quotetune.Index.open(index)
    text = next(iter(opened.documents())).text
    [quote, *_] = opened.trace(text)
    cited = quotetune.cite(text, opened)
    objects = [
        *(opened, next(iter(opened.documents())), quote, quote.documents[0]),
        *(opened.score([text])[0], cited, cited.citations[0]),
        quotetune.QuipReward(opened, min_chars=30, max_chars=200),
        quotetune.QuipScorer(opened),
        *(quotetune.QuotetuneError("lost"), quotetune.UsageError("wrong")),
        Prompt("a", text="Why?", reference="So.", documents=[("source", "id")]),
    ]
    for thing in objects:
        (files / f"{type(thing).__name__}.pickle").write_bytes(pickle.dumps(thing))
    return {type(thing).__name__: _said(thing) for thing in objects}


def unpickle_all(files: Path) -> dict[str, Any]:
    found = {}
    for file in sorted(files.glob("*.pickle")):
        try:
            found[file.stem] = _said(pickle.loads(file.read_bytes()))
        except Exception as error:  # whatever it is, it is what the check found
            found[file.stem] = f"{type(error).__name__}: {error}"
    return found


def _said(thing: Any) -> Any:
    """Say what a pickled object holds, and let those that work do some work."""
    name = type(thing).__name__
    text = "The quick brown fox jumps over the lazy dog, and nothing else happens."
    match name:
        case "QuipReward":
            return [name, thing([text, text * 4, ""])]
        case "QuipScorer":
            return [name, thing.version, thing({"text": [text, ""]})]
        case "Index":
            return [name, repr(thing), str(thing.path), thing.quip([text]).tolist()]
        case _ if isinstance(thing, Exception):
            return [name, str(thing), [base.__name__ for base in type(thing).__mro__]]
        case _:
            # A field that a later commit added is null in what an earlier one wrote.
            fields = dataclasses.asdict(thing).items()
            return [name, {field: value for field, value in fields if value is not None}]


def dump(file: Path, header: Path) -> None:
    from redis_bloom import RedisBloom

    bloom = RedisBloom(8192, 7)
    text = file.read_text(encoding="utf-8")
    for start in range(len(text) - 24):
        bloom.add(text[start : start + 25])
    bloom.dump(header, 25, 100, 250)


TASKS: dict[str, Callable[..., Any]] = {
    "answers": answers,
    "pickle": pickle_all,
    "unpickle": unpickle_all,
    "dump": dump,
}

if __name__ == "__main__":
    task, *paths = sys.argv[1:]
    print(json.dumps(TASKS[task](*map(Path, paths)), default=dataclasses.asdict))
