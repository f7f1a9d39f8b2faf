"""`quotetune build-index`: make an index of a corpus."""

from pathlib import Path
from typing import Annotated, Any

import typer


def build_index(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="JSONL (.jsonl, .jsonl.gz, .jsonl.zst), Parquet or .txt files, folders or globs "
            "of those, or - for JSONL on standard input.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The index to make.")
    ],
    text_key: Annotated[str, typer.Option(help="Field of the text.")] = "text",
    id_key: Annotated[
        str | None,
        typer.Option(
            help="Field of the id, in every record.  [default: id where a record has it, "
            "otherwise its line]",
        ),
    ] = None,
    source_key: Annotated[
        str | None,
        typer.Option(
            help="Field of the source, in every record.  [default: source where a record has it, "
            "otherwise the file's stem]",
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="One source for all documents."),
    ] = None,
    meta_keys: Annotated[
        str,
        typer.Option(
            metavar="A,B,...",
            help="Fields to keep and to show with quotes, such as title,url.",
        ),
    ] = "",
    errors: Annotated[
        str,
        typer.Option(
            metavar="strict|replace|skip",
            help="What to do with text that is not valid UTF-8.",
        ),
    ] = "strict",
    n: Annotated[int, typer.Option("-n", help="Length of an n-gram in characters.")] = 25,
    normalization: Annotated[
        str, typer.Option(metavar="squash|none", help="What to do with white space.")
    ] = "squash",
    structures: Annotated[
        str,
        typer.Option(
            metavar="bloom,suffix|lean",
            help="lean: a third of suffix's size, for quotes of n characters or more. Without "
            "either there are scores, but no quotes and no documents.",
        ),
    ] = "bloom,suffix",
    bits_per_ngram: Annotated[
        float | None,
        typer.Option(help="Bloom filter: bits for each distinct n-gram.  [default: 16]"),
    ] = None,
    fpr: Annotated[
        float | None,
        typer.Option(help="Bloom filter: false-positive rate, instead of bits."),
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads to work on.  [default: one a core]")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an index that is there already.")
    ] = False,
) -> None:
    """Make an index of a corpus; it appears when it is complete."""
    from quotetune.cli.byte_progress import ByteProgress
    from quotetune.corpus import build_index as build
    from quotetune.inputs import expand_inputs

    options: dict[str, Any] = {
        "text_key": text_key,
        "id_key": id_key,
        "source": source,
        "source_key": source_key,
        "meta_keys": _listed(meta_keys),
        "errors": errors,
        "n": n,
        "normalization": normalization,
        "structures": _listed(structures),
        "bits_per_ngram": bits_per_ngram,
        "fpr": fpr,
        "threads": threads,
        "overwrite": overwrite,
    }
    with ByteProgress() as progress:
        index = build(expand_inputs(inputs), output, progress=progress, **options)
    typer.echo(f"{output}: {len(index):,} documents", err=True)


def _listed(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]
