"""`quotetune build-index`: make an index of a corpus."""

from typing import Annotated, Any

import typer

from quotetune.cli.options import (
    Duplicates,
    Errors,
    Format,
    IdKey,
    Inputs,
    MemoryLimit,
    MetaKeys,
    NewIndex,
    Overwrite,
    Root,
    Source,
    SourceKey,
    TextKey,
    Threads,
    in_bytes,
    listed,
    paths,
)


def build_index(
    inputs: Inputs,
    output: NewIndex,
    text_key: TextKey = "text",
    id_key: IdKey = None,
    source_key: SourceKey = None,
    source: Source = None,
    meta_keys: MetaKeys = "",
    errors: Errors = "strict",
    format: Format = None,
    root: Root = None,
    duplicates: Duplicates = "error",
    n: Annotated[int, typer.Option("-n", help="Length of an n-gram in characters.")] = 25,
    normalization: Annotated[
        str, typer.Option(metavar="squash|none", help="What to do with white space.")
    ] = "squash",
    structures: Annotated[
        str,
        typer.Option(
            metavar="bloom|fuse,suffix|lean",
            help="fuse: a filter with fewer errors, for a corpus that is not going to change. "
            "lean: a sixth of suffix's size, for quotes of n characters or more. Without suffix or "
            "lean there are scores, but no quotes and no documents.",
        ),
    ] = "bloom,suffix",
    bits_per_ngram: Annotated[
        float | None,
        typer.Option(help="Bloom filter: bits for each distinct n-gram.  [default: 16]"),
    ] = None,
    fpr: Annotated[
        float | None,
        typer.Option(help="Bloom filters: false-positive rate of all together, instead of bits."),
    ] = None,
    expected_ngrams: Annotated[
        int | None,
        typer.Option(
            help="Bloom filter: make room for this many distinct n-grams, so that the filters of "
            "shards can be united."
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Take the I-th of N shares of the files, by bytes; only plain .jsonl is cut, "
            "other files go whole to one. merge makes one index of all N.",
        ),
    ] = None,
    threads: Threads = None,
    memory_limit: MemoryLimit = None,
    overwrite: Overwrite = False,
) -> None:
    """Make an index of a corpus; it appears when it is complete."""
    from quotetune.cli.byte_progress import ByteProgress
    from quotetune.corpus.build import build_index as build

    options: dict[str, Any] = {
        "text_key": text_key,
        "id_key": id_key,
        "source": source,
        "source_key": source_key,
        "meta_keys": listed(meta_keys),
        "errors": errors,
        "format": format,
        "root": root,
        "duplicates": duplicates,
        "n": n,
        "normalization": normalization,
        "structures": listed(structures),
        "bits_per_ngram": bits_per_ngram,
        "fpr": fpr,
        "expected_ngrams": expected_ngrams,
        "shard": shard,
        "threads": threads,
        "memory_limit": in_bytes(memory_limit),
        "overwrite": overwrite,
    }
    with ByteProgress() as progress:
        index = build(paths(inputs), output, progress=progress, **options)
    typer.echo(f"{output}: {len(index):,} documents", err=True)
