"""The pair stage: samples and their scores to `pairs.parquet`, and what became of every prompt."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from quotetune.config import PairsConfig
from quotetune.errors import QuotetuneError, UsageError
from quotetune.pairs import DISCARDS, Response, choose_pairs

STATISTICS_SCHEMA = 1
_Row = dict[str, Any]


def pair_samples(
    samples: Path, scores: Path, output: Path, settings: PairsConfig, *, seed: int
) -> _Row:
    """Make the preference pairs of all prompts.

    Args:
        samples: Directory of sample parts.
        scores: `scores.parquet` of the same samples.
        output: Directory that gets `pairs.parquet` and the statistics, `pairs.json`.
        settings: Rule, thresholds, direction.
        seed: The run's seed, for `random_partner`.

    Returns:
        The statistics, as in `pairs.json`.

    Raises:
        UsageError: The scores are not those of the samples.
        QuotetuneError: No prompt gave a pair.
    """
    pairs: list[_Row] = []
    discards: Counter[str] = Counter()
    prompts = with_pair = 0
    tally = _Tally()
    for prompt_id, rows in _scored_prompts(samples, scores):
        prompts += 1
        tally.add_samples(rows)
        responses = [
            Response(row["sample"], row["response"], row["quip"], token_length(row)) for row in rows
        ]
        choice = choose_pairs(responses, settings, seed=seed, prompt_id=prompt_id)
        if choice.discard is not None:
            discards[choice.discard] += 1
        with_pair += bool(choice.pairs)
        for chosen, rejected in choice.pairs:
            pairs.append(_pair_row(prompt_id, rows[chosen], rows[rejected]))
            tally.add_pair(rows[chosen], rows[rejected])
    statistics = {
        "schema": STATISTICS_SCHEMA,
        "settings": settings.model_dump(),
        "prompts": prompts,
        "prompts_with_pair": with_pair,
        "prompts_without_pair": {name: discards[name] for name in DISCARDS},
        "pairs": len(pairs),
        **tally.statistics(),
    }
    if not pairs:
        raise QuotetuneError(_no_pairs(statistics))
    output.mkdir(parents=True, exist_ok=True)
    _write_pairs(output / "pairs.parquet", pairs)
    text = json.dumps(statistics, indent=2) + "\n"
    (output / "pairs.json").write_text(text, encoding="utf-8")
    return statistics


def token_length(row: _Row) -> int:
    """Return the tokens of a sample without the end-of-text token.

    Example:
        >>> token_length({"token_ids": [5, 6, 2], "finish_reason": "stop"})
        2
        >>> token_length({"token_ids": [5, 6, 7], "finish_reason": "length"})
        3
    """
    length: int = len(row["token_ids"]) - (row["finish_reason"] == "stop")
    return length


def statistics_lines(statistics: _Row) -> list[str]:
    """Say in a few lines what `pairs.json` has."""
    without = statistics["prompts_without_pair"]
    lines = [
        f"{statistics['prompts_with_pair']} of {statistics['prompts']} prompts gave"
        f" {statistics['pairs']} pairs; {_reasons(without)}",
        f"samples: {statistics['samples']['count']}, QUIP {statistics['samples']['quip']:.3f},"
        f" {statistics['samples']['length']:.0f} tokens,"
        f" {statistics['samples']['cut']:.1%} cut at max_tokens",
    ]
    if statistics["pairs"]:
        chosen, rejected, gap = (statistics[key] for key in ("chosen", "rejected", "gap"))
        lines.append(
            f"pairs: QUIP {chosen['quip']:.3f} over {rejected['quip']:.3f}, gap {gap['mean']:.3f}"
            f" ({gap['min']:.3f} to {gap['max']:.3f}), {chosen['length']:.0f} and"
            f" {rejected['length']:.0f} tokens, {chosen['cut']:.1%} and {rejected['cut']:.1%} cut"
        )
    return lines


def _reasons(without: dict[str, int]) -> str:
    found = [f"{count} {DISCARDS[name]}" for name, count in without.items() if count]  # type: ignore[index]
    return "no pair from the others: " + ", ".join(found) if found else "none was discarded"


def _no_pairs(statistics: _Row) -> str:
    if not statistics["prompts"]:
        return "there are no samples to pair: sample first"
    return (
        f"none of {statistics['prompts']} prompts gave a pair:"
        f" {_reasons(statistics['prompts_without_pair'])}: raise sampling.n or"
        " sampling.temperature, lower pairs.delta_quip, or raise pairs.delta_length"
    )


def _scored_prompts(samples: Path, scores: Path) -> Iterator[tuple[str, list[_Row]]]:
    """Yield the samples of each prompt with their QUIP; a part at a time is in memory."""
    import pyarrow.parquet as pq

    score_rows = pq.read_table(scores, columns=["prompt_id", "sample", "quip"])
    offset = 0
    for part in sorted(samples.glob("part-*.parquet")):
        rows = pq.read_table(part).to_pylist()
        part_scores = score_rows.slice(offset, len(rows)).to_pylist()
        offset += len(rows)
        names = [(row["prompt_id"], row["sample"]) for row in rows]
        if names != [(row["prompt_id"], row["sample"]) for row in part_scores]:
            raise UsageError(f"{scores}: not the scores of {part}: score the samples again")
        by_prompt: dict[str, list[_Row]] = {}
        for row, score in zip(rows, part_scores, strict=True):
            by_prompt.setdefault(row["prompt_id"], []).append({**row, "quip": score["quip"]})
        yield from by_prompt.items()
    if offset != len(score_rows):
        raise UsageError(f"{scores}: more scores than there are samples in {samples}: score again")


def _pair_row(prompt_id: str, chosen: _Row, rejected: _Row) -> _Row:
    return {
        "prompt_id": prompt_id,
        "chosen_sample": chosen["sample"],
        "rejected_sample": rejected["sample"],
        "chosen": chosen["response"],
        "rejected": rejected["response"],
        "chosen_quip": chosen["quip"],
        "rejected_quip": rejected["quip"],
        "prompt_token_ids": chosen["prompt_token_ids"],
        "chosen_token_ids": chosen["token_ids"],
        "rejected_token_ids": rejected["token_ids"],
        "chosen_length": token_length(chosen),
        "rejected_length": token_length(rejected),
    }


def _write_pairs(path: Path, pairs: list[_Row]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {
        str: pa.string(),
        int: pa.int32(),
        float: pa.float64(),
        list: pa.list_(pa.int32()),
    }
    schema = pa.schema(
        [pa.field(name, kinds[type(value)], nullable=False) for name, value in pairs[0].items()]
    )
    pq.write_table(pa.Table.from_pylist(pairs, schema), path)


class _Tally:
    """Collects what the statistics are made of."""

    def __init__(self) -> None:
        self._samples = _Side()
        self._chosen = _Side()
        self._rejected = _Side()
        self._gaps: list[float] = []

    def add_samples(self, rows: list[_Row]) -> None:
        for row in rows:
            self._samples.add(row)

    def add_pair(self, chosen: _Row, rejected: _Row) -> None:
        self._chosen.add(chosen)
        self._rejected.add(rejected)
        self._gaps.append(abs(chosen["quip"] - rejected["quip"]))

    def statistics(self) -> _Row:
        gaps = np.array(self._gaps)
        return {
            "samples": self._samples.statistics(),
            "chosen": self._chosen.statistics(),
            "rejected": self._rejected.statistics(),
            "gap": {
                name: float(measure(gaps)) if len(gaps) else None
                for name, measure in (
                    ("mean", np.mean),
                    ("median", np.median),
                    ("min", np.min),
                    ("max", np.max),
                )
            },
        }


class _Side:
    """Mean QUIP (too short counts as 0), mean length in tokens, and share cut at max_tokens."""

    def __init__(self) -> None:
        self._count = self._too_short = self._tokens = self._cut = 0
        self._quip = 0.0

    def add(self, row: _Row) -> None:
        self._count += 1
        self._too_short += row["quip"] is None
        self._quip += row["quip"] or 0.0
        self._tokens += token_length(row)
        self._cut += row["finish_reason"] == "length"

    def statistics(self) -> _Row:
        count = max(self._count, 1)
        return {
            "count": self._count,
            "too_short": self._too_short,
            "quip": self._quip / count,
            "length": self._tokens / count,
            "cut": self._cut / count,
        }
