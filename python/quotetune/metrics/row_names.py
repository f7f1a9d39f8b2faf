"""The names of a table's rows for a reader."""

import re
from collections.abc import Mapping
from typing import Any

from quotetune.metrics.table import metric_named

# The rows of an evaluation. Each names a Parquet file of what was measured on its responses.
RESPONSES, BEST_OF_N, REFERENCE = "responses", "best_of_n", "reference"

_LABELS = {BEST_OF_N: "base, best of n", "according_to": "base, “according to”"}


def row_label(name: str) -> str:
    """Return the name of a row for a reader.

    Args:
        name: The name in the files: a policy or a baseline.

    Example:
        >>> row_label("round-2"), row_label("best_of_n"), row_label("reference")
        ('round 2', 'base, best of n', 'reference')
    """
    return _LABELS.get(name) or re.sub("[-_]", " ", name)


def best_line(metrics: Mapping[str, Any]) -> str:
    """Write which policy is the run's result.

    Args:
        metrics: The content of `metrics.json`.

    Example:
        >>> best = {"policy": "round-1", "criterion": "on_topic_quip", "value": 0.3}
        >>> best_line({"policies": ["round-1", "round-2"], "best": best})
        'round 1, the best of 2 by on-topic QUIP (30.0%)'
        >>> best_line({"policies": ["round-1"], "best": best})
        'round 1'
    """
    best, count = metrics["best"], len(metrics["policies"])
    label = row_label(best["policy"])
    if count == 1:
        return label
    criterion = metric_named(best["criterion"])
    return f"{label}, the best of {count} by {criterion.label} ({criterion.show(best['value'])})"
