"""`quotetune demo-data`: write the demo's model, corpus and prompts as ordinary files."""

from pathlib import Path
from typing import Annotated

import typer


def demo_data(
    output: Annotated[Path, typer.Argument(help="Directory to write to.")] = Path("data/demo"),
) -> None:
    """Write model/, corpus.jsonl and prompts.jsonl of the demo, from two installed packages."""
    from quotetune.cli.demo_packages import write_demo_data
    from quotetune.runtime.console import status

    with status() as tell:
        write_demo_data(output, tell)
    typer.echo(f"wrote model/, corpus.jsonl and prompts.jsonl to {output}", err=True)
