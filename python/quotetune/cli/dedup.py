"""`quotetune dedup`: a corpus without what it contains a second time."""

from typing import Annotated, Any

import typer

from quotetune.cli.options import (
    CorpusOutput,
    Errors,
    FileInputs,
    Format,
    IdKey,
    Ignored,
    MemoryLimit,
    Root,
    Source,
    SourceKey,
    TextKey,
    Threads,
    in_bytes,
    paths,
)


def dedup(
    inputs: FileInputs,
    output: CorpusOutput,
    min_chars: Annotated[
        int, typer.Option(min=2, help="Characters of the shortest text that may occur only once.")
    ] = 100,
    remove: Annotated[
        str,
        typer.Option(
            metavar="spans|documents",
            help="spans: cut what occurs earlier in the corpus. documents: leave out the documents "
            "that share a text with an earlier one.",
        ),
    ] = "spans",
    normalization: Ignored = "squash",
    text_key: TextKey = "text",
    id_key: IdKey = None,
    source_key: SourceKey = None,
    source: Source = None,
    errors: Errors = "strict",
    format: Format = None,
    root: Root = None,
    memory_limit: MemoryLimit = None,
    threads: Threads = None,
) -> None:
    """Write a corpus without the texts that it contains a second time.

    The first copy of a text stays, except for characters that are also in a copy of an earlier
    text. DIR/corpus has the files of the corpus. Records that do not change are the same bytes.
    """
    from quotetune.cli.byte_progress import ByteProgress
    from quotetune.corpus.batches import Corpus
    from quotetune.corpus.ingest import Reading, keys_of
    from quotetune.datawork.copying import REPORT
    from quotetune.datawork.deduplication import Settings, deduplicate
    from quotetune.runtime.plural import counted

    choices: dict[str, Any] = {
        "min_chars": min_chars,
        "remove": remove,
        "normalization": normalization,
        "memory_limit": in_bytes(memory_limit),
    }
    settings = Settings(**choices)
    keys = keys_of(text_key, id_key, source, source_key, (), errors)  # type: ignore[arg-type]
    corpus = Corpus(paths(inputs), keys, Reading(format, root))  # type: ignore[arg-type]
    with ByteProgress() as progress:
        report = deduplicate(
            corpus,
            output,
            settings,
            threads=threads,
            progress=progress,
        )
    removed = report["removed"]
    typer.echo(
        f"{counted(removed['characters'], 'character')} removed:"
        f" {counted(removed['documents'], 'document')} left out,"
        f" {removed['documents_cut']:,} cut: see {output / REPORT}"
    )
