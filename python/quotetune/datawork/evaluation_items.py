"""Read the items of evaluation sets: their questions and answers, and not their passages."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quotetune.corpus.fields import as_name, json_kind, splits
from quotetune.corpus.files import default_names
from quotetune.corpus.formats import Format
from quotetune.corpus.inputs import expand_inputs
from quotetune.corpus.records import objects, read_whole_text
from quotetune.corpus.rows import USUAL_ID
from quotetune.errors import QuotetuneError
from quotetune.runtime.jsonl import is_unicode

# Those of most evaluation sets; `answers.text` is how SQuAD nests them.
USUAL_KEYS = ("question", "answer", "answers", "answers.text")


@dataclass(frozen=True)
class Item:
    """An item of an evaluation set.

    Attributes:
        source: The set: the file's name without its ending.
        id: The record's field `id`, or else its place in the file.
        texts: Its question, its answers, or whatever the keys name; none is empty.
    """

    source: str
    id: str
    texts: tuple[str, ...]


def read_items(
    inputs: Sequence[Path], keys: Sequence[str] = (), format: Format | None = None
) -> Iterator[Item]:
    """Read the items of files, folders and globs.

    Args:
        inputs: The files. A text file is one item. In a file of SQuAD's own form, with `data`,
            `paragraphs` and `qas`, each question is one.
        keys: Fields of the texts, of which each record must have one. The value of a field is a
            text, or a list of texts. `a.b` is the field `b` of the object `a`, or of each object in
            the list `a`. By default `USUAL_KEYS`; of these, values that are no texts do not count.
        format: The format of all files; by default their names and first bytes tell it.

    Raises:
        UsageError: An input is invalid.
        QuotetuneError: A record is bad: not JSON, without the fields, or with no text in them.
    """
    for file in expand_inputs(inputs, format).files:
        source, _, text_id = default_names(file, None)
        if file.format == "text":
            yield _item(source, text_id, [read_whole_text(file.path)], str(file.path))
            continue
        for number, (where, record) in enumerate(_questions(file.path), 1):
            found = [
                text
                for key in keys or USUAL_KEYS
                for text in _texts(record, key, where, is_named=bool(keys))
            ]
            yield _item(source, _id(record, where, number), found, where, keys)


def _questions(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the records of a file; of one in SQuAD's own form, the questions that it contains."""
    for where, record in objects(path):
        articles = _list(record, "data")
        if not any(_list(article, "paragraphs") for article in articles):
            yield where, record
            continue
        for a, article in enumerate(articles):
            for p, paragraph in enumerate(_list(article, "paragraphs")):
                for q, question in enumerate(_list(paragraph, "qas")):
                    place = f"{where}: data[{a}].paragraphs[{p}].qas[{q}]"
                    if not isinstance(question, Mapping):
                        raise QuotetuneError(
                            f"{place}: {json_kind(question)}, not an object: fix the file"
                        )
                    yield place, question


def _list(value: Any, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, list) else []


def _item(source: str, id: str, texts: Sequence[str], where: str, keys: Sequence[str] = ()) -> Item:
    kept = tuple(dict.fromkeys(text for text in texts if text.strip()))
    if not kept:
        names = ", ".join(keys or USUAL_KEYS)
        raise QuotetuneError(
            f"{where}: no text in {names}: name the fields of the texts with --keys"
        )
    for text in kept:
        if not is_unicode(text):
            raise QuotetuneError(f"{where}: a lone surrogate in a text: fix the record")
    return Item(source, id, kept)


def _id(record: Mapping[str, Any], where: str, number: int) -> str:
    name = as_name(record.get(USUAL_ID))
    place = where.rpartition(":")[2].removeprefix(" object ")
    return name if name is not None else place if place.isdigit() else str(number)


def _texts(record: Mapping[str, Any], key: str, where: str, *, is_named: bool) -> Iterator[str]:
    for value in _values(record, key):
        for text in value if isinstance(value, list | tuple) else [value]:
            if isinstance(text, str):
                yield text
            elif is_named and text is not None:
                raise QuotetuneError(
                    f"{where}: {key!r} is {json_kind(text)}, not a text or a list of texts: name "
                    "other fields with --keys"
                )


def _values(record: Mapping[str, Any], key: str) -> Iterator[Any]:
    """Yield the values of a field; those of all objects where the path leads through a list."""
    for name, rest in splits(key):
        value = record.get(name)
        if rest is None:
            found = [] if value is None else [value]
        else:
            inside = value if isinstance(value, list | tuple) else [value]
            holders = [one for one in inside if isinstance(one, Mapping)]
            found = [deep for one in holders for deep in _values(one, rest)]
        if found:
            yield from found
            return
