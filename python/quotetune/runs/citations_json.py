"""The citations of a run's policies: their block of `metrics.json`, and its table."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from quotetune.citations.accuracy import WAYS
from quotetune.metrics.row_names import row_label
from quotetune.runs.layout import Layout

_HEADINGS = {
    "cited": "with an id",
    "valid": "valid ids",
    "hits_at_1_trace": "Hits@1 trace",
    "hits_at_k_trace": "Hits@{k} trace",
    "hits_at_1_gold": "Hits@1 gold",
    "hits_at_k_gold": "Hits@{k} gold",
}
CITATIONS_NOTE = (
    "Do the documents that a response cites contain a quote of it (trace), and do they belong to"
    " its prompt (gold)? Plain ids are the response's own. Constrained ids are decoded after it,"
    " from the ids of the corpus only. Traced ids are found afterwards, so they are verified by"
    " construction. The others need no model: those that stand in the prompt, and those that BM25"
    " finds for the prompt or for the response."
)


def collect_citations(layout: Layout, names: Sequence[str]) -> dict[str, Any]:
    """Collect the measures of citations from the evaluations.

    Args:
        layout: The layout of the run.
        names: The policies that are evaluated, in order.

    Returns:
        The key `citations` of `metrics.json`; nothing if the run learns no ids.
    """
    settings = layout.config.pairs.citations
    if settings is None:
        return {}
    rows = {}
    for name in names:
        rows[name] = json.loads(layout.citations(name).read_text(encoding="utf-8"))
    return {"citations": {"k": settings.most, "rows": rows}}


def citation_cells(citations: Mapping[str, Any]) -> list[list[str]]:
    """Turn the block into a table: the heading, then a line for each row and way.

    Example:
        >>> way = {"cited": 0.5, "valid": 1.0, "hits_at_1_trace": None, "hits_at_k_trace": None,
        ...     "hits_at_1_gold": 0.25, "hits_at_k_gold": 0.5}
        >>> row = {"responses": 4, "plain": way, "constrained": None, "traced": None}
        >>> for line in citation_cells({"k": 3, "rows": {"base": row}}): print(line[:3], line[-1])
        ['', 'with an id', 'valid ids'] Hits@3 gold
        ['base, plain', '50.0%', '100.0%'] 50.0%
    """
    lines = [["", *(heading.format(k=citations["k"]) for heading in _HEADINGS.values())]]
    for name, row in citations["rows"].items():
        for way in WAYS:
            if row.get(way) is not None:  # runs of earlier versions lack the newer ways
                shown = (row[way][key] for key in _HEADINGS)
                cells = ("-" if value is None else f"{value:.1%}" for value in shown)
                lines.append([f"{row_label(name)}, {way.replace('_', ' ')}", *cells])
    return lines
