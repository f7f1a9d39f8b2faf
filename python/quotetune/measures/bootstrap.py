"""Confidence intervals of differences: a paired bootstrap over prompts."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quotetune.metrics.table import AVERAGED

LEVEL = 0.95
RESAMPLES = 4000
SEED = 0
# Draws of one prompt each that are in memory at the same time, 8 bytes each.
_DRAWS_AT_ONCE = 4_000_000
_Responses = Iterable[Mapping[str, Any]]


def paired_intervals(
    responses: _Responses, base: _Responses, *, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[dict[str, list[float] | None], int]:
    """Compute intervals of the differences in metrics between two sets of responses.

    They are percentile intervals at 95% (Efron and Tibshirani 1993, chapter 13). Prompts are drawn,
    not responses, because the responses to one prompt are not independent observations.

    Args:
        responses: One mapping per response: `prompt_id`, and the columns of `responses.parquet`.
        base: Responses to the same prompts, whose metrics are subtracted.
        resamples: Number of resamples of the prompts.
        seed: Seed of the draws.

    Returns:
        `[low, high]` by metric, or None if a side has no number; and the number of prompts that
        both sides have.
    """
    ours, theirs = _by_prompt(responses), _by_prompt(base)
    prompts = sorted(ours.keys() & theirs.keys())
    sides = [[side[prompt] for prompt in prompts] for side in (ours, theirs)]
    # [side, prompt, metric] of the sums, and of the counts that they are divided by.
    sums = np.array(
        [[[metric.terms(rows) for metric in AVERAGED] for rows in side] for side in sides]
    )
    sums = sums.reshape(2, len(prompts), len(AVERAGED), 2)
    differences = [
        _difference(
            counts @ sums[0].reshape(len(prompts), -1), counts @ sums[1].reshape(len(prompts), -1)
        )
        for counts in _draws(len(prompts), resamples, seed)
    ]
    intervals: dict[str, list[float] | None] = {}
    drawn = np.concatenate(differences) if prompts else np.full((1, len(AVERAGED)), np.nan)
    for metric, values in zip(AVERAGED, drawn.T, strict=True):
        # If few prompts have a number, a draw may by chance contain none of them.
        values = values[~np.isnan(values)]
        tail = (1 - LEVEL) / 2
        bounds = np.quantile(values, [tail, 1 - tail]).tolist() if len(values) else None
        intervals[metric.key] = bounds
    return intervals, len(prompts)


def _by_prompt(rows: _Responses) -> dict[str, list[Mapping[str, Any]]]:
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row["prompt_id"], []).append(row)
    return grouped


def _draws(prompts: int, resamples: int, seed: int) -> Iterable[NDArray[np.float64]]:
    """Yield how often each prompt is drawn: blocks of resamples, with one row per resample."""
    generator = np.random.default_rng(seed)
    block = max(1, _DRAWS_AT_ONCE // max(prompts, 1))
    for start in range(0, resamples if prompts else 0, block):
        count = min(block, resamples - start)
        drawn = generator.integers(prompts, size=(count, prompts))
        flat = drawn + prompts * np.arange(count)[:, None]
        counts = np.bincount(flat.ravel(), minlength=count * prompts)
        yield counts.reshape(count, prompts).astype(np.float64)


def _difference(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide sums by counts, which alternate along the second axis, and subtract the means."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(ours[:, ::2] / ours[:, 1::2] - theirs[:, ::2] / theirs[:, 1::2])


def difference_intervals(
    rows: Mapping[str, Iterable[Mapping[str, Any]]],
) -> tuple[dict[str, dict[str, list[float] | None]], dict[str, int]]:
    """Compute intervals of the differences between each row of a table and the first row.

    Args:
        rows: The numbers of each response, by the name of the row.

    Returns:
        For every row but the first: the intervals by metric, and the number of prompts that both
        rows have.
    """
    first, *others = rows
    bounded = {name: paired_intervals(rows[name], rows[first]) for name in others}
    return (
        {name: intervals for name, (intervals, _) in bounded.items()},
        {name: prompts for name, (_, prompts) in bounded.items()},
    )


def bootstrap_settings(prompts: Mapping[str, int]) -> dict[str, Any]:
    """Return the settings of the intervals, with each row's number of common prompts."""
    return {"level": LEVEL, "resamples": RESAMPLES, "seed": SEED, "prompts": dict(prompts)}
