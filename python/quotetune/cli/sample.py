"""`quotetune sample`: sample responses to a file of prompts."""

from pathlib import Path
from typing import Annotated

import typer

from quotetune.cli.options import SamplingOverrides


def sample(
    prompts: Annotated[
        Path,
        typer.Argument(
            help="JSONL or Parquet with a column prompt, or the file of prompts that a run wrote."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Directory to write the part files to.")
    ],
    model: Annotated[
        str | None, typer.Option(help="Model: a directory, or a name on the Hub.")
    ] = None,
    adapter: Annotated[
        Path | None,
        typer.Option(
            help="Adapter or whole model that training wrote.  [default: model.adapter of --config,"
            " without --model]"
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="Config of a run, for its model, prompts and sampling.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the sampling.")] = 0,
    overrides: SamplingOverrides = [],  # noqa: B006 - typer reads it, nobody changes it
) -> None:
    """Sample responses to prompts. If it is interrupted, run the same command again to continue.

    Change the settings of a run's config as in --set sampling.n=8 --set prompts.format=text.
    """
    from quotetune.cli.run_config import clock_named, policy_named, prompts_named
    from quotetune.config import SamplingConfig
    from quotetune.config.file import read_blocks, read_yaml
    from quotetune.config.validation import validate_block
    from quotetune.errors import UsageError
    from quotetune.runtime.console import progress
    from quotetune.sampling import run_sampling

    blocks = read_blocks(config, overrides, ("model", "prompts", "sampling"))
    if model is None and "path" not in blocks["model"]:
        raise UsageError(
            "no model is given: name one with --model, or a run's config with --config"
        )
    base, policy = policy_named(model, adapter, blocks["model"], overrides)
    sampling = validate_block(SamplingConfig, "sampling", blocks["sampling"])
    asked = prompts_named(prompts, blocks | {"model": base.model_dump()}, index=None)
    with progress("sample", "parts") as report:
        run_sampling(
            asked,
            output,
            model=base,
            sampling=sampling,
            adapter=policy,
            seed=seed,
            round=0,
            clock=clock_named({} if config is None else read_yaml(config)),
            progress=lambda now: report(now.done, now.parts, now.note),
        )
