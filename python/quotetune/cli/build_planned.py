"""`quotetune build-planned`: the tasks in the script of `build-index --executor slurm`."""

import socket
from pathlib import Path
from typing import Annotated

import typer

from quotetune.cli.options import Threads


def build_planned(
    parts: Annotated[Path, typer.Argument(metavar="PARTS", help="Directory of the plan.")],
    shard: Annotated[int | None, typer.Option(help="Number of the shard, from 1.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="What all shards are to become.")
    ] = None,
    threads: Threads = None,
) -> None:
    """Build one shard of a plan, or make the index or the list of all of them."""
    from quotetune.cli.byte_progress import ByteProgress
    from quotetune.distributed.claim import claimed
    from quotetune.distributed.finish import finish
    from quotetune.distributed.plan import parts_of, stored_plan
    from quotetune.distributed.shard_build import build_shard
    from quotetune.errors import UsageError
    from quotetune.runtime.plural import counted

    plan = stored_plan(parts)
    if plan is None:
        raise UsageError(f"{parts}: has no plan.json: repeat build-index --executor slurm")
    if (shard is None) == (output is None):
        raise UsageError("give --shard or --output")
    if shard is not None:
        if not 1 <= shard <= plan.shards:
            raise UsageError(f"--shard is {shard}: choose from 1 to {plan.shards}")
        build_shard(
            parts,
            shard,
            node=socket.gethostname(),
            threads=threads or 1,
            scratch=None,
            report=lambda share: None,
        )
        return
    assert output is not None
    if parts_of(output.absolute()) != parts.absolute():
        raise UsageError(f"{output}: is not the output of {parts}")
    with claimed(parts), ByteProgress() as progress:
        documents = finish(plan, output.absolute(), progress=progress)
    typer.echo(f"{output}: {counted(documents, 'document')}", err=True)
