"""`quotetune train`: a whole run, from prompts to a tuned model and its evaluation."""

from pathlib import Path
from typing import Annotated

import typer

from quotetune.cli.options import Overrides


def train(
    config: Annotated[Path, typer.Argument(help="The run's config, a YAML file.")],
    overrides: Overrides = [],  # noqa: B006 - typer reads it, nobody changes it
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only validate, and print the stages to do, why, and what they take."
        ),
    ] = False,
    until: Annotated[
        str | None,
        typer.Option(metavar="STAGE", help="Stage to stop after, as in round-1/pair or pair."),
    ] = None,
) -> None:
    """Tune a model to quote: sample, score, pair, train, evaluate.

    If it is interrupted, run the same command again to continue. If the config has changed, the
    stages that the change affects are done again.
    """
    from quotetune.config.problem import report
    from quotetune.config.validation import load_config
    from quotetune.errors import UsageError
    from quotetune.pipeline.estimate import estimate
    from quotetune.pipeline.preflight import read_inputs
    from quotetune.pipeline.run import plan, run, stage_list
    from quotetune.runtime.console import say

    loaded = load_config(config, overrides)
    inputs = read_inputs(loaded)
    problems = inputs.problems
    if dry_run:
        wrong = [problem for problem in problems if not problem.to_provide]
        if wrong:
            raise UsageError(report(config, wrong))
        stages = stage_list(loaded, until)
        for problem in problems:
            typer.echo(f"to provide: {problem}")
        for notice in inputs.notices:
            typer.echo(f"note: {notice}")
        for planned in plan(stages):
            typer.echo(str(planned))
        if (expected := estimate(loaded, inputs.split)) is not None:
            typer.echo("\n".join(expected.lines()))
        typer.echo(
            "found only when sampling and training start: whether the model loads, and what a model"
            " on the Hub contains"
        )
        return
    if problems:
        raise UsageError(report(config, problems))
    say(f"run: {loaded.run}")
    for notice in inputs.notices:
        say(f"note: {notice}")
    run(loaded, until)
