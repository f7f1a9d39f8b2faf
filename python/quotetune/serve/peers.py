"""The answers of other services, so that their clients need only another address.

`POST /quip` is the data-portraits service's, `POST /` the infini-gram API's.
"""

import re
import time
from typing import Any

from quotetune.corpus.index import Index
from quotetune.rendering.quip_service import formatted_quotes, service_response
from quotetune.serve.answers import need_suffix_index
from quotetune.serve.refusal import Refusal
from quotetune.serve.requests import InfiniGramRequest, QuipRequest

# Terms of the infini-gram API between which a space must be.
_OPERATORS = re.compile(r" (AND|OR) ")


def quip(index: Index, request: QuipRequest) -> list[dict[str, Any]]:
    """Answer as the data-portraits service does (see `service_response`)."""
    answers = []
    for idx, (doc, hits) in enumerate(index.windows(request.documents)):
        answer = service_response(idx, doc, hits.tolist(), index.n)
        if request.format_quotes:
            answer |= formatted_quotes(doc, answer["chain_idxs"], index.n)
        answers.append(answer)
    return answers


def count(index: Index, request: InfiniGramRequest) -> dict[str, Any]:
    """Answer a `count` of the infini-gram API: the exact occurrences of a text.

    Example:
        >>> from tempfile import mkdtemp
        >>> from quotetune import build_index
        >>> index = build_index(["banana"], mkdtemp() + "/i")
        >>> count(index, InfiniGramRequest(query_type="count", query="ana"))["count"]
        2
    """
    if request.query_type != "count":
        raise Refusal(422, "query_type: only count is answered; for documents, use POST /trace")
    if request.query_ids is not None:
        raise Refusal(422, "query_ids: there are no tokens here: send the text as query")
    if request.query is None:
        raise Refusal(422, "query: missing: send the text to count")
    if _OPERATORS.search(request.query):
        raise Refusal(422, "query: AND and OR are not answered: send one text at a time")
    need_suffix_index(index)
    start = time.perf_counter()
    number = int(index.count([request.query])[0])
    # There are no tokens, but clients may print these lists.
    latency = round((time.perf_counter() - start) * 1000, 3)
    return {"count": number, "approx": False, "token_ids": [], "tokens": [], "latency": latency}
