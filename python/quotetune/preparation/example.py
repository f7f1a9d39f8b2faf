"""What every form of data set is read into: a question, and the passages that it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from quotetune.corpus.fields import as_name, json_kind
from quotetune.errors import QuotetuneError
from quotetune.prompts.answers import answer_items


@dataclass(frozen=True)
class Passage:
    """A document of the corpus.

    Attributes:
        text: Its text.
        title: Its title, if it has one.
        id: Its id; None lets the title and a number be its id.
        more: Further columns of its row in the corpus.
    """

    text: str
    title: str | None = None
    id: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Example:
    """A record of a data set.

    Attributes:
        where: Its place, for messages.
        passages: The documents that it brings; its prompt names them.
        prompt: The question; None if the record has none.
        id: The id of the prompt; None lets a number be its id.
        answers: The gold answers; None if the form has none.
        more: Further columns of the prompt.
        skipped: Why it is left out as a prompt, if that is to be counted.
    """

    where: str
    passages: Sequence[Passage] = ()
    prompt: str | None = None
    id: str | None = None
    answers: Sequence[str] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    skipped: str | None = None


def text_of(record: Mapping[str, Any], key: str, where: str, form: str) -> str:
    """Return a field that must be a text.

    Raises:
        QuotetuneError: There is no such field, or it is not a text.

    Example:
        >>> text_of({"question": 7}, "question", "a:1", "squad")
        Traceback (most recent call last):
        quotetune.errors.QuotetuneError: a:1: "question" is a number, not a text: fix the record
    """
    if key not in record:
        raise wrong_form(record, where, f'no "{key}"', form)
    value = record[key]
    if not isinstance(value, str):
        raise QuotetuneError(f'{where}: "{key}" is {json_kind(value)}, not a text: fix the record')
    return value


def optional_text(record: Mapping[str, Any], key: str, where: str, form: str) -> str | None:
    """Return a field that may be missing or null, and is otherwise a text."""
    return None if record.get(key) is None else text_of(record, key, where, form)


def id_of(record: Mapping[str, Any], key: str, where: str) -> str | None:
    """Return an id, a text or an integer; None if it is missing or null.

    Raises:
        QuotetuneError: It is something else, or empty.
    """
    value = record.get(key)
    if value is None:
        return None
    name = as_name(value)
    if not name:
        kind = "empty" if name == "" else f"{json_kind(value)}, not a text or an integer"
        raise QuotetuneError(f'{where}: "{key}" is {kind}: fix the record')
    return name


def texts_of(value: Any, key: str, where: str) -> list[str]:
    """Return answers: a text, a list of texts, or as in SQuAD objects or lists under `text`.

    Empty answers and repeated ones are left out.

    Raises:
        QuotetuneError: They are something else.

    Example:
        >>> texts_of([{"text": "ice", "answer_start": 3}, {"text": "ice"}], "answers", "a.json")
        ['ice']
        >>> texts_of({"text": ["ice", "snow"], "answer_start": [3, 9]}, "answers", "a.parquet:1")
        ['ice', 'snow']
    """
    found: list[str] = []
    for text in answer_items(value) or ():
        if not isinstance(text, str):
            raise QuotetuneError(
                f'{where}: "{key}" contains {json_kind(text)}, not a text: write a list of texts'
            )
        if text.strip():
            found.append(text)
    return list(dict.fromkeys(found))


def wrong_form(record: Mapping[str, Any], where: str, problem: str, form: str) -> QuotetuneError:
    """Return the error of a record that lacks what its form has."""
    near = ", ".join(map(str, record)) or "no keys"
    return QuotetuneError(
        f"{where}: {problem} (the record has {near}): this is not the form {form}: prepare it as"
        " squad, nq, wikipedia or passages (docs/data-sets.md has their keys)"
    )
