"""`quotetune export`: write a run's policy to a directory or to the Hub."""

from pathlib import Path
from typing import Annotated

import typer

from quotetune.cli.options import Policy


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Directory of a run.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Directory to create.")],
    policy: Policy = None,
    merge: Annotated[
        bool, typer.Option("--merge", help="Merge the adapter into its model.")
    ] = False,
    push_to_hub: Annotated[
        str | None,
        typer.Option(
            metavar="OWNER/NAME",
            help="Also upload the directory. A new repository is created as private.",
        ),
    ] = None,
) -> None:
    """Write the tuned adapter, or the whole model with --merge, with its tokenizer and card."""
    from quotetune.release.exporting import export_policy
    from quotetune.runs.finished import tuned_policy
    from quotetune.runtime.hub import check_repo_name, push_directory

    if push_to_hub is not None:
        check_repo_name(push_to_hub)
    found = tuned_policy(run, policy)
    export_policy(found, output, merge=merge)
    typer.echo(f"{found.name} of {run}: {output}")
    if push_to_hub is not None:
        push_directory(output, push_to_hub, "model")
