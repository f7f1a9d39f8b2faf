"""`quotetune decontaminate`: the items of evaluation sets that a corpus contains."""

from pathlib import Path
from typing import Annotated, Any

import typer

from quotetune.cli.options import (
    CorpusOutput,
    Errors,
    Format,
    IdKey,
    Ignored,
    Root,
    Source,
    SourceKey,
    TextKey,
    Threads,
    listed,
    paths,
)


def decontaminate(
    evaluations: Annotated[
        list[str],
        typer.Argument(
            metavar="EVALS...",
            help="Evaluation sets: JSONL, JSON arrays, Parquet or text files, also compressed, "
            "folders or globs.",
        ),
    ],
    corpus: Annotated[
        list[str],
        typer.Option(
            "--in",
            metavar="CORPUS",
            help="A file, folder or glob of the corpus, as build-index takes them; several times "
            "for several.",
        ),
    ],
    output: CorpusOutput,
    keys: Annotated[
        str,
        typer.Option(
            metavar="A,B,...",
            help="Fields of the items' texts: texts or lists of texts, also nested (answers.text)."
            "  [default: question, answer, answers, answers.text]",
        ),
    ] = "",
    ignore: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Boilerplate that does not count, one text per line."),
    ] = None,
    n: Annotated[int, typer.Option("-n", help="Characters that a match must have to count.")] = 25,
    min_share: Annotated[
        float,
        typer.Option(help="Share of an item that a document must cover to contaminate it."),
    ] = 0.7,
    min_match: Annotated[
        int, typer.Option(help="Characters of one match that are enough, whatever their share.")
    ] = 100,
    short: Annotated[
        str,
        typer.Option(
            metavar="report|whole",
            help="Treatment of items without n characters. report: they are too short to tell. "
            "whole: a document contaminates them that contains their longest text as whole words.",
        ),
    ] = "report",
    normalization: Ignored = "squash",
    remove: Annotated[
        str | None,
        typer.Option(
            metavar="documents|spans",
            help="Also write the corpus without the contaminated documents, or without the "
            "contaminated spans of them.",
        ),
    ] = None,
    text_key: TextKey = "text",
    id_key: IdKey = None,
    source_key: SourceKey = None,
    source: Source = None,
    errors: Errors = "strict",
    format: Format = None,
    root: Root = None,
    max_matches: Annotated[
        int, typer.Option(help="Matches to list for an item, and for a document.")
    ] = 10,
    max_documents: Annotated[
        int,
        typer.Option(help="Documents to list that contaminate an item, and as many others."),
    ] = 1000,
    threads: Threads = None,
) -> None:
    """Find the items of evaluation sets in a corpus, and write the corpus without them.

    DIR/report.json has for each item its coverage, and for each document its matches.
    """
    from quotetune.cli.byte_progress import ByteProgress
    from quotetune.corpus.batches import Corpus
    from quotetune.corpus.ingest import Reading, keys_of
    from quotetune.datawork.copying import REPORT
    from quotetune.datawork.decontamination import Settings
    from quotetune.datawork.decontamination import decontaminate as run
    from quotetune.datawork.ignored_texts import read_ignored
    from quotetune.errors import UsageError
    from quotetune.runtime.plural import counted

    choices: dict[str, Any] = {
        "n": n,
        "min_share": min_share,
        "min_match": min_match,
        "normalization": normalization,
        "short": short,
        "remove": remove,
        "max_matches": max_matches,
        "max_documents": max_documents,
    }
    settings = Settings(**choices)
    wanted = listed(keys)
    if keys and not wanted:
        raise UsageError(f"--keys is {keys!r}: name fields, such as question,answer")
    record_keys = keys_of(text_key, id_key, source, source_key, (), errors)  # type: ignore[arg-type]
    documents = Corpus(paths(corpus), record_keys, Reading(format, root))  # type: ignore[arg-type]
    ignored = [] if ignore is None else read_ignored(ignore)
    with ByteProgress() as progress:
        report = run(
            paths(evaluations),
            documents,
            output,
            settings,
            keys=wanted,
            format=format,  # type: ignore[arg-type]
            ignored=ignored,
            threads=threads,
            progress=progress,
        )
    items, read = report["items"], report["documents"]
    line = (
        f"{items['contaminated']:,} of {counted(items['count'], 'item')} contaminated, by "
        f"{read['contaminated']:,} of {counted(read['count'], 'document')}"
    )
    if items["too_short"]:
        line += f"; {counted(items['too_short'], 'item')} too short to tell"
    if "removed" in report:
        removed = report["removed"]
        line += f"; {counted(removed['documents'], 'document')} left out"
        line += f", {removed['documents_cut']:,} cut" if remove == "spans" else ""
    typer.echo(f"{line}: see {output / REPORT}")
