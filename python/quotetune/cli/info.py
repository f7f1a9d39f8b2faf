"""`quotetune info`: the parameters, counts and sizes of an index."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from quotetune.cli.index_figures import Row


def info(
    index: Annotated[
        Path, typer.Argument(metavar="INDEX", help="An index, or a .json list of indexes.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Show the parameters, counts and sizes of an index, and its false-positive rate.

    Of a list of indexes, --json prints a list of objects, each with the path of an index and its
    manifest.
    """
    from quotetune.corpus.index_list import is_index_list

    print_info = _print_list if is_index_list(index) else _print_index
    print_info(index, json)


def _print_index(path: Path, json: bool) -> None:
    from json import loads

    from quotetune.cli.index_figures import rows_of_index
    from quotetune.corpus.manifest import manifest_text
    from quotetune.corpus.verify import bytes_of_files

    text = manifest_text(path)
    if json:
        typer.echo(text, nl=False)
        return
    _print_table(rows_of_index(path, loads(text), bytes_of_files(path)))


def _print_list(path: Path, json: bool) -> None:
    from json import dumps

    from quotetune.cli.index_figures import rows_of_list
    from quotetune.corpus.index import Index
    from quotetune.corpus.manifest import read_manifest
    from quotetune.corpus.verify import bytes_of_files

    index = Index.open(path)
    manifests = [read_manifest(member) for member in index.members]
    if json:
        parts = zip(index.members, manifests, strict=True)
        entries = [{"path": str(member), "manifest": manifest} for member, manifest in parts]
        typer.echo(dumps(entries, indent=2, ensure_ascii=False))
        return
    _print_table(rows_of_list(index, manifests, bytes_of_files(path)))


def _print_table(rows: "list[Row]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    for name, value in rows:
        table.add_row(name, value)
    Console(highlight=False).print(table)
