"""All that is to be known of candidates before they are paired, in one go.

A run does the same in stages (`quotetune.stages.ranking`); this is for single steps.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from quotetune.candidates import CandidateFiles, candidate_parts
from quotetune.console import Report
from quotetune.errors import UsageError
from quotetune.gold import write_gold
from quotetune.judging import run_judge
from quotetune.measuring import NEURAL, measure_of, write_measure
from quotetune.ranking_config import RankingConfig
from quotetune.scoring import score_samples

if TYPE_CHECKING:
    from quotetune.prompts import Prompt

Shown = Callable[[str, str], AbstractContextManager[Report]]


def measure_candidates(
    ranking: RankingConfig,
    samples: Path,
    directory: Path,
    prompts: "Mapping[str, Prompt]",
    progress: Shown,
) -> CandidateFiles:
    """Score candidates and measure what a preference asks for.

    Args:
        ranking: What is asked for.
        samples: Directory of the samples' parts.
        directory: Directory for the files.
        prompts: The prompts by id; none are needed unless `ranking.needs_prompts`.
        progress: Shows the progress of a step, as `quotetune.console.progress`.

    Returns:
        The files.

    Raises:
        UsageError: A model is not there, a sample is of none of the prompts, or no prompt has a
            reference to be ranked.
        QuotetuneError: There are no samples, or a child process failed.
    """
    if ranking.needs_prompts:
        _check_prompts(samples, prompts)
    gold = None
    if ranking.candidates.gold:
        assert ranking.model is not None
        gold = directory / "gold"
        write_gold(
            list(prompts.values()),
            samples,
            gold,
            model=ranking.model,
            max_tokens=ranking.max_tokens,
        )
    with progress("score", "responses") as report:
        score_samples(samples, ranking.index, directory, report, gold=gold)
    measures = {}
    for name in ranking.measures:
        measures[name] = directory / "measures" / name / "values.parquet"
        with progress(name, "responses") as report:
            write_measure(
                samples,
                gold,
                measures[name].parent,
                measure_of(name, ranking, directory / "work"),
                prompts=prompts,
                at_once=name in NEURAL,
                progress=report,
            )
    files = CandidateFiles(samples, directory / "scores.parquet", gold, measures)
    judge = ranking.preference and ranking.preference.judge
    if not judge:
        return files
    with progress("judge", "parts") as report:
        run_judge(
            files,
            prompts,
            directory / "judge",
            judge,
            seed=ranking.seed,
            progress=lambda now: report(now.done, now.parts),
        )
    verdicts = directory / "judge" / "verdicts.parquet"
    return CandidateFiles(samples, files.scores, gold, measures, verdicts)


def _check_prompts(samples: Path, prompts: "Mapping[str, Prompt]") -> None:
    import pyarrow.parquet as pq

    for part in candidate_parts(samples, None):
        for prompt_id in pq.read_table(part, columns=["prompt_id"])["prompt_id"].unique():
            if prompt_id.as_py() not in prompts:
                raise UsageError(
                    f"{part}: it has responses to prompt {prompt_id}, which is not among the"
                    " prompts: name those that were sampled"
                )
