"""The forms of NaturalQuestions (Kwiatkowski et al. 2019): a question, a page, and annotations.

There are three: the published JSONL, its simplified JSONL, and the records of the hub.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from quotetune.errors import QuotetuneError
from quotetune.preparation.example import (
    Example,
    Passage,
    id_of,
    optional_text,
    text_of,
    wrong_form,
)
from quotetune.preparation.sources import Part

FORM = "nq"
_TAG = re.compile(rb"<[^>]*>")
_TAG_TOKEN = re.compile(r"</?\w+>")
_YES_NO = {0: "no", 1: "yes", "NO": "no", "YES": "yes"}
_Range = tuple[int, int]  # the first token, and the one after the last


def natural_questions(part: Part) -> Iterator[Example]:
    """Read questions with the paragraphs that annotators chose as long answers.

    A question without a long answer, about half of them, is left out, because nothing says where it
    is answered. Several annotators may choose several paragraphs; the one of most annotators is the
    first, and the prompt's reference. The gold answers are the short answers, and yes or no.

    Args:
        part: A file, or a split of a data set.

    Yields:
        One example per question.

    Raises:
        QuotetuneError: A record is of another form; the message names its place.
    """
    for where, record in part.records():
        # Only reading is inside, so that a bug of ours does not look like a bad record.
        try:
            question = _question(record, where)
        except (KeyError, TypeError, ValueError) as error:
            missing = isinstance(error, KeyError)
            problem = f"no {error}" if missing else f"a field is of another type ({error})"
            raise wrong_form(record, where, problem, FORM) from error
        yield _example(question, where)


@dataclass(frozen=True)
class _Token:
    text: str
    is_html: bool
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class _Page:
    tokens: list[_Token]
    html: bytes | None
    title: str | None
    url: str | None

    def text(self, tokens: _Range) -> str:
        """Return the text of tokens, with the white space of the page; empty for the range -1."""
        first, end = tokens
        parts: list[str] = []
        before: _Token | None = None
        for token in self.tokens[max(first, 0) : max(end, 0)]:
            if token.is_html:
                before = None
                continue
            if parts and (before is None or self._is_apart(before, token)):
                parts.append(" ")
            parts.append(token.text)
            before = token
        return "".join(parts)

    def _is_apart(self, before: _Token, token: _Token) -> bool:
        """Tell whether more than tags is between two tokens; without bytes they are apart."""
        if before.end is None or token.start is None:
            return True
        if self.html is None:
            return token.start > before.end
        return bool(_TAG.sub(b"", self.html[before.end : token.start]))


@dataclass(frozen=True)
class _Annotation:
    long: _Range
    shorts: list[_Range]
    verdict: str | None


@dataclass(frozen=True)
class _Question:
    text: str
    id: str | None
    page: _Page
    annotations: list[_Annotation]


def _example(question: _Question, where: str) -> Example:
    page = question.page
    longs = Counter(page.text(annotation.long) for annotation in question.annotations)
    texts = [text for text, _ in longs.most_common() if text]
    if not texts:
        return Example(where, skipped="no long answer")
    shorts = [page.text(short) for one in question.annotations for short in one.shorts]
    verdicts = [one.verdict for one in question.annotations]
    more = {} if page.url is None else {"url": page.url}
    return Example(
        where,
        [Passage(text, page.title, more=more) for text in texts],
        question.text,
        id=question.id,
        answers=list(dict.fromkeys(filter(None, [*shorts, *verdicts]))),
        more={"context": texts, "reference": texts[0]},
    )


def _question(record: Mapping[str, Any], where: str) -> _Question:
    """Read the fields of a record.

    Raises:
        KeyError: It lacks one.
        TypeError, ValueError: One is of another type.
        QuotetuneError: One is not as it should be; the message names it.
    """
    text = record["question_text"] if "question_text" in record else record["question"]["text"]
    page = _page(record, where)
    name = id_of(record, "id" if "id" in record else "example_id", where)
    annotations = [
        _Annotation(
            _range(annotation["long_answer"]),
            [_range(short) for short in _rows(annotation["short_answers"])],
            _YES_NO.get(annotation["yes_no_answer"]),
        )
        for annotation in _rows(record["annotations"])
    ]
    if not isinstance(text, str):
        raise QuotetuneError(f"{where}: the question is not a text: fix the record")
    return _Question(text, name, page, annotations)


def _page(record: Mapping[str, Any], where: str) -> _Page:
    if "document_text" in record:
        # The simplified form has tokens with a space between them.
        words = text_of(record, "document_text", where, FORM).split(" ")
        tokens = [_Token(word, _TAG_TOKEN.fullmatch(word) is not None) for word in words]
        return _Page(tokens, None, None, optional_text(record, "document_url", where, FORM))
    if "document_tokens" in record:
        prefix, flag, document = "document_", "html_token", record
    else:
        prefix, flag, document = "", "is_html", record["document"]
    tokens = [_token(row, flag) for row in _rows(document[f"{prefix}tokens"])]
    html = optional_text(document, f"{prefix}html", where, FORM)
    return _Page(
        tokens,
        None if html is None else html.encode(),
        optional_text(document, f"{prefix}title", where, FORM),
        optional_text(document, f"{prefix}url", where, FORM),
    )


def _token(row: Mapping[str, Any], flag: str) -> _Token:
    text, start, end = row["token"], row.get("start_byte"), row.get("end_byte")
    if not isinstance(text, str):
        raise TypeError("a token is not a text")
    return _Token(
        text,
        bool(row[flag]),
        None if start is None else _integer(start),
        None if end is None else _integer(end),
    )


def _range(value: Mapping[str, Any]) -> _Range:
    return _integer(value["start_token"]), _integer(value["end_token"])


def _integer(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError("a place is not an integer")
    return value


def _rows(value: Any) -> list[Mapping[str, Any]]:
    """Return a list of records, which the hub has as a record of lists."""
    if isinstance(value, Mapping):
        return [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]
    return list(value)
