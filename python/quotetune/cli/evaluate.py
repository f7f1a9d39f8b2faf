"""`quotetune evaluate`: the metrics of responses that were sampled before."""

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    samples: Annotated[Path, typer.Argument(help="Directory of part files of quotetune sample.")],
    index: Annotated[Path, typer.Option(help="Index of the corpus.")],
    prompts: Annotated[Path, typer.Option(help="Their prompts: what was sampled, or a run's.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="JSON file for the metrics.")
    ] = None,
    best_of_n: Annotated[
        int | None,
        typer.Option("--best-of-n", min=1, help="Also take the best of the first N of a prompt."),
    ] = None,
) -> None:
    """Compute QUIP, coverage, quotes, ROUGE-L, length and repetition of sampled responses."""
    from quotetune.config import PromptsConfig
    from quotetune.evaluating import evaluate_samples
    from quotetune.prompts import are_written, load_prompts, read_prompts
    from quotetune.summary import print_table
    from quotetune.whole_files import write_json

    if prompts.exists() and are_written(prompts):
        loaded = load_prompts(prompts)
    else:
        sources = read_prompts(prompts, PromptsConfig(path=prompts))
        loaded = [source.prompt for source in sources]
    metrics = evaluate_samples(loaded, samples, index, n=None, best_of_n=best_of_n)
    if output is not None:
        write_json(output, metrics)
    rows = {"responses": metrics["metrics"]}
    if metrics["best_of_n"] is not None:
        rows["best of n"] = metrics["best_of_n"]
    print_table(rows)
