"""The pair stage: rank candidates, and write `pairs.parquet` and its statistics.

A part of the samples and a row group of each file are in memory at a time. Only the numbers of
pairs, and the responses that may be paired with those to other prompts, are kept for all prompts.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from quotetune.config import PairsConfig, PreferenceConfig
from quotetune.errors import QuotetuneError
from quotetune.pairing.candidates import (
    CandidateFiles,
    CandidatesWriter,
    RankedCandidate,
    TokenizedCandidate,
    candidates_by_prompt,
)
from quotetune.pairing.cross_prompt import best_quoting, first_sampled
from quotetune.pairing.own_preference import Prefer, load_preference, preference_matrix
from quotetune.pairing.pair_file import has_thoughts, write_pairs
from quotetune.pairing.paired_prompts import PairedPrompts
from quotetune.pairing.pairs import PLAIN, Pair, PairedPrompt, choose_pairs, is_repetitive
from quotetune.pairing.preference import Matrix
from quotetune.pairing.statistics import (
    STATISTICS_SCHEMA,
    Statistics,
    Tally,
    no_pairs_message,
)
from quotetune.pairing.verdicts import Verdicts
from quotetune.prompts.prompt import Prompt
from quotetune.runs.directory import PAIR_STATISTICS, PAIRS


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
    with PairedPrompts(output, settings, seed) as paired:
        with CandidatesWriter(output / "candidates.parquet", files.measures) as writer:
            for prompt_id, candidates in candidates_by_prompt(files):
                pairwise = comparisons.matrices(prompt_id, candidates)
                one, ranked = _pair_prompt(
                    prompt_id, candidates, settings, seed, preference, pairwise
                )
                paired.add(one)
                tally.add_candidates(ranked)
                writer.write(ranked)
        thinks = False
        for kept, crossed in paired:
            tally.add_prompt(kept.pairs, kept.discard, len(crossed))
            thinks = thinks or any(map(has_thoughts, [*kept.pairs, *crossed]))
        statistics = {
            "schema": STATISTICS_SCHEMA,
            "settings": settings.model_dump(exclude={"citations"}),
            "preference": preference.weights,
            **tally.statistics(),
            "quantile_limit": paired.limit,
            **comparisons.statistics(),
        }
        if not statistics["pairs"]:
            raise NoPairsError(no_pairs_message(statistics))
        pairs = (pair for kept, crossed in paired for pair in [*kept.pairs, *crossed])
        write_pairs(output / PAIRS, pairs, thinks=thinks)
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
