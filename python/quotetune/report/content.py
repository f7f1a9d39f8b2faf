"""Content of the report: the variables of its template."""

from importlib import metadata
from itertools import pairwise
from typing import Any

import yaml

from quotetune.corpus.index import Index
from quotetune.pages.quote_levels import levels
from quotetune.report.figures import HEADINGS, figures_content, shortest_quote
from quotetune.report.marked_responses import (
    RowResponses,
    browsing_data,
    read_responses,
)
from quotetune.report.run_files import RunFiles

_DASH = "\N{EN DASH}"
_ALWAYS = ("results", "responses", "metrics", "configuration")


def page_content(files: RunFiles, index: Index | None) -> dict[str, Any]:
    """Gather the content of the page.

    Args:
        files: The run.
        index: The index of its corpus, if it exists.

    Returns:
        The template's variables, except those that `quotetune.report.page.render` adds.
    """
    answered = [
        read_responses(row.responses, row, index) for row in files.rows if row.responses is not None
    ]
    base, tuned = files.rows[0], files.tuned
    shown = {entry.row.key: number for number, entry in enumerate(answered)}
    shortest = shortest_quote(index)
    content = {
        **figures_content(files, index),
        "browsing": browsing_data(files.prompts, answered, index),
        "browsing_note": _browsing_note(answered[0], index),
        "legend": [] if shortest is None else _legend(shortest),
        "own_documents": any(prompt.documents for prompt in files.prompts),
        "left": shown[base.key],
        "right": shown[tuned.key],
        "packages": files.packages,
        "config": yaml.safe_dump(files.config, sort_keys=False, allow_unicode=True),
        "finished": files.stages[-1].finished if files.stages else "",
        "writer": metadata.version("quotetune"),
    }
    content["sections"] = [
        (name, heading) for name, heading in HEADINGS.items() if name in _ALWAYS or content[name]
    ]
    return content


def _browsing_note(base: RowResponses, index: Index | None) -> str:
    note = "The held-out prompts, with responses side by side."
    if (n := base.per_prompt) > 1:
        note += f" The first of {n} responses per prompt is shown."
    if index is None:
        return f"{note} The index was missing when this page was written, so no quotes are marked."
    if not index.has_suffix_index:
        return f"{note} Text that occurs in the corpus is marked; a filter cannot name its sources."
    return f"{note} Quotes from the corpus are marked; select one to see its sources."


def _legend(n: int) -> list[str]:
    """Name the ranges of length that have a colour.

    Example:
        >>> _legend(25)[0] == f"25{_DASH}37"
        True
    """
    edges = levels(n)
    spans = [f"{low}{_DASH}{high - 1}" for low, high in pairwise(edges)]
    return [*spans, f"{edges[-1]}+"]
