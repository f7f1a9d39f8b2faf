"""`quotetune build-index`: build an index of a corpus."""

from pathlib import Path
from typing import Annotated, Any

import typer

from quotetune.cli.options import (
    CorpusIfAny,
    Duplicates,
    Errors,
    Format,
    IdKey,
    MemoryLimit,
    MetaKeys,
    NewIndexIfAny,
    Overwrite,
    Root,
    Source,
    SourceKey,
    TextKey,
    Threads,
    in_bytes,
    listed,
    number,
    paths,
)


def build_index(
    inputs: CorpusIfAny = None,
    output: NewIndexIfAny = None,
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
        str,
        typer.Option(
            metavar="squash|fold|fold-case|none",
            help="Differences that do not count. squash: white space, as QUIP defines it. fold: "
            "typography, too (curly and straight quotation marks, dashes, soft hyphens, ligatures, "
            "NFC and NFD). fold-case: case, too. none: the text as it is.",
        ),
    ] = "squash",
    structures: Annotated[
        str,
        typer.Option(
            metavar="bloom|fuse,suffix|lean",
            help="Structures to build. fuse is a filter with fewer false positives, for a corpus "
            "that does not change. lean has a sixth of the size of suffix, and finds quotes of n "
            "characters or more. An index without suffix and lean has scores, but no quotes and no "
            "documents.",
        ),
    ] = "bloom,suffix",
    bits_per_ngram: Annotated[
        float | None,
        typer.Option(help="Bits of the Bloom filter per distinct n-gram.  [default: 16]"),
    ] = None,
    fpr: Annotated[
        float | None,
        typer.Option(
            help="Largest false-positive rate of all Bloom filters together, instead of bits."
        ),
    ] = None,
    expected_ngrams: Annotated[
        int | None,
        typer.Option(
            help="Distinct n-grams to make room for in the Bloom filter. merge unites filters "
            "that have the same room."
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Index only the I-th of N shards of the files, by bytes. Plain .jsonl files are "
            "cut at line ends, other files are not cut. merge makes one index from all N.",
        ),
    ] = None,
    executor: Annotated[
        str,
        typer.Option(
            metavar="local|ray|slurm",
            help="Where to build. ray: in shards, on a Ray cluster. slurm: print a script that "
            "submits the shards as a job array. An output that ends in .json is a list of the "
            "shards, which are then not merged.",
        ),
    ] = "local",
    ray_address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT|auto",
            help="Ray cluster to join.  [default: $RAY_ADDRESS, otherwise one of this machine]",
        ),
    ] = None,
    shards: Annotated[
        int | None,
        typer.Option(help="Number of shards of --executor.  [default: by size and cluster]"),
    ] = None,
    scratch: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder on each node of --executor ray for remote files while they are read.  "
            "[default: that of temporary files]",
        ),
    ] = None,
    threads: Threads = None,
    memory_limit: MemoryLimit = None,
    overwrite: Overwrite = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Only check, and estimate the sizes, the memory and the time. Of a large corpus, "
            "32 MiB are read.",
        ),
    ] = False,
    ngrams: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            help="For --dry-run without a corpus: its distinct n-grams, such as 1e9.  "
            "[default: --chars]",
        ),
    ] = None,
    chars: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            help="For --dry-run without a corpus: its characters, of one byte each.  "
            "[default: --ngrams]",
        ),
    ] = None,
) -> None:
    """Build an index of a corpus. The index appears when it is complete."""
    from quotetune.cli.byte_progress import ByteProgress
    from quotetune.cli.distributed_build import build_distributed, check_executor
    from quotetune.corpus.build import build_index as build
    from quotetune.errors import UsageError
    from quotetune.runtime.plural import counted

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
    check_executor(
        executor,
        output,
        shard=shard,
        only_distributed={"--shards": shards},
        only_ray={"--ray-address": ray_address, "--scratch": scratch},
        dry_run=dry_run,
    )
    if dry_run:
        from quotetune.cli.dry_run import print_estimate

        if shard is not None and not inputs:
            raise UsageError("--shard is for inputs: name them, or leave it out")
        numbers = {"ngrams": number("--ngrams", ngrams), "chars": number("--chars", chars)}
        print_estimate(paths(inputs or []), output, options | numbers)
        return
    if ngrams is not None or chars is not None:
        raise UsageError("--ngrams and --chars are for --dry-run: add it, or leave them out")
    if not inputs:
        raise UsageError("no INPUT: name the files of the corpus, or - for standard input")
    if output is None:
        raise UsageError("no --output: name the directory of the new index with -o")
    if executor != "local":
        del options["shard"], options["overwrite"], options["threads"]
        build_distributed(
            executor,
            inputs,
            output,
            options,
            address=ray_address,
            shards=shards,
            threads=threads,
            scratch=scratch,
            overwrite=overwrite,
        )
        return
    with ByteProgress() as progress:
        index = build(paths(inputs), output, progress=progress, **options)
    typer.echo(f"{output}: {counted(len(index), 'document')}", err=True)
