"""`quotetune import-bloom`: make an index of a published filter."""

from pathlib import Path
from typing import Annotated

import typer

from quotetune.cli.options import NewIndex, Overwrite


def import_bloom(
    header: Annotated[
        Path,
        typer.Argument(
            metavar="HEADER",
            help="The JSON header of a RedisBloom dump, NAME.bf (the older layout: NAME.bf.idx).",
        ),
    ],
    output: NewIndex,
    parts: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PART]...",
            help="Its parts, in order.  [default: beside the header, under the names it gives]",
        ),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option(
            "-n", help="Length of an n-gram in characters, which the older layout does not tell."
        ),
    ] = None,
    normalization: Annotated[
        str, typer.Option(metavar="squash|none", help="What its makers did with white space.")
    ] = "squash",
    overwrite: Overwrite = False,
) -> None:
    """Make an index of a published Bloom filter; it appears when it is complete.

    The index scores with exactly the published filter's hits, without Redis, and does not need
    the parts afterwards. It has no text: there are no quotes and no documents.
    """
    from quotetune.cli.byte_progress import ByteProgress
    from quotetune.corpus.importing import import_bloom as make

    with ByteProgress() as progress:
        index = make(
            header,
            output,
            parts=parts or (),
            n=n,
            normalization=normalization,
            overwrite=overwrite,
            progress=progress,
        )
    typer.echo(f"{output}: n-grams of {index.n} characters, fpr {index.fpr:.3%}", err=True)
