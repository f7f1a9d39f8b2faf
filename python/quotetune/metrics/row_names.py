"""The names of a table's rows for a reader."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from quotetune.metrics.table import metric_named
from quotetune.runtime.plural import counted

# The rows of an evaluation. Each names a Parquet file of what was measured on its responses.
RESPONSES, BEST_OF_N, REFERENCE = "responses", "best_of_n", "reference"
BEST_ON_TOPIC = "best_of_n_on_topic"
# The rows of an evaluation that stand beside that of its responses.
BESIDE = (BEST_OF_N, BEST_ON_TOPIC, REFERENCE)

# The baselines that a config names. Those from passages need `prompts.context`.
Baseline = Literal[
    "according_to",
    "temperature_0",
    "temperature_0.3",
    "guided",
    "unguided",
    "sft",
    "passage_start",
    "best_sentence",
    "sentence_by_model",
]
FROM_PASSAGES: tuple[Baseline, ...] = ("passage_start", "best_sentence", "sentence_by_model")
SFT: Baseline = "sft"  # also the policy that it trains

_LABELS = {
    BEST_OF_N: "base, best of n",
    BEST_ON_TOPIC: "base, best of n on topic",
    "according_to": "base, “according to”",
    "temperature_0": "base, temperature 0",
    "temperature_0.3": "base, temperature 0.3",
    "guided": "base, guided",
    "unguided": "base, without the guide",
    SFT: "SFT on the chosen responses",
    "best_sentence": "best sentence (BM25)",
    "sentence_by_model": "best sentence (base)",
}


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
    value = criterion.show(best["value"])
    if best.get("prompts") == "dev":
        value += " on the development prompts"
    return f"{label}, the best of {count} by {criterion.label} ({value})"


def choice_line(metrics: Mapping[str, Any]) -> str | None:
    """Say on which prompts the best policy was chosen; None if there was only one.

    Args:
        metrics: The content of `metrics.json`.

    Example:
        >>> best = {"policy": "round-1", "criterion": "quip", "value": 0.3, "prompts": "dev"}
        >>> content = {"policies": ["round-1", "round-2"], "best": best, "dev": {"prompts": 40}}
        >>> print(choice_line(content).partition(",")[0])
        The policy was chosen on 40 development prompts
        >>> print(choice_line({**content, "dev": None}).partition(",")[0])
        The policy was chosen on the held-out prompts themselves
    """
    if len(metrics["policies"]) == 1:
        return None
    # Runs of earlier versions have no such key. They had no development prompts.
    dev = metrics.get("dev")
    if dev is None:
        return (
            "The policy was chosen on the held-out prompts themselves, so its numbers are a little"
            " too good."
        )
    return (
        f"The policy was chosen on {counted(dev['prompts'], 'development prompt')}, before it was"
        " evaluated on the held-out prompts."
    )
