"""`quotetune build-index --executor ray|slurm`: build an index in shards on several machines."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

_EXECUTORS = ("local", "ray", "slurm")
# How many tasks of a job array run at once is not known. A small corpus has four shards for each.
_SLURM_WORKERS = 8


def check_executor(
    executor: str,
    output: Path | None,
    *,
    shard: str | None,
    only_distributed: Mapping[str, Any],
    only_ray: Mapping[str, Any],
    dry_run: bool,
) -> None:
    """Refuse an executor that is none, and an output and options that do not go with it."""
    from quotetune.errors import UsageError

    if executor not in _EXECUTORS:
        raise UsageError(f"--executor is {executor!r}: choose local, ray or slurm")
    wrong = dict(only_ray) if executor != "ray" else {}
    wrong |= only_distributed if executor == "local" else {}
    for option, value in wrong.items():
        if value is not None:
            which = "ray" if option in only_ray else "ray or slurm"
            raise UsageError(f"{option} is for --executor {which}: add it, or leave {option} out")
    if executor == "local" and output is not None and output.suffix.lower() == ".json":
        raise UsageError(
            f"{output}: a list of shards is made by --executor ray or slurm: add it, or name a"
            " directory without .json"
        )
    if executor != "local" and shard is not None:
        raise UsageError("--shard with --executor, which makes all shards: give --shards N")
    if executor != "local" and dry_run:
        raise UsageError("--dry-run with --executor: leave --executor out for the estimate")


def build_distributed(
    executor: str,
    inputs: Sequence[str],
    output: Path,
    options: Mapping[str, Any],
    *,
    address: str | None,
    shards: int | None,
    threads: int | None,
    scratch: Path | None,
    overwrite: bool,
) -> None:
    """Build on Ray, or print the script for Slurm."""
    from quotetune.cli.byte_progress import ByteProgress
    from quotetune.runtime.plural import counted

    if executor == "slurm":
        script = _script(inputs, output, dict(options), shards, threads or 1, overwrite)
        typer.echo(script, nl=False)
        return
    from quotetune.distributed.build import build_on_ray

    with ByteProgress() as progress:
        documents = build_on_ray(
            inputs,
            output,
            address=address,
            shards=shards,
            threads=threads,
            scratch=scratch,
            overwrite=overwrite,
            progress=progress,
            **options,
        )
    typer.echo(f"{output}: {counted(documents, 'document')}", err=True)


def _script(
    inputs: Sequence[str],
    output: Path,
    options: dict[str, Any],
    shards: int | None,
    threads: int,
    overwrite: bool,
) -> str:
    from quotetune.distributed.planning import planned
    from quotetune.distributed.remote import is_remote
    from quotetune.distributed.slurm import slurm_script
    from quotetune.errors import UsageError

    if overwrite:
        raise UsageError("--overwrite with --executor slurm: delete the output before")
    if any(map(is_remote, inputs)):
        raise UsageError("URLs with --executor slurm: name files that all nodes see, or use ray")
    wanted = planned(
        inputs, output, options, shards=shards, workers=lambda: _SLURM_WORKERS, overwrite=False
    )
    with wanted as plan:
        return slurm_script(plan, output, threads)
