"""`quotetune prepare`: make prompts and a corpus from a published data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from quotetune.preparation.writing import Form

prepare = typer.Typer(
    help="Make prompts.jsonl and corpus.jsonl from a data set, for build-index and train.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A file, a folder or a glob (JSON, JSONL, also compressed, Parquet or Arrow), or the "
        "name of a data set on the hub.",
    ),
]
Output = Annotated[
    Path,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        help="Directory of the two files, created if it does not exist.",
    ),
]
Subset = Annotated[
    str | None, typer.Option(metavar="NAME", help="Subset of a data set on the hub.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the two files if they exist.")
]


@prepare.command()
def squad(
    source: Source, output: Output, subset: Subset = None, overwrite: Overwrite = False
) -> None:
    """Prepare SQuAD, XQuAD and data sets of their form. A paragraph is a document."""
    from quotetune.preparation.squad import squad as form

    _prepare(source, form, output, subset, overwrite)


@prepare.command()
def nq(source: Source, output: Output, subset: Subset = None, overwrite: Overwrite = False) -> None:
    """Prepare NaturalQuestions. A long answer is a document, and the prompt's reference."""
    from quotetune.preparation.natural_questions import natural_questions as form

    _prepare(source, form, output, subset, overwrite)


@prepare.command()
def wikipedia(
    source: Source,
    output: Output,
    prompts: Annotated[
        str,
        typer.Option(
            metavar="titles|starts",
            help="titles: each prompt is an article's title. starts: each is the start of an "
            "article, 1,000 characters or more, for prompts.prefix_tokens.",
        ),
    ] = "titles",
    max_prompts: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of prompts at most; a hash of each id decides which.  [default: all]",
        ),
    ] = None,
    subset: Subset = None,
    overwrite: Overwrite = False,
) -> None:
    """Prepare Wikipedia, with id, title and text per record. An article is a document."""
    from functools import partial

    from quotetune.errors import UsageError
    from quotetune.preparation.wikipedia import PROMPTS
    from quotetune.preparation.wikipedia import wikipedia as form

    if prompts not in PROMPTS:
        raise UsageError(f"--prompts is {prompts!r}: choose {' or '.join(PROMPTS)}")
    _prepare(source, partial(form, prompts=prompts), output, subset, overwrite, max_prompts)


@prepare.command()
def passages(
    source: Source, output: Output, subset: Subset = None, overwrite: Overwrite = False
) -> None:
    """Prepare records with a question, passages and answers. A passage is a document."""
    from quotetune.preparation.passages import passages as form

    _prepare(source, form, output, subset, overwrite)


def _prepare(
    source: str,
    form: "Form",
    output: Path,
    subset: str | None,
    overwrite: bool,
    max_prompts: int | None = None,
) -> None:
    from quotetune.preparation.sources import name_of, parts_of
    from quotetune.preparation.writing import prepare as write
    from quotetune.runtime.console import status

    with status() as tell:
        prepared = write(
            parts_of(source, subset),
            form,
            output,
            source=name_of(source),
            max_prompts=max_prompts,
            overwrite=overwrite,
            tell=tell,
        )
    first, *more = prepared.lines()
    for line in [f"{output}: {first}", *more]:
        typer.echo(line, err=True)
