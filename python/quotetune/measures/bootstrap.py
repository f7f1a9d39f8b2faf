"""Confidence intervals of differences: a paired bootstrap over prompts, or groups of them."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quotetune.metrics.table import AVERAGED
from quotetune.prompts.prompt import Prompt

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
    return mean_intervals([responses], base, resamples=resamples, seed=seed)


def mean_intervals(
    runs: Sequence[_Responses],
    base: _Responses,
    groups: Mapping[str, Hashable] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> tuple[dict[str, list[float] | None], int]:
    """Compute intervals of the differences between the mean over several runs and a base.

    Each draw of prompts is the same for all runs and the base. Prompts that are not independent of
    each other, such as those about one document, are drawn together as a group (the cluster
    bootstrap; Davison and Hinkley 1997, section 3.8).

    Args:
        runs: The responses of each run, as for `paired_intervals`.
        base: Responses to the same prompts, whose metrics are subtracted.
        groups: The group of each prompt; None if each is alone.
        resamples: Number of resamples.
        seed: Seed of the draws.

    Returns:
        `[low, high]` by metric, or None if a side has no number or there are fewer than two groups;
        and the number of groups, or of prompts without groups, in which all sides have a prompt.
    """
    sides = [_by_prompt(responses) for responses in (*runs, base)]
    prompts = sorted(set.intersection(*(set(side) for side in sides)))
    # [side, prompt, metric and numerator or denominator]
    sums = np.array(
        [
            [[metric.terms(side[prompt]) for metric in AVERAGED] for prompt in prompts]
            for side in sides
        ]
    ).reshape(len(sides), len(prompts), 2 * len(AVERAGED))
    if groups is not None:
        sums = _of_groups(sums, [groups[prompt] for prompt in prompts])
    units = sums.shape[1]
    differences = [_difference(counts, sums) for counts in draws(units, resamples, seed)]
    intervals: dict[str, list[float] | None] = {}
    drawn = np.concatenate(differences) if units else np.full((1, len(AVERAGED)), np.nan)
    for metric, values in zip(AVERAGED, drawn.T, strict=True):
        # If few prompts have a number, a draw may by chance contain none of them.
        values = values[~np.isnan(values)]
        tail = (1 - LEVEL) / 2
        # All draws of a single group are the same.
        enough = len(values) and (groups is None or units > 1)
        bounds = np.quantile(values, [tail, 1 - tail]).tolist() if enough else None
        intervals[metric.key] = bounds
    return intervals, units


def groups_by_document(prompts: Iterable[Prompt]) -> dict[str, int] | None:
    """Put prompts that share a document into one group, directly or through other prompts.

    Args:
        prompts: The prompts.

    Returns:
        The number of each prompt's group, by its id; None if no two prompts share a document.

    Example:
        >>> def asked(name, *ids):
        ...     return Prompt(name, text="?", documents=[("s", id) for id in ids])
        >>> groups_by_document([asked("a", "1"), asked("b", "2"), asked("c", "2", "3")])
        {'a': 0, 'b': 1, 'c': 1}
    """
    prompts = list(prompts)
    parent = list(range(len(prompts)))  # a group is a tree, whose root is its first prompt

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = number = parent[parent[number]]
        return number

    first: dict[tuple[str, str], int] = {}
    for number, prompt in enumerate(prompts):
        for document in prompt.documents or ():
            kept, joined = sorted((root(first.setdefault(document, number)), root(number)))
            parent[joined] = kept
    groups = {prompt.id: root(number) for number, prompt in enumerate(prompts)}
    return groups if len(set(groups.values())) < len(groups) else None


def _of_groups(sums: NDArray[np.float64], groups: Sequence[Hashable]) -> NDArray[np.float64]:
    """Add the rows of each group, which is a unit of the draws."""
    place = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    added = np.zeros((sums.shape[0], len(place), sums.shape[2]))
    for row, group in enumerate(groups):
        added[:, place[group]] += sums[:, row]
    return added


def _by_prompt(rows: _Responses) -> dict[str, list[Mapping[str, Any]]]:
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row["prompt_id"], []).append(row)
    return grouped


def draws(prompts: int, resamples: int, seed: int) -> Iterable[NDArray[np.float64]]:
    """Yield how often each prompt is drawn: blocks of resamples, with one row per resample.

    Args:
        prompts: The number of prompts.
        resamples: The number of resamples.
        seed: Seed of the draws.
    """
    generator = np.random.default_rng(seed)
    block = max(1, _DRAWS_AT_ONCE // max(prompts, 1))
    for start in range(0, resamples if prompts else 0, block):
        count = min(block, resamples - start)
        drawn = generator.integers(prompts, size=(count, prompts))
        flat = drawn + prompts * np.arange(count)[:, None]
        counts = np.bincount(flat.ravel(), minlength=count * prompts)
        yield counts.reshape(count, prompts).astype(np.float64)


def _difference(counts: NDArray[np.float64], sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract the means of the last side from the mean of those of the others, draw by draw.

    In `sums`, numerators and denominators alternate along the last axis.
    """
    means = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for side in sums:
            drawn = counts @ side
            means.append(drawn[:, ::2] / drawn[:, 1::2])
    *runs, base = means
    return np.asarray(sum(runs) / len(runs) - base)


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
