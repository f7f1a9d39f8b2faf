"""Questions with their passages, one per record, as most data sets for retrieval have them."""

from collections.abc import Iterator, Mapping
from typing import Any

from quotetune.corpus.fields import json_kind
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

FORM = "passages"
QUESTION = ("question", "query", "prompt")
PASSAGES = ("passages", "passage", "contexts", "context")
ANSWERS = ("answers", "answer")
_READ = {*QUESTION, *PASSAGES, *ANSWERS, "id", "title"}


def passages(part: Part) -> Iterator[Example]:
    """Read records with a question, its passages and its answers.

    The question is `question`, `query` or `prompt`. The passages are `passages`, `passage`,
    `contexts` or `context`: a text, an object with `text`, or a list of these. An object may have
    an `id` and a `title`, and its other fields go into the corpus. The `title` of the record is
    that of passages without one. The answers are `answers` or `answer`, as `texts_of` reads them.
    Other fields go into the prompt.

    Args:
        part: A file, or a split of a data set.

    Yields:
        One example per record.

    Raises:
        QuotetuneError: A record is of another form; the message names its place.
    """
    for where, record in part.records():
        question = text_of(record, _key(record, QUESTION, where), where, FORM)
        given = record[_key(record, PASSAGES, where)]
        title = optional_text(record, "title", where, FORM)
        found = [
            _passage(item, title, where) for item in (given if isinstance(given, list) else [given])
        ]
        key = next((key for key in ANSWERS if key in record), None)
        answers = None if key is None else texts_of(record[key], key, where)
        context: Any = [passage.text for passage in found]
        more = {name: value for name, value in record.items() if name not in _READ}
        yield Example(
            where,
            found,
            question,
            id=id_of(record, "id", where),
            answers=answers,
            more={"context": context} | more,
        )


def _key(record: Mapping[str, Any], names: tuple[str, ...], where: str) -> str:
    for name in names:
        if record.get(name) is not None:
            return name
    *others, last = names
    raise wrong_form(record, where, f"no {', '.join(others)} or {last}", FORM)


def _passage(item: Any, title: str | None, where: str) -> Passage:
    if isinstance(item, str):
        return Passage(item, title)
    if not isinstance(item, Mapping):
        raise QuotetuneError(
            f"{where}: a passage is {json_kind(item)}: write a text, or an object with a text"
        )
    more = {key: value for key, value in item.items() if key not in ("text", "id", "title")}
    own = optional_text(item, "title", where, FORM)
    return Passage(
        text_of(item, "text", where, FORM),
        title if own is None else own,
        id_of(item, "id", where),
        more,
    )
