"""`quotetune evaluate`: compare the metrics of responses of any origin."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from quotetune.cli.options import EvaluationOverrides

if TYPE_CHECKING:
    from quotetune.config import ModelConfig
    from quotetune.prompts.prompt import Prompt

_BLOCKS = ("model", "prompts", "sampling", "evaluation")


def evaluate(
    responses: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=]RESPONSES...",
            help="Directories that quotetune sample wrote, or JSONL with response and id or prompt."
            " Each is a row, which is compared with the first.",
        ),
    ] = None,
    index: Annotated[
        Path | None, typer.Option(help="Index of the corpus.  [default: that of --config]")
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            help="File of the prompts.  [default: the held-out prompts of the run of --config]"
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Config of a run, for everything that is not given.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Model to sample from first: a directory, or a name on the Hub."),
    ] = None,
    adapter: Annotated[
        Path | None,
        typer.Option(
            help="Adapter or whole model that training wrote, for --model or the config's model,"
            " instead of model.adapter."
        ),
    ] = None,
    samples: Annotated[
        Path | None, typer.Option(help="Directory for the samples of --model or --adapter.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSON file for the metrics.")
    ] = None,
    best_of_n: Annotated[
        int | None,
        typer.Option(
            "--best-of-n",
            min=1,
            help="Also add a row for the best of the first N responses to each prompt, by QUIP, and"
            " one by on-topic QUIP.",
        ),
    ] = None,
    overrides: EvaluationOverrides = [],  # noqa: B006 - typer reads it, nobody changes it
) -> None:
    """Compute QUIP, quotes, ROUGE-L, length and other metrics of responses, as rows of one table.

    --model and --adapter are sampled with the evaluation settings and the seed of --config.
    """
    from quotetune.cli.run_config import index_named, policy_named, prompts_named
    from quotetune.config import EvaluationConfig, RunModelConfig
    from quotetune.config.file import read_blocks, read_yaml
    from quotetune.config.validation import validate_block
    from quotetune.errors import QuotetuneError, QuotetuneWarning, UsageError
    from quotetune.evaluation.compare import compare
    from quotetune.evaluation.responses_file import read_responses_file
    from quotetune.measures.scoring_models import scoring_models_of
    from quotetune.metrics.printing import print_table
    from quotetune.metrics.row_names import BEST_OF_N, BEST_ON_TOPIC
    from quotetune.models.files import require_model
    from quotetune.runs.looks import record_command
    from quotetune.runtime.console import say
    from quotetune.runtime.whole_files import check_file_can_be, write_json

    check_file_can_be(output, "--output")
    run = {} if config is None else read_yaml(config)
    content = run | read_blocks(config, overrides, _BLOCKS)
    evaluation = validate_block(EvaluationConfig, "evaluation", content["evaluation"])
    base = None
    if evaluation.perplexity == "base":
        base = validate_block(RunModelConfig, "model", content["model"])
    models = scoring_models_of(evaluation, base)
    for name, scoring in (("perplexity", models.perplexity), ("bart_score", models.bart_score)):
        if scoring is not None:
            require_model(scoring, f"evaluation.{name}.path")
    corpus = index_named(index, content)
    asked = _prompts_file(prompts, content)
    loaded = prompts_named(asked, content, corpus)
    sampled = [] if model is None and adapter is None else [(adapter or Path(str(model))).name]
    rows = _row_names(responses or [], sampled)
    tables = {
        name: read_responses_file(path, loaded) for name, path in rows.items() if path is not None
    }
    for name in sampled:
        policy = policy_named(model, adapter, content["model"], overrides)
        tables[name] = _sampled(loaded, content, evaluation, policy, samples)
    if not tables:
        raise UsageError("nothing to evaluate: give responses, or a model with --model")
    compared = compare(loaded, tables, corpus, models, best_of_n=best_of_n)
    try:
        record_command(asked, tables, {name: content[name] for name in _BLOCKS if content[name]})
    except QuotetuneError as error:  # the run of somebody else, which only its owner can write
        warnings.warn(str(error), QuotetuneWarning, stacklevel=1)
    if output is not None:
        write_json(output, compared.to_dict())
    titles = {BEST_OF_N: "best of n", BEST_ON_TOPIC: "best of n on topic"}
    print_table({titles.get(name, name): row for name, row in compared.rows.items()})
    for line in compared.lines():
        say(line)


def _row_names(responses: list[str], sampled: list[str]) -> dict[str, Path | None]:
    """Name the rows by their arguments, otherwise after their files; None means to be sampled."""
    from quotetune.errors import UsageError
    from quotetune.metrics.row_names import BESIDE

    named: list[tuple[str, Path | None]] = []
    for argument in responses:
        name, equals, path = argument.partition("=")
        if equals and not Path(argument).exists():
            named.append((name, Path(path)))
        elif len(responses) == 1 and not sampled:
            named.append(("responses", Path(argument)))
        else:
            named.append((Path(argument).stem, Path(argument)))
    named += [(name, None) for name in sampled]
    rows: dict[str, Path | None] = {}
    for row, source in named:
        if row in rows or row in BESIDE:
            taken = "two rows have" if row in rows else "another row has"
            raise UsageError(f"{taken} the name {row}: give other names, as in NAME=RESPONSES")
        rows[row] = source
    return rows


def _prompts_file(path: Path | None, content: dict[str, Any]) -> Path:
    from quotetune.errors import UsageError
    from quotetune.runs.directory import RunDirectory

    if path is None and "run" not in content:
        raise UsageError("no prompts are given: name them with --prompts, or a run with --config")
    return path or RunDirectory(Path(content["run"])).heldout


def _sampled(
    prompts: "list[Prompt]",
    content: dict[str, Any],
    evaluation: Any,
    policy: "tuple[ModelConfig, Path | None]",
    samples: Path | None,
) -> Any:
    from quotetune.cli.run_config import clock_named, seed_named
    from quotetune.config import SamplingConfig, evaluation_sampling
    from quotetune.config.validation import validate_block
    from quotetune.errors import UsageError
    from quotetune.runtime.console import progress
    from quotetune.sampling import run_sampling
    from quotetune.sampling.parts import read_samples
    from quotetune.stages.evaluation import EVALUATION_ROUND

    if samples is None:
        raise UsageError("no directory for the samples is given: name one with --samples")
    model, adapter = policy
    sampling = validate_block(SamplingConfig, "sampling", content["sampling"])
    with progress("sample", "parts") as report:
        run_sampling(
            prompts,
            samples,
            model=model,
            sampling=evaluation_sampling(sampling, evaluation),
            adapter=adapter,
            seed=seed_named(evaluation.seed, content),
            round=EVALUATION_ROUND,
            clock=clock_named(content),
            progress=lambda now: report(now.done, now.parts, now.note),
        )
    return read_samples(samples)
