"""The form of SQuAD (Rajpurkar et al. 2016): articles with paragraphs, which have questions.

Files are the published JSON, or one question per record as the hub has them.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from quotetune.corpus.fields import json_kind
from quotetune.corpus.records import read_records, read_whole_text
from quotetune.errors import QuotetuneError
from quotetune.preparation.example import (
    Example,
    Passage,
    id_of,
    optional_text,
    text_of,
    texts_of,
    wrong_form,
)
from quotetune.preparation.sources import Part
from quotetune.prompts.answers import answer_items
from quotetune.prompts.sentences import sentences_around
from quotetune.runtime.jsonl import parse_json

FORM = "squad"


def squad(part: Part) -> Iterator[Example]:
    """Read the paragraphs and questions of SQuAD, XQuAD, MLQA and others of their form.

    Published JSON is one object, which is read as a whole: SQuAD's training file has 30 MB.

    Args:
        part: A file, or a split of a data set.

    Yields:
        One example per question. A paragraph without a question has an example without a prompt.

    Raises:
        QuotetuneError: A record is of another form; the message names its place.
    """
    for where, record in _records(part):
        if isinstance(record.get("data"), list):
            yield from _articles(record["data"], where)
        else:
            yield _question(record, where, _paragraph(record, where, record))


def _records(part: Part) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield records, or the one object of a JSON file, whose place is the file itself."""
    if part.path is None:
        yield from part.records()
        return
    records = read_records(part.path)
    first = next(records, None)
    if first is None:
        return
    where, record = first
    if isinstance(record, QuotetuneError):
        yield str(part.path), _whole(part.path, record)
        return
    if isinstance(record.get("data"), list):
        where = str(part.path)
    for place, more in chain([(where, record)], records):
        if isinstance(more, QuotetuneError):
            raise more
        yield place, more


def _whole(path: Path, first: QuotetuneError) -> dict[str, Any]:
    """Read a file whose first line is no record as one object over many lines."""
    content = read_whole_text(path)
    if not content.lstrip().startswith("{"):
        raise first
    try:
        whole = parse_json(content)
    except json.JSONDecodeError as error:
        raise QuotetuneError(
            f"{path}:{error.lineno}: not JSON ({error.msg}, column {error.colno}): get it again"
        ) from error
    except ValueError as error:
        raise first from error
    if not isinstance(whole, dict):
        raise first
    return whole


def _articles(articles: list[Any], path: str) -> Iterator[Example]:
    for a, article in enumerate(articles):
        place = f"{path}: data[{a}]"
        for p, paragraph in enumerate(_list(article, "paragraphs", place)):
            where = f"{place}.paragraphs[{p}]"
            questions = _list(paragraph, "qas", where)
            passage = _paragraph(paragraph, where, article)
            if not questions:
                yield Example(where, [passage])
            for q, question in enumerate(questions):
                inner = f"{where}.qas[{q}]"
                yield _question(_object(question, inner), inner, passage)


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise QuotetuneError(f"{where}: {json_kind(value)}, not an object: fix the file")
    return value


def _list(value: Any, key: str, where: str) -> list[Any]:
    record = _object(value, where)
    if not isinstance(record.get(key), list):
        raise wrong_form(record, where, f'no list "{key}"', FORM)
    return list(record[key])


def _paragraph(record: Mapping[str, Any], where: str, article: Mapping[str, Any]) -> Passage:
    text = text_of(record, "context", where, FORM)
    return Passage(text, optional_text(article, "title", where, FORM))


def _question(record: Mapping[str, Any], where: str, passage: Passage) -> Example:
    """Return a question. Those of SQuAD 2.0 that are impossible have no answers."""
    question = text_of(record, "question", where, FORM)
    given = record.get("answers")
    answers = texts_of(given, "answers", where)
    more = {
        "context": passage.text,
        "title": passage.title,
        "reference": _reference(given, answers, passage.text),
    }
    return Example(
        where,
        [passage],
        question,
        id=id_of(record, "id", where),
        answers=answers,
        more={key: value for key, value in more.items() if value is not None},
    )


def _reference(given: Any, answers: Sequence[str], text: str) -> str | None:
    """Return the sentences of the passage around the first answer; None if it is not there."""
    if not answers:
        return None
    start, *_ = answer_items(given, "answer_start") or [None]
    if not isinstance(start, int) or not text.startswith(answers[0], start):
        start = text.find(answers[0])
    return None if start < 0 else sentences_around(text, start, start + len(answers[0]))
