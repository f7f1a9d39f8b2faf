"""The pair stage: rank candidates, and write `pairs.parquet` and its statistics."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from quotetune.config import PairsConfig, PreferenceConfig
from quotetune.errors import QuotetuneError
from quotetune.models.reasoning import Answer
from quotetune.pairing.candidates import (
    CandidateFiles,
    CandidatesWriter,
    RankedCandidate,
    TokenizedCandidate,
    candidates_by_prompt,
)
from quotetune.pairing.cross_prompt import best_quoting, cross_prompt_pairs, first_sampled
from quotetune.pairing.judging import Verdicts
from quotetune.pairing.own_preference import Prefer, load_preference, preference_matrix
from quotetune.pairing.pairs import PLAIN, Pair, PairedPrompt, choose_pairs, is_repetitive
from quotetune.pairing.preference import Matrix
from quotetune.pairing.statistics import (
    STATISTICS_SCHEMA,
    Statistics,
    Tally,
    no_pairs_message,
)
from quotetune.prompts.prompt import Prompt
from quotetune.runs.directory import PAIR_STATISTICS, PAIRS
from quotetune.sampling.parts import ANSWER_CHAR, ANSWER_TOKEN

# The columns of the pairs of a model that thinks.
_ANSWERS = [
    f"{side}_{name}" for side in ("chosen", "rejected") for name in (ANSWER_CHAR, ANSWER_TOKEN)
]


class NoPairsError(QuotetuneError):
    """No prompt gave a pair."""


def pair_samples(
    files: CandidateFiles,
    output: Path,
    settings: PairsConfig,
    *,
    seed: int,
    preference: PreferenceConfig | None = None,
    prompts: Mapping[str, Prompt] | None = None,
) -> Statistics:
    """Make the preference pairs of all prompts.

    Args:
        files: The candidates and their measures.
        output: Directory that gets `pairs.parquet`, the statistics `pairs.json`, and
            `candidates.parquet`: every candidate with its measures and its win rate.
        settings: Rule, thresholds and direction.
        seed: The run's seed, for random partners and cross-prompt negatives.
        preference: The preference that ranks candidates; None is QUIP alone.
        prompts: The prompts by id, for the user's own preferences.

    Returns:
        The statistics, as in `pairs.json`.

    Raises:
        UsageError: The measures belong to other samples.
        NoPairsError: No prompt gave a pair.
        QuotetuneError: The user's own preference failed.
    """
    preference = preference or PLAIN
    comparisons = _Pairwise(files, preference, prompts or {})
    tally = Tally(files.measures, settings)
    output.mkdir(parents=True, exist_ok=True)
    paired = []
    with CandidatesWriter(output / "candidates.parquet", files.measures) as writer:
        for prompt_id, candidates in candidates_by_prompt(files):
            pairwise = comparisons.matrices(prompt_id, candidates)
            one, ranked = _pair_prompt(prompt_id, candidates, settings, seed, preference, pairwise)
            paired.append(one)
            tally.add_candidates(ranked)
            writer.write(ranked)
    paired, limit = _above_quantile(paired, settings.quantile)
    crossed = cross_prompt_pairs(paired, settings, seed)
    for one in paired:
        tally.add_prompt(one.pairs, one.discard, len(crossed.get(one.prompt_id, [])))
    statistics = {
        "schema": STATISTICS_SCHEMA,
        "settings": settings.model_dump(exclude={"citations"}),
        "preference": preference.weights,
        **tally.statistics(),
        "quantile_limit": limit,
        **comparisons.statistics(),
    }
    pairs = [pair for one in paired for pair in [*one.pairs, *crossed.get(one.prompt_id, [])]]
    if not pairs:
        raise NoPairsError(no_pairs_message(statistics))
    _write_pairs(output / PAIRS, pairs)
    text = json.dumps(statistics, indent=2) + "\n"
    (output / PAIR_STATISTICS).write_text(text, encoding="utf-8")
    return statistics


def _pair_prompt(
    prompt_id: str,
    candidates: list[TokenizedCandidate],
    settings: PairsConfig,
    seed: int,
    preference: PreferenceConfig,
    pairwise: Mapping[str, Matrix],
) -> tuple[PairedPrompt, list[RankedCandidate]]:
    """Rank and pair the candidates of a prompt."""
    choice = choose_pairs(
        candidates,
        settings,
        seed=seed,
        prompt_id=prompt_id,
        preference=preference,
        pairwise=pairwise,
    )
    ranked = [
        RankedCandidate(candidate, win_rate, is_repetitive(candidate, settings))
        for candidate, win_rate in zip(candidates, choice.win_rates, strict=True)
    ]
    pairs = [
        Pair(ranked[chosen], ranked[rejected], value)
        for (chosen, rejected), value in zip(choice.pairs, choice.preferences, strict=True)
    ]
    negatives = settings.negatives
    one = PairedPrompt(
        prompt_id,
        pairs,
        choice.discard,
        first=first_sampled(ranked) if negatives and negatives.cross_prompt else None,
        best_quoting=best_quoting(ranked)
        if negatives and negatives.best_of_other_prompts
        else None,
    )
    return one, ranked


class _Pairwise:
    """The criteria that compare two responses: the judge, and the user's own."""

    def __init__(
        self, files: CandidateFiles, preference: PreferenceConfig, prompts: Mapping[str, Prompt]
    ) -> None:
        self._verdicts = None if files.verdicts is None else Verdicts(files.verdicts)
        self._prompts = prompts
        self._own: dict[str, Prefer] = {
            name: load_preference(name, own.function) for name, own in preference.callables.items()
        }

    def matrices(self, prompt_id: str, candidates: list[TokenizedCandidate]) -> dict[str, Matrix]:
        """Compare the candidates of a prompt."""
        found = {
            name: preference_matrix(name, prefer, self._prompts[prompt_id], candidates)
            for name, prefer in self._own.items()
        }
        if self._verdicts is not None:
            found["judge"] = self._verdicts.matrix(prompt_id, candidates)
        return found

    def statistics(self) -> Statistics:
        """Return how often the judge was undecided."""
        if self._verdicts is None:
            return {}
        judged = {"comparisons": self._verdicts.comparisons, "undecided": self._verdicts.undecided}
        return {"judge": judged}


def _above_quantile(
    paired: list[PairedPrompt], quantile: float | None
) -> tuple[list[PairedPrompt], float | None]:
    """Keep the pairs of highest preference (Pace et al. 2024), and return their lower limit."""
    pairs = [pair for one in paired for pair in one.pairs]
    found = [pair.preference for pair in pairs if pair.preference is not None]
    if quantile is None or not found:
        return paired, None
    limit = float(np.quantile(found, quantile))
    kept = []
    for one in paired:
        pairs = [pair for pair in one.pairs if (pair.preference or 0.0) >= limit]
        discard = "below_quantile" if one.pairs and not pairs else one.discard
        kept.append(replace(one, pairs=pairs, discard=discard))
    return kept, limit


def _write_pairs(path: Path, pairs: list[Pair]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    tokens = pa.list_(pa.int32())
    columns = {
        "prompt_id": pa.string(),
        "chosen_sample": pa.int32(),
        "rejected_sample": pa.int32(),
        "chosen": pa.string(),
        "rejected": pa.string(),
        "chosen_quip": pa.float64(),
        "rejected_quip": pa.float64(),
        "prompt_token_ids": tokens,
        "chosen_token_ids": tokens,
        "rejected_token_ids": tokens,
        "chosen_length": pa.int32(),
        "rejected_length": pa.int32(),
        "chosen_win_rate": pa.float64(),
        "rejected_win_rate": pa.float64(),
        "rejected_prompt_id": pa.string(),
    }
    fields = [pa.field(name, kind, nullable=False) for name, kind in columns.items()]
    # A pair across prompts has no preference.
    fields.append(pa.field("preference", pa.float64()))
    rows = [_pair_row(pair) for pair in pairs]
    if any(row[name] for row in rows for name in _ANSWERS):
        fields += [pa.field(name, pa.int32()) for name in _ANSWERS]
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(fields)), path)


def _pair_row(pair: Pair) -> dict[str, Any]:
    chosen, rejected = pair.chosen.candidate, pair.rejected.candidate
    return {
        "prompt_id": chosen.prompt_id,
        "chosen_sample": chosen.sample,
        "rejected_sample": rejected.sample,
        "chosen": chosen.response,
        "rejected": rejected.response,
        "chosen_quip": chosen.quip,
        "rejected_quip": rejected.quip,
        "prompt_token_ids": chosen.prompt_token_ids,
        "chosen_token_ids": chosen.token_ids,
        "rejected_token_ids": rejected.token_ids,
        "chosen_length": chosen.length,
        "rejected_length": rejected.length,
        "chosen_win_rate": pair.chosen.win_rate,
        "rejected_win_rate": pair.rejected.win_rate,
        "rejected_prompt_id": rejected.prompt_id,
        "preference": pair.preference,
        **_answer_row("chosen", chosen.answer),
        **_answer_row("rejected", rejected.answer),
    }


def _answer_row(side: str, answer: Answer | None) -> dict[str, int]:
    """Return where the answer of a side starts; only responses with an answer are paired."""
    assert answer is not None
    return {f"{side}_{ANSWER_CHAR}": answer.char, f"{side}_{ANSWER_TOKEN}": answer.token}
