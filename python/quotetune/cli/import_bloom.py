"""`quotetune import-bloom`: make an index from a published filter."""

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
            help="The parts, in order.  [default: the files beside the header that it names]",
        ),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option("-n", help="Length of an n-gram in characters; needed for the older layout."),
    ] = None,
    normalization: Annotated[
        str,
        typer.Option(
            metavar="squash|none", help="Normalisation of white space when the filter was made."
        ),
    ] = "squash",
    overwrite: Overwrite = False,
) -> None:
    """Make an index from a published Bloom filter. The index appears when it is complete.

    The index scores with exactly the hits of the published filter, without Redis. The parts are not
    needed afterwards. The index contains no text, so it has no quotes and no documents.
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
