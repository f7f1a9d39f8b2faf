"""The statistics of the pair stage: the prompts with and without pairs, and the pairs' numbers."""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from quotetune.config import PairsConfig
from quotetune.pairing.candidates import GOLD, RankedCandidate
from quotetune.pairing.pairs import DISCARDS, Discard, Pair
from quotetune.runtime.plural import counted

STATISTICS_SCHEMA = 1
# The content of `pairs.json`.
Statistics = dict[str, Any]


def statistics_lines(statistics: Statistics) -> list[str]:
    """Summarise `pairs.json` in a few lines."""
    without = statistics["prompts_without_pair"]
    crossed = statistics.get("cross_prompt_pairs", 0)
    gave = counted(statistics["pairs"] - crossed, "pair") + (" of their own" if crossed else "")
    lines = [
        f"{statistics['prompts_with_pair']} of {counted(statistics['prompts'], 'prompt')} gave"
        f" {gave}; {_reasons(without)}",
        f"samples: {statistics['samples']['count']}, QUIP {statistics['samples']['quip']:.3f},"
        f" {counted(round(statistics['samples']['length']), 'token')},"
        f" {statistics['samples']['cut']:.1%} cut at max_tokens",
    ]
    if statistics["prompts_with_pair"]:
        chosen, rejected, gap = (statistics[key] for key in ("chosen", "rejected", "gap"))
        lines.append(
            f"pairs: QUIP {chosen['quip']:.3f} over {rejected['quip']:.3f}, gap {gap['mean']:.3f}"
            f" ({gap['min']:.3f} to {gap['max']:.3f}), {chosen['length']:.0f} and"
            f" {rejected['length']:.0f} tokens, {chosen['cut']:.1%} and {rejected['cut']:.1%} cut"
        )
    return lines + _preference_lines(statistics)


def _preference_lines(statistics: Statistics) -> list[str]:
    """Summarise additions to plain Quote-Tuning; the files of old runs lack their keys."""
    lines = []
    samples, chosen, rejected = (statistics[key] for key in ("samples", "chosen", "rejected"))
    for name in statistics.get("measures", []):
        shown = [_number(side[name]) for side in (chosen, rejected, samples)]
        lines.append(f"{name}: {shown[0]} over {shown[1]}, all samples {shown[2]}")
    if (
        list(statistics.get("preference", {"quip": 1})) != ["quip"]
        and statistics["prompts_with_pair"]
    ):
        margin = statistics["margin"]
        lines.append(
            f"win rate: {chosen['win_rate']:.2f} over {rejected['win_rate']:.2f}, margin"
            f" {margin['mean']:.2f} ({margin['min']:.2f} to {margin['max']:.2f})"
        )
    if gold := statistics.get("gold"):
        lines.append(
            f"gold: {gold['count']}, QUIP {gold['quip']:.3f},"
            f" {counted(round(gold['length']), 'token')},"
            f" win rate {_number(gold['win_rate'])}, chosen {counted(gold['chosen'], 'time')},"
            f" rejected {counted(gold['rejected'], 'time')}"
        )
    if judge := statistics.get("judge"):
        lines.append(
            f"judge: {counted(judge['comparisons'], 'comparison')}, {judge['undecided']} undecided"
        )
    if count := samples.get("no_answer"):
        lines.append(f"{counted(count, 'sample')} without an answer: the thoughts did not end")
    if count := statistics.get("repetitive"):
        lines.append(f"automatic negatives: {counted(count, 'sample')}")
    if count := statistics.get("cross_prompt_pairs"):
        lines.append(f"a response to another prompt is rejected in {counted(count, 'pair')}")
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _reasons(without: dict[str, int]) -> str:
    found = [f"{count} {DISCARDS[name]}" for name, count in without.items() if count]  # type: ignore[index]
    return "no pair from the others: " + ", ".join(found) if found else "no prompt was discarded"


def no_pairs_message(statistics: Statistics) -> str:
    """Return the message of a run without a single pair."""
    if not statistics["prompts"]:
        return "there are no samples to pair: sample first"
    samples = statistics["samples"]
    unanswered = samples.get("no_answer", 0)
    none = f"no pair from {counted(statistics['prompts'], 'prompt')}"
    thoughts = "raise model.reasoning.max_tokens, or correct the marks in model.reasoning"
    if unanswered and unanswered == samples["count"]:
        return f"{none}: no sample has an answer, because the thoughts did not end: {thoughts}"
    remedy = (
        "raise sampling.n or sampling.temperature, lower pairs.delta_quip or pairs.margin, or raise"
        " pairs.delta_length"
    )
    without = statistics["prompts_without_pair"]
    if without.get("constrained") == statistics["prompts"]:
        return f"{none}: {_reasons(without)}: widen or remove bounds of pairs.constraints"
    reasons = _reasons(without)
    if unanswered:
        silent = f"{unanswered} of {counted(samples['count'], 'sample')} without an answer"
        return f"{none}: {reasons}; {silent}: {remedy}, or {thoughts}"
    return f"{none}: {reasons}: {remedy}"


class Tally:
    """Counts and sums from which the statistics are computed."""

    def __init__(self, measures: Iterable[str], settings: PairsConfig) -> None:
        """Start with nothing counted.

        Args:
            measures: Names of the candidates' further measures.
            settings: Settings of the pairs.
        """
        self._measures = sorted(measures)
        self._sign = -1 if settings.direction == "unquote" else 1
        self._samples, self._gold, self._chosen, self._rejected = (
            _Side(self._measures) for _ in range(4)
        )
        self._gold_chosen = self._gold_rejected = self._repetitive = 0
        self._prompts = self._with_pair = self._pairs = self._crossed = 0
        self._discards: Counter[Discard] = Counter()
        # A large margin can leave hundreds of pairs per prompt.
        self._gaps, self._margins = array("d"), array("d")

    def add_candidates(self, ranked: Iterable[RankedCandidate]) -> None:
        """Add the ranked candidates of a prompt."""
        for one in ranked:
            (self._gold if one.candidate.sample == GOLD else self._samples).add(one)
            self._repetitive += one.repetitive

    def add_prompt(self, pairs: Sequence[Pair], discard: Discard | None, crossed: int) -> None:
        """Add a prompt.

        Args:
            pairs: Its pairs, without those across prompts.
            discard: The reason why there are none.
            crossed: The number of pairs across prompts.
        """
        self._prompts += 1
        self._with_pair += bool(pairs)
        self._pairs += len(pairs) + crossed
        self._crossed += crossed
        if discard is not None:
            self._discards[discard] += 1
        for pair in pairs:
            chosen, rejected = pair.chosen.candidate, pair.rejected.candidate
            self._chosen.add(pair.chosen)
            self._rejected.add(pair.rejected)
            self._gold_chosen += chosen.sample == GOLD
            self._gold_rejected += rejected.sample == GOLD
            self._gaps.append(self._sign * pair.quip_gap)
            self._margins.append(pair.margin)

    def statistics(self) -> Statistics:
        """Return the statistics. Sides, gap and margin leave out the pairs across prompts."""
        gold = {
            **self._gold.statistics(),
            "chosen": self._gold_chosen,
            "rejected": self._gold_rejected,
        }
        return {
            "prompts": self._prompts,
            "prompts_with_pair": self._with_pair,
            "prompts_without_pair": {name: self._discards[name] for name in DISCARDS},
            "pairs": self._pairs,
            "cross_prompt_pairs": self._crossed,
            "measures": self._measures,
            "samples": self._samples.statistics(),
            "gold": gold if gold["count"] else None,
            "repetitive": self._repetitive,
            "chosen": self._chosen.statistics(),
            "rejected": self._rejected.statistics(),
            "gap": _distribution(self._gaps),
            "margin": _distribution(self._margins),
        }


class _Side:
    """Means over candidates: QUIP, length in tokens, and the share that reached `max_tokens`.

    A candidate that is too short for QUIP counts as 0. The mean of any other measure is over the
    candidates that have it.
    """

    def __init__(self, measures: Sequence[str]) -> None:
        self._count = self._too_short = self._tokens = self._cut = self._no_answer = 0
        self._quip = 0.0
        self._sums = dict.fromkeys([*measures, "win_rate"], 0.0)
        self._known = dict.fromkeys(self._sums, 0)

    def add(self, ranked: RankedCandidate) -> None:
        candidate = ranked.candidate
        self._count += 1
        self._too_short += candidate.quip is None
        self._quip += candidate.quip or 0.0
        self._tokens += candidate.length
        self._cut += candidate.cut
        self._no_answer += candidate.answer is None
        for name in self._sums:
            value = ranked.win_rate if name == "win_rate" else candidate.values[name]
            if value is not None:
                self._sums[name] += value
                self._known[name] += 1

    def statistics(self) -> dict[str, Any]:
        count = max(self._count, 1)
        means = {
            name: self._sums[name] / known if known else None for name, known in self._known.items()
        }
        return {
            "count": self._count,
            "too_short": self._too_short,
            "quip": self._quip / count,
            "length": self._tokens / count,
            "cut": self._cut / count,
            **({"no_answer": self._no_answer} if self._no_answer else {}),
            **means,
        }


def _distribution(values: Sequence[float]) -> dict[str, float | None]:
    if not values:
        return dict.fromkeys(("mean", "median", "min", "max"))
    return {
        "mean": float(np.mean(values)),
        "median": float(np.median(values)),
        "min": float(np.min(values)),
        "max": float(np.max(values)),
    }
