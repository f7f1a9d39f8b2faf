"""`quotetune pair`: score samples, rank them and make preference pairs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quotetune.cli.options import Overrides

if TYPE_CHECKING:
    from quotetune.pairing.ranking_config import RankingConfig
    from quotetune.prompts.prompt import Prompt

_BLOCKS = ("pairs", "preference", "candidates", "model", "prompts", "sampling")


def pair(
    samples: Annotated[Path, typer.Argument(help="Directory that quotetune sample wrote.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Directory to create, for pairs and scores.")
    ],
    index: Annotated[
        Path | None, typer.Option(help="Index of the corpus.  [default: that of --config]")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Config of a run, for everything that is not given.")
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(help="File of the prompts, if settings need their references or documents."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Seed of random choices.  [default: that of --config, or 0]"),
    ] = None,
    push_to_hub: Annotated[
        str | None,
        typer.Option(metavar="OWNER/NAME", help="Also upload the dataset to the Hub."),
    ] = None,
    overrides: Overrides = [],  # noqa: B006 - typer reads it, nobody changes it
) -> None:
    """Score samples and write pairs.parquet, pairs.json, candidates.parquet and scores.parquet.

    It also writes dataset/, which other trainers (TRL, axolotl, LLaMA-Factory) read. Change the
    settings of a run's config as in --set pairs.rule=average or
    --set preference.on_topic_quip.weight=2.
    """
    from quotetune.cli.run_config import index_named, seed_named
    from quotetune.config.file import read_blocks, read_yaml
    from quotetune.integrations.preference_dataset import write_preference_dataset
    from quotetune.pairing.run import pair_samples
    from quotetune.pairing.statistics import statistics_lines
    from quotetune.runtime.hub import push_directory
    from quotetune.runtime.whole_files import written_directory
    from quotetune.stages.ranking import RankingStages

    if push_to_hub is not None:
        _check_push(push_to_hub, samples)
    blocks = read_blocks(config, overrides, _BLOCKS)
    run = {} if config is None else read_yaml(config)
    ranking = _ranking(blocks, index_named(index, run), seed_named(seed, run))
    loaded = _prompts(ranking, blocks, prompts)
    if ranking.needs_prompts:
        _check_prompts(samples, loaded)
    with written_directory(output) as directory:
        steps = RankingStages(
            ranking,
            prefix="",
            samples=samples,
            root=directory,
            scores=directory,
            prompts=prompts or Path(),  # already read; only stages of a run look for changes
            load_prompts=lambda: loaded,
        )
        for step in steps.before_pairing():
            step.make(step.directory)
        statistics = pair_samples(
            steps.files,
            directory,
            ranking.pairs,
            seed=ranking.seed,
            preference=ranking.preference,
            prompts=loaded,
        )
        has_dataset = write_preference_dataset(directory, samples)
    for line in statistics_lines(statistics):
        typer.echo(line)
    if has_dataset:
        typer.echo(f"for other trainers: {output / 'dataset'}")
    if push_to_hub is not None:
        push_directory(output / "dataset", push_to_hub, "dataset")


def _check_push(repo: str, samples: Path) -> None:
    from quotetune.errors import UsageError
    from quotetune.runtime.hub import check_repo_name
    from quotetune.sampling.parts import JOB_NAME

    check_repo_name(repo)
    if not (samples / JOB_NAME).exists():
        raise UsageError(
            f"{samples} has no {JOB_NAME}, which has the prompts of the dataset: sample with"
            " `quotetune sample`, or leave --push-to-hub out"
        )


def _ranking(blocks: dict[str, dict[str, Any]], index: Path, seed: int) -> "RankingConfig":
    """Validate the blocks; this finds every error in them."""
    from quotetune.config import (
        CandidatesConfig,
        PairsConfig,
        PreferenceConfig,
        RunModelConfig,
        SamplingConfig,
    )
    from quotetune.config.validation import preference_problems, validate_block
    from quotetune.errors import UsageError
    from quotetune.models.files import require_model
    from quotetune.pairing.ranking_config import RankingConfig
    from quotetune.pipeline.preflight.models import further_models
    from quotetune.pipeline.preflight.ranking import callable_problems

    preference = None
    if blocks["preference"]:
        preference = validate_block(PreferenceConfig, "preference", blocks["preference"])
    model = validate_block(RunModelConfig, "model", blocks["model"]) if blocks["model"] else None
    sampling = validate_block(SamplingConfig, "sampling", blocks["sampling"])
    ranking = RankingConfig(
        index=index,
        model=model,
        candidates=validate_block(CandidatesConfig, "candidates", blocks["candidates"]),
        preference=preference,
        pairs=validate_block(PairsConfig, "pairs", blocks["pairs"]),
        seed=seed,
        max_tokens=sampling.max_tokens,
        places=sampling.places,
    )
    if ranking.pairs.citations is not None:
        raise UsageError("pairs.citations: only quotetune train adds ids to pairs: remove it")
    problems = preference_problems(preference, ranking.pairs, ranking.candidates)
    problems += callable_problems(preference)
    if problems:
        raise UsageError("\n  ".join(map(str, problems)))
    for measure in ranking.measures:
        _ = ranking.model_of(measure)
    for key, needed in further_models(ranking).items():
        require_model(needed, key)
    if ranking.candidates.gold and model is None:
        raise UsageError("candidates.gold needs the model's tokenizer: set model.path")
    return ranking


def _prompts(
    ranking: "RankingConfig", blocks: dict[str, dict[str, Any]], path: Path | None
) -> "dict[str, Prompt]":
    """Read the prompts, if the settings need them."""
    from quotetune.cli.run_config import prompts_named
    from quotetune.errors import UsageError
    from quotetune.pipeline.preflight.ranking import need_problems

    if not ranking.needs_prompts:
        return {}
    if path is None and "path" not in blocks["prompts"]:
        raise UsageError("the preference needs the prompts: name them with --prompts")
    path = path or Path(str(blocks["prompts"]["path"]))
    loaded = prompts_named(path, blocks, ranking.index)
    if problems := need_problems(ranking, loaded):
        raise UsageError("\n  ".join(map(str, problems)))
    return {prompt.id: prompt for prompt in loaded}


def _check_prompts(samples: Path, prompts: "dict[str, Prompt]") -> None:
    import pyarrow.parquet as pq

    from quotetune.errors import UsageError
    from quotetune.pairing.candidates import candidate_parts

    for part in candidate_parts(samples, None):
        for prompt_id in pq.read_table(part, columns=["prompt_id"])["prompt_id"].unique():
            if prompt_id.as_py() not in prompts:
                raise UsageError(
                    f"{part}: it has responses to prompt {prompt_id}, which is not among the"
                    " prompts: give the prompts that were sampled"
                )
