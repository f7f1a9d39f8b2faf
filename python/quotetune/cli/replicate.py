"""`quotetune replicate`: a run of one config for each of several seeds, and their table."""

from pathlib import Path
from typing import Annotated

import typer

from quotetune.cli.options import Overrides


def replicate(
    config: Annotated[Path, typer.Argument(help="A run's config, a YAML file.")],
    seeds: Annotated[
        str, typer.Option(metavar="N,N,...", help="Seeds, as in 0,1,2; one run for each of them.")
    ],
    overrides: Overrides = [],  # noqa: B006 - typer reads it, nobody changes it
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only validate, and print the stages to do for each seed, and why."
        ),
    ] = False,
) -> None:
    """Run a config once per seed, and show every seed, the mean and its intervals.

    The runs are in RUN-seeds/seed-N, where RUN is the config's run. The split and the evaluation's
    seed are the same for all, and what does not depend on the seed is done once. Writes
    RUN-seeds/replicate.json and replicate.md. If it is interrupted, run the same command again to
    continue.
    """
    from quotetune.analysis.replicates import (
        configs_of_seeds,
        directory_of_seeds,
        parse_seeds,
        plan_seeds,
        run_seeds,
    )
    from quotetune.analysis.seed_table import compare_seeds, write_seeds
    from quotetune.config.problem import report
    from quotetune.config.validation import load_config
    from quotetune.errors import UsageError
    from quotetune.pipeline.estimate import estimate
    from quotetune.pipeline.preflight import read_inputs
    from quotetune.runtime.console import say

    wanted = parse_seeds(seeds)
    loaded = load_config(config, overrides)
    inputs = read_inputs(loaded)
    problems = [one for one in inputs.problems if not (dry_run and one.to_provide)]
    if problems:
        raise UsageError(report(config, problems))
    configs = configs_of_seeds(loaded, wanted)
    if dry_run:
        for problem in inputs.problems:
            typer.echo(f"to provide: {problem}")
        for notice in inputs.notices:
            typer.echo(f"note: {notice}")
        for one, entries in zip(configs, plan_seeds(configs), strict=True):
            typer.echo(f"seed {one.seed}: {one.run}")
            for planned in entries:
                typer.echo(f"  {planned}")
        if (expected := estimate(loaded, inputs.split)) is not None:
            typer.echo("for each seed, of which what is copied is not done again:")
            typer.echo("\n".join(f"  {line}" for line in expected.lines()))
        return
    for notice in inputs.notices:
        say(f"note: {notice}")
    run_seeds(configs)
    directory = directory_of_seeds(loaded.run)
    runs = {one.seed: one.run for one in configs}
    typer.echo(write_seeds(compare_seeds(runs), directory), nl=False)
    typer.echo(f"\n{directory / 'replicate.md'}")
