"""`quotetune repeats`: the texts that a corpus contains several times."""

from pathlib import Path
from typing import Annotated

import typer

from quotetune.cli.options import RecordsOutput


def repeats(
    index: Annotated[
        Path,
        typer.Argument(
            metavar="INDEX", help="An index with structure suffix, or a .json list of indexes."
        ),
    ],
    min_chars: Annotated[
        int, typer.Option(min=1, help="Length of the shortest text in characters.")
    ] = 50,
    times: Annotated[int, typer.Option(min=2, help="Occurrences that a text must have.")] = 2,
    max_texts: Annotated[int, typer.Option(min=0, help="Texts to list; the longest ones.")] = 100,
    max_documents: Annotated[int, typer.Option(min=0, help="Documents to name per text.")] = 10,
    output: RecordsOutput = None,
) -> None:
    """List the longest texts that the corpus contains several times, with their documents.

    Each output record is a text that occurs often enough, while with one more character it does
    not. The last line says how much of the corpus is in such texts.
    """
    from quotetune.cli.records import write_record, written
    from quotetune.corpus.index import Index
    from quotetune.corpus.manifest import read_manifest
    from quotetune.runtime.console import say, status
    from quotetune.runtime.plural import counted
    from quotetune.runtime.whole_files import check_file_can_be

    check_file_can_be(output, "--output")
    opened = Index.open(index)
    with status() as tell:
        tell(f"looking for what repeats in {index}")
        found = opened.repeats(min_chars, times, max_texts, max_documents)
    with written(output) as file:
        for text in found.texts:
            write_record(file, text.to_dict())
    characters = sum(read_manifest(one)["counts"]["characters"] for one in opened.members)
    say(
        f"{found.chars / max(characters, 1):.2%} of the corpus repeats: {found.chars:,} of"
        f" {counted(characters, 'character')}, in {counted(found.ranges, 'range')} of"
        f" {counted(found.documents, 'document')}"
    )
