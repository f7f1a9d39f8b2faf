"""The answers of the service's own routes, as JSON values."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from quotetune.corpus.index import Index
from quotetune.corpus.results import Quote
from quotetune.errors import UnknownDocumentError
from quotetune.rendering.fewest_quotes import quotes_to_cite
from quotetune.rendering.footnotes import cited_response
from quotetune.serve.filters import in_whole_words, most_rare, one_per_place, rarity, words
from quotetune.serve.refusal import Refusal
from quotetune.serve.requests import CiteRequest, ScoreRequest, TraceRequest
from quotetune.serve.snippets import Snippets

# Shorter quotes are asked for by mistake. A text has as many of them as characters, and each occurs
# in nearly every document.
SHORTEST_QUOTE = 8
# An answer that names more documents has hundreds of megabytes.
_MOST_NAMED = 100_000
_MOST_DOCUMENT_CHARS = 1 << 24

Json = dict[str, Any]


def scores(index: Index, request: ScoreRequest) -> list[Json]:
    """Score texts: the fields of `QuipReport` without the quotes.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> index = build_index(["banana split"], mkdtemp() + "/i", n=6)
        >>> scores(index, ScoreRequest(texts=["a banana"]))[0]["quip_25_beta"]
        0.3333333333333333
    """
    if request.exact:
        need_suffix_index(index)
    return [
        {
            "numerator": report.numerator,
            "denominator": report.denominator,
            "quip_25_beta": report.quip_25_beta,
            "too_short": report.too_short,
            "longest_quote": report.longest_quote,
            "covered": report.covered,
        }
        for report in index.score(request.texts, max_documents=0, exact=request.exact)
    ]


def traces(index: Index, request: TraceRequest) -> list[Json]:
    """Trace texts, with the filters of the request in the order in which it lists them."""
    min_chars = shortest(index, request.min_chars)
    found = index.trace(request.texts, min_chars, request.max_documents)
    if request.whole_words:
        found = in_whole_words(index, request.texts, found, min_chars, request.max_documents)
    snippets = Snippets(index)
    named = 0
    results = []
    for text, quotes in zip(request.texts, found, strict=True):
        shown = _filtered(index, request, text, quotes)
        named = check_named(shown, named)
        around = request.snippet_chars
        results.append({"quotes": list(_with_snippets(shown, snippets, around))})
        if snippets.given > _MOST_NAMED:
            raise Refusal(
                413,
                f"the answer has more than {_MOST_NAMED} snippets: send fewer texts, or set "
                "max_documents lower or min_chars higher",
            )
    return results


def citations(index: Index, request: CiteRequest) -> list[Json]:
    """Put footnotes into responses, each numbered from 1."""
    need_suffix_index(index)
    least = request.min_chars
    if least is not None:
        least = shortest(index, least)
    found = quotes_to_cite(request.texts, index, least, request.max_documents, request.all)
    named = 0
    results = []
    for text, quotes in zip(request.texts, found, strict=True):
        named = check_named(quotes, named)
        cited = cited_response(text, quotes, request.style, 1, index, request.all)
        results.append({**cited.to_dict(), "footnotes": cited.footnotes()})
    return results


def document(index: Index, source: str, id: str, start: int, end: int | None) -> Json:
    """Return a document, or a part of it.

    Raises:
        Refusal: There is no such document or part, or it is too long to be sent whole.
    """
    if end is not None and end < start:
        raise Refusal(422, f"end is {end}, before start, which is {start}: choose a larger end")
    need_suffix_index(index)
    try:
        found = index.document(source, id)
    except UnknownDocumentError as error:
        raise Refusal(404, "no such document: look up source and id in a quote") from error
    if start > len(found.text):
        raise Refusal(404, f"no such part: the document has {len(found.text)} characters")
    text = found.text[start:end]
    if len(text) > _MOST_DOCUMENT_CHARS:
        raise Refusal(
            413, f"the document has {len(found.text)} characters: name a part with start and end"
        )
    return {
        "source": found.source,
        "id": found.id,
        "metadata": found.metadata,
        "text": text,
        "start": start,
        "characters": len(found.text),
    }


def description(name: str, index: Index) -> Json:
    """Describe an index."""
    return {
        "name": name,
        "documents": len(index),
        "ngrams": index.ngrams,
        "n": index.n,
        "normalization": index.normalization,
        "structures": index.structures,
        "fpr": index.fpr,
    }


def need_suffix_index(index: Index) -> None:
    """Refuse an index that cannot find quotes."""
    if not index.has_suffix_index:
        raise Refusal(422, "the index has no suffix index, so it only scores: use POST /score")


def shortest(index: Index, min_chars: int | None) -> int:
    """Return the length of the shortest quote to look for.

    Raises:
        Refusal: It is so short that nearly all text is quotes; or the index finds no quotes.
    """
    need_suffix_index(index)
    least = min(SHORTEST_QUOTE, index.n)
    if min_chars is not None and min_chars < least:
        raise Refusal(422, f"min_chars is {min_chars}: choose {least} or more")
    return index.n if min_chars is None else min_chars


def check_named(quotes: Sequence[Quote], named: int) -> int:
    """Add up the documents that an answer names.

    Raises:
        Refusal: They are too many.
    """
    named += sum(len(quote.documents) for quote in quotes)
    if named > _MOST_NAMED:
        raise Refusal(
            413,
            f"the answer names more than {_MOST_NAMED} documents: send fewer texts, or set "
            "max_documents lower or min_chars higher",
        )
    return named


def _filtered(
    index: Index, request: TraceRequest, text: str, quotes: Sequence[Quote]
) -> Sequence[Quote]:
    if request.max_count is not None:
        quotes = [quote for quote in quotes if quote.count <= request.max_count]
    if not (request.one_per_place or request.max_density or request.rarest_first):
        return quotes
    rank = rarity(index, quotes)
    if request.one_per_place:
        quotes = one_per_place(quotes, rank)
    if request.max_density is not None:
        quotes = most_rare(quotes, rank, math.ceil(request.max_density * len(words(text))))
    return sorted(quotes, key=rank) if request.rarest_first else quotes


def _with_snippets(quotes: Sequence[Quote], snippets: Snippets, chars: int) -> Iterator[Json]:
    for quote in quotes:
        shown = quote.to_dict()
        if chars:
            for document, entry in zip(quote.documents, shown["documents"], strict=True):
                entry["snippets"] = list(snippets.all_around(quote, document, chars))
        yield shown
