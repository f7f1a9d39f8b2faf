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
_HTML = re.compile(r"</?\w+>")
_YES_NO = {0: "no", 1: "yes", "NO": "no", "YES": "yes"}


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
        try:
            yield _example(record, where)
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
            missing = isinstance(error, KeyError)
            problem = f"no {error}" if missing else f"a field is of another type ({error})"
            raise wrong_form(record, where, problem, FORM) from error


def _example(record: Mapping[str, Any], where: str) -> Example:
    question = record["question_text"] if "question_text" in record else record["question"]["text"]
    page = _page(record, where)
    name = id_of(record, "id" if "id" in record else "example_id", where)
    url = page.url
    longs: Counter[str] = Counter()
    answers: list[str] = []
    spans: list[str] = []
    for annotation in _rows(record["annotations"]):
        long = annotation["long_answer"]
        text = page.text(long["start_token"], long["end_token"])
        if text:
            longs[text] += 1
        spans += [
            page.text(short["start_token"], short["end_token"])
            for short in _rows(annotation["short_answers"])
        ]
        verdict = _YES_NO.get(annotation["yes_no_answer"])
        answers += [] if verdict is None else [verdict]
    if not isinstance(question, str):
        raise QuotetuneError(f"{where}: the question is not a text: fix the record")
    texts = [text for text, _ in longs.most_common()]
    if not texts:
        return Example(where, skipped="question without a long answer")
    spans = list(dict.fromkeys(filter(None, spans)))
    return Example(
        where,
        [Passage(text, page.title, more={} if url is None else {"url": url}) for text in texts],
        question,
        id=name,
        answers=list(dict.fromkeys(spans + answers)),
        spans=spans,
        more={"context": texts, "reference": texts[0]},
    )


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

    def text(self, first: int, end: int) -> str:
        """Return the text of tokens, with the white space of the page; empty for the range -1."""
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


def _page(record: Mapping[str, Any], where: str) -> _Page:
    if "document_text" in record:
        # The simplified form has tokens with a space between them.
        words = text_of(record, "document_text", where, FORM).split(" ")
        tokens = [_Token(word, _HTML.fullmatch(word) is not None) for word in words]
        return _Page(tokens, None, None, record.get("document_url"))
    if "document_tokens" in record:
        rows, prefix, document = _rows(record["document_tokens"]), "document_", record
        flag = "html_token"
    else:
        rows, prefix, document = _rows(record["document"]["tokens"]), "", record["document"]
        flag = "is_html"
    tokens = [
        _Token(row["token"], row[flag], row.get("start_byte"), row.get("end_byte")) for row in rows
    ]
    html = optional_text(document, f"{prefix}html", where, FORM)
    return _Page(
        tokens,
        None if html is None else html.encode(),
        document.get(f"{prefix}title"),
        document.get(f"{prefix}url"),
    )


def _rows(value: Any) -> list[Mapping[str, Any]]:
    """Return a list of records, which the hub has as a record of lists."""
    if isinstance(value, Mapping):
        return [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]
    return list(value)
