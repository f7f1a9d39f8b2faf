"""Table cells that the page and `summary.md` share."""

from collections.abc import Mapping
from typing import Any

from quotetune.metrics.row_names import row_label
from quotetune.runs.layout import BASE

MISSING = "\N{EN DASH}"


def cell(value: float | None, form: str) -> str:
    r"""Write a number; a dash if there is none.

    Example:
        >>> cell(1234, "{:,}"), ascii(cell(None, "{:,}"))
        ('1,234', "'\\u2013'")
    """
    return MISSING if value is None else form.format(value)


def lm_eval_cells(metrics: Mapping[str, Any]) -> list[list[str]]:
    """Write the scores of lm-eval with four decimals, as lm-eval itself does.

    Args:
        metrics: The content of `metrics.json`, with `lm_eval`.

    Returns:
        The heading, and one line per task and score, without the standard errors.

    Example:
        >>> scores = {"before": {"arc": {"acc": 0.25}}, "after": {"arc": {"acc": 0.5}}}
        >>> lm_eval_cells({"lm_eval": scores, "best": {"policy": "round-1"}})
        [['', 'base', 'round 1'], ['arc, acc', '0.2500', '0.5000']]
    """
    before, after = metrics["lm_eval"]["before"], metrics["lm_eval"]["after"]
    lines = [["", row_label(BASE), row_label(metrics["best"]["policy"])]]
    for task, scores in before.items():
        for name, score in scores.items():
            if "stderr" not in name:
                lines.append([f"{task}, {name}", f"{score:.4f}", f"{after[task][name]:.4f}"])
    return lines
