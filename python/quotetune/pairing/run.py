"""The pair stage: ranked candidates to `pairs.parquet`, and what became of every prompt."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from quotetune.config import PairsConfig, PreferenceConfig
from quotetune.errors import QuotetuneError
from quotetune.pairing.candidates import (
    GOLD,
    CandidateFiles,
    CandidatesWriter,
    candidates_by_prompt,
)
from quotetune.pairing.judging import Verdicts
from quotetune.pairing.own_preference import Prefer, load_preference, preference_matrix
from quotetune.pairing.pairs import PLAIN, Candidate, Discard, choose_pairs, is_repetitive
from quotetune.pairing.preference import Matrix
from quotetune.pairing.statistics import (
    STATISTICS_SCHEMA,
    Tally,
    no_pairs_message,
)
from quotetune.prompts.prompt import Prompt
from quotetune.runs.directory import PAIR_STATISTICS, PAIRS
from quotetune.runtime.chance import from_drawn_place
from quotetune.sampling.parts import Row, token_length


class NoPairsError(QuotetuneError):
    """No prompt gave a pair."""


@dataclass(frozen=True)
class _Paired:
    """What is kept of a prompt once its candidates are ranked.

    Attributes:
        prompt_id: The prompt's id.
        pairs: Chosen row, rejected row, and P(chosen > rejected).
        discard: Why there are none.
        best_quoting: The sample of highest QUIP, if there are to be cross-prompt negatives.
    """

    prompt_id: str
    pairs: list[tuple[Row, Row, float]]
    discard: Discard | None
    best_quoting: Row | None


def pair_samples(
    files: CandidateFiles,
    output: Path,
    settings: PairsConfig,
    *,
    seed: int,
    preference: PreferenceConfig | None = None,
    prompts: Mapping[str, Prompt] | None = None,
) -> Row:
    """Make the preference pairs of all prompts.

    Args:
        files: The candidates and their measures.
        output: Directory that gets `pairs.parquet`, the statistics `pairs.json`, and
            `candidates.parquet`: every candidate with its measures and its win rate.
        settings: Rule, thresholds, direction.
        seed: The run's seed, for what is drawn.
        preference: Which response is preferred; None is QUIP alone.
        prompts: The prompts by id, for the user's own preferences.

    Returns:
        The statistics, as in `pairs.json`.

    Raises:
        UsageError: The measures are not those of the samples.
        NoPairsError: No prompt gave a pair.
        QuotetuneError: A preference of the user's own failed.
    """
    preference = preference or PLAIN
    comparisons = _Pairwise(files, preference, prompts or {})
    tally = Tally(files.measures, settings)
    output.mkdir(parents=True, exist_ok=True)
    paired = []
    with CandidatesWriter(output / "candidates.parquet", files.measures) as writer:
        for prompt_id, rows in candidates_by_prompt(files):
            pairwise = comparisons.matrices(prompt_id, rows)
            paired.append(_pair_prompt(prompt_id, rows, settings, seed, preference, pairwise))
            tally.add_candidates(rows)
            writer.write(rows)
    paired, limit = _above_quantile(paired, settings.quantile)
    crossed = _cross_prompt_pairs(paired, settings, seed)
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
    rows = [row for one in paired for row in _pair_rows(one, crossed)]
    if not rows:
        raise NoPairsError(no_pairs_message(statistics))
    _write_pairs(output / PAIRS, rows)
    text = json.dumps(statistics, indent=2) + "\n"
    (output / PAIR_STATISTICS).write_text(text, encoding="utf-8")
    return statistics


def _pair_prompt(
    prompt_id: str,
    rows: list[Row],
    settings: PairsConfig,
    seed: int,
    preference: PreferenceConfig,
    pairwise: Mapping[str, Matrix],
) -> _Paired:
    """Pair the candidates of a prompt, and add `win_rate` and `repetitive` to their rows."""
    responses = [
        Candidate(row["sample"], row["response"], row["quip"], token_length(row), row)
        for row in rows
    ]
    choice = choose_pairs(
        responses,
        settings,
        seed=seed,
        prompt_id=prompt_id,
        preference=preference,
        pairwise=pairwise,
    )
    for row, response, win_rate in zip(rows, responses, choice.win_rates, strict=True):
        row["win_rate"] = win_rate
        row["repetitive"] = is_repetitive(response, settings)
    best = None
    if settings.negatives is not None and settings.negatives.cross_prompt:
        quoting = [
            row
            for row in rows
            if row["quip"] is not None and row["sample"] != GOLD and not row["repetitive"]
        ]
        best = max(quoting, key=lambda row: row["quip"], default=None)
    pairs = [
        (rows[chosen], rows[rejected], value)
        for (chosen, rejected), value in zip(choice.pairs, choice.preferences, strict=True)
    ]
    return _Paired(prompt_id, pairs, choice.discard, best)


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

    def matrices(self, prompt_id: str, rows: list[Row]) -> dict[str, Matrix]:
        """Compare the candidates of a prompt."""
        found = {
            name: preference_matrix(name, prefer, self._prompts[prompt_id], rows)
            for name, prefer in self._own.items()
        }
        if self._verdicts is not None:
            found["judge"] = self._verdicts.matrix(prompt_id, rows)
        return found

    def statistics(self) -> Row:
        """Say how often the judge was undecided."""
        if self._verdicts is None:
            return {}
        judged = {"comparisons": self._verdicts.comparisons, "undecided": self._verdicts.undecided}
        return {"judge": judged}


def _above_quantile(
    paired: list[_Paired], quantile: float | None
) -> tuple[list[_Paired], float | None]:
    """Keep the pairs of highest preference (Pace et al. 2024); and say from where on."""
    found = [value for one in paired for _, _, value in one.pairs]
    if quantile is None or not found:
        return paired, None
    limit = float(np.quantile(found, quantile))
    kept = []
    for one in paired:
        pairs = [pair for pair in one.pairs if pair[2] >= limit]
        discard = "below_quantile" if one.pairs and not pairs else one.discard
        kept.append(replace(one, pairs=pairs, discard=discard))
    return kept, limit


def _cross_prompt_pairs(
    paired: list[_Paired], settings: PairsConfig, seed: int
) -> dict[str, list[tuple[Row, Row]]]:
    """Set each prompt's chosen response against what quotes most in answer to others."""
    count = 0 if settings.negatives is None else settings.negatives.cross_prompt
    others = [one.best_quoting for one in paired if one.best_quoting is not None]
    crossed = {}
    for one in paired if count else []:
        if one.pairs:
            chosen = one.pairs[0][0]
            key = f"{seed}:{one.prompt_id}:cross_prompt"
            fitting = _fitting(others, chosen, settings.delta_length, key)
            crossed[one.prompt_id] = [(chosen, row) for row in islice(fitting, count)]
    return crossed


def _fitting(others: list[Row], chosen: Row, delta_length: float, key: str) -> Iterator[Row]:
    """Yield the responses to other prompts that fit, from a drawn place on."""
    length = token_length(chosen)
    for row in from_drawn_place(others, key):
        other = token_length(row)
        alike = abs(length - other) / max(min(length, other), 1) <= delta_length
        is_other = row["prompt_id"] != chosen["prompt_id"]
        if is_other and alike and row["response"] != chosen["response"]:
            yield row


def _pair_rows(one: _Paired, crossed: Mapping[str, list[tuple[Row, Row]]]) -> Iterator[Row]:
    for chosen, rejected, value in one.pairs:
        yield _pair_row(one.prompt_id, chosen, rejected, value)
    for chosen, rejected in crossed.get(one.prompt_id, []):
        yield _pair_row(one.prompt_id, chosen, rejected, None)


def _pair_row(prompt_id: str, chosen: Row, rejected: Row, preference: float | None) -> Row:
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
        "chosen_win_rate": chosen["win_rate"],
        "rejected_win_rate": rejected["win_rate"],
        "rejected_prompt_id": rejected["prompt_id"],
        "preference": preference,
    }


def _write_pairs(path: Path, pairs: list[Row]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {str: pa.string(), int: pa.int32(), float: pa.float64(), list: pa.list_(pa.int32())}
    fields = [
        pa.field(name, kinds[type(value)], nullable=False)
        for name, value in pairs[0].items()
        if name != "preference"
    ]
    # There is none between answers to different prompts.
    schema = pa.schema([*fields, pa.field("preference", pa.float64())])
    pq.write_table(pa.Table.from_pylist(pairs, schema), path)
