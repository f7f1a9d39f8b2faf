"""The rows of the guide's evidence: each arm's samples as tables, and rows that need no model."""

from collections.abc import Mapping
from typing import Any

import pyarrow.compute as pc

from evidence.arms import BASE, Arm
from evidence.draw import Campaign, Drawn
from quotetune import Index
from quotetune.evaluation.sample_metrics import text_table
from quotetune.measures.responses import best_of_n
from quotetune.prompts.retrieval import retrieve

# The arms whose best response to each prompt is a row, too.
_BEST_OF = (BASE, f"{BASE}, guide 4", "tuned", "tuned, guide 4", "temperature 0.5")


def rows_of(drawn: Mapping[Arm, Drawn], campaign: Campaign) -> dict[str, Any]:
    """Name the rows of a table.

    Args:
        drawn: What each arm gave.
        campaign: What all arms have in common.

    Returns:
        Tables of samples, by the name of their row; the base model's unguided responses first.
    """
    index = Index.open(campaign.config.index)
    rows: dict[str, Any] = {}
    for arm, given in drawn.items():
        for strength in arm.strengths:
            own = pc.equal(given.samples["guide_strength"], strength)
            rows[arm.row(strength)] = given.samples.filter(own)
        if not arm.strengths:
            rows[arm.name] = given.samples
    for name in _BEST_OF:
        if name in rows:
            rows[f"{name}, best of {campaign.n}"] = best_of_n(rows[name], index)
    if BASE in rows:
        texts = rows[BASE]["response"].to_pylist()
        chars = round(sum(map(len, texts)) / len(texts))
        rows[f"start of the passage, {chars} characters"] = _passage_starts(campaign, index, chars)
    return rows


def _passage_starts(campaign: Campaign, index: Index, chars: int) -> Any:
    """Answer each prompt with the first characters of the document that BM25 finds for it."""
    prompts = campaign.heldout()
    queries = [prompt.asked for prompt in prompts]
    found = retrieve(index, queries, 1)
    return text_table(
        [
            (prompt.id, 0, passage.text[:chars])
            for prompt, [passage] in zip(prompts, found, strict=True)
        ]
    )
