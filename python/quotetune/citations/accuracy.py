"""Measure how often the ids of held-out responses are right, beside ids from elsewhere.

The ids are those that the model decoded freely (`plain`), those that it decoded under a constraint
(`constrained`), those that a trace of the response finds (`traced`), and three that need no model:
those in the prompt (`copied`), and those that BM25 finds for the prompt (`searched_by_prompt`) and
for the response (`searched_by_response`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.citations.decoding import continuation_id
from quotetune.citations.form import split_citations
from quotetune.citations.hits import Cited, citation_metrics
from quotetune.citations.ids import Documents, citable_ids, documents_by_id, is_citable
from quotetune.citations.without_model import ids_by_search, ids_in_text
from quotetune.rendering.footnotes import cited_documents
from quotetune.sampling.parts import answers, has_answer, read_samples

if TYPE_CHECKING:
    from quotetune.corpus.index import Index
    from quotetune.prompts.prompt import Prompt

WAYS = (
    "plain",
    "constrained",
    "traced",
    "copied",
    "searched_by_prompt",
    "searched_by_response",
)


def measure_citations(
    prompts: Sequence["Prompt"],
    samples: Path,
    constrained: Path,
    index: "Index",
    *,
    n: int,
    k: int,
) -> dict[str, Any]:
    """Measure the ids of a policy's responses, and those from elsewhere.

    Args:
        prompts: The held-out prompts.
        samples: Directory of the parts of the responses, as the model gave them.
        constrained: Directory that `decode_citations` wrote.
        index: The index of the corpus.
        n: The number of samples per prompt that count, from the first.
        k: The number of ids per response that count, from the first.

    Returns:
        `responses`, their number; `quoting`, the number that quote something; `with_gold`, the
        number whose prompts have documents of the corpus; and for each of `WAYS` the
        `CitationMetrics`, or None if it was not decoded.
    """
    table = read_samples(samples)
    rows = [row for row in answers(table, table.column_names) if row["sample"] < n]
    cut = [row["finish_reason"] == "length" for row in rows]
    parted = [
        split_citations(row["response"], is_cut) for row, is_cut in zip(rows, cut, strict=True)
    ]
    texts = [text for text, _ in parted]
    quotes = index.trace(texts)
    asked = {prompt.id: prompt.asked for prompt in prompts}
    questions = [asked[row["prompt_id"]] for row in rows]
    citable = set(citable_ids(index))
    searched = ids_by_search(index, [*questions, *texts], k)
    ids = {
        "plain": [ids for _, ids in parted],
        "constrained": _constrained(constrained, rows),
        "traced": [
            [found.id for found in cited_documents(text, quoted) if is_citable(found.id)]
            for text, quoted in zip(texts, quotes, strict=True)
        ],
        "copied": [ids_in_text(question, citable) for question in questions],
        "searched_by_prompt": searched[: len(rows)],
        "searched_by_response": searched[len(rows) :],
    }
    gold = _gold(prompts, index)
    golds = [gold[row["prompt_id"]] for row in rows]
    cited_ids = {id for found in ids.values() for one in found or [] for id in one}
    named = documents_by_id(index, cited_ids)
    content: dict[str, Any] = {
        "responses": len(rows),
        "quoting": sum(map(bool, quotes)),
        "with_gold": sum(one is not None for one in golds),
    }
    for way, found in ids.items():
        content[way] = None
        if found is not None:
            right = [
                _containing(text, one, named, index) if quoted else None
                for text, one, quoted in zip(texts, found, quotes, strict=True)
            ]
            cited = [
                Cited(one, named.keys() & set(one), true, own)
                for one, true, own in zip(found, right, golds, strict=True)
            ]
            content[way] = citation_metrics(cited, k)
    return content


def _constrained(directory: Path, rows: Sequence[Mapping[str, Any]]) -> list[list[str]] | None:
    """Read constrained ids, in the order of the responses; None if none were decoded.

    A response without an answer has none.
    """
    decoded = read_samples(directory).to_pylist()
    if not decoded:
        return None
    answered = [continuation_id(row) for row in rows if has_answer(row)]
    assert [row["prompt_id"] for row in decoded] == answered
    ids = {row["prompt_id"]: split_citations(row["response"], cut=True)[1] for row in decoded}
    return [ids.get(continuation_id(row), []) for row in rows]


def _containing(
    text: str, ids: Sequence[str], named: Mapping[str, Documents], index: "Index"
) -> set[str]:
    """Return the ids of documents that contain a quote of a text, that is one of its n-grams.

    A trace names only the first documents that contain a quote, so every cited one is checked.
    """
    known = [id for id in dict.fromkeys(ids) if id in named]
    scores = index.quip([text] * len(known), documents=[named[id] for id in known])
    return {id for id, score in zip(known, scores, strict=True) if score > 0}


def _gold(prompts: Sequence["Prompt"], index: "Index") -> dict[str, set[str] | None]:
    """Return the ids of each prompt's documents in the corpus; None if there are none."""
    own = {prompt.id: set(prompt.documents or []) for prompt in prompts}
    held = documents_by_id(index, {id for documents in own.values() for _, id in documents})
    there = {document for documents in held.values() for document in documents}
    return {name: {id for _, id in documents & there} or None for name, documents in own.items()}
