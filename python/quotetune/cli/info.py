"""`quotetune info`: the parameters, counts and sizes of an index."""

from pathlib import Path
from typing import Annotated, Any

import typer


def info(
    index: Annotated[Path, typer.Argument(metavar="INDEX", help="An index.")],
    json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Show the parameters, counts and sizes of an index, and its false-positive rate."""
    import json as json_module

    from quotetune.corpus.manifest import manifest_text

    text = manifest_text(index)
    if json:
        typer.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    for name, value in _rows(index, json_module.loads(text)):
        table.add_row(name, value)
    Console(highlight=False).print(table)


def _rows(index: Path, manifest: dict[str, Any]) -> list[tuple[str, str]]:
    from rich.filesize import decimal

    from quotetune.corpus.verify import bytes_of_files

    size = ("size", decimal(bytes_of_files(index)))
    counts = manifest["counts"]
    normalization = manifest["normalization"]["name"]
    if unicode := manifest["normalization"].get("unicode"):
        normalization += f" (Unicode {unicode})"
    segments = manifest["segments"]
    rows = [
        ("index", str(index)),
        ("written by", f"{manifest['writer']}, format {manifest['format_version']}"),
        ("n-grams", f"{manifest['n']} characters, normalization {normalization}"),
        ("structures", ", ".join(manifest["structures"])),
    ]
    if imported := manifest.get("imported_filter"):
        return [*rows, _imported_row(imported), size]
    rows += [
        ("documents", f"{counts['documents']:,} ({counts['short_documents']:,} shorter than n)"),
        ("skipped", f"{counts['skipped_documents']:,}"),
        ("text", f"{counts['characters']:,} characters, {decimal(counts['bytes'])}"),
        ("windows", f"{counts['ngrams']:,}"),
        ("segments", f"{len(segments):,}"),
    ]
    if "record_keys" in manifest:
        rows.append(("read from", _keys(manifest["record_keys"])))
    for filter in manifest["filters"]:
        rows.append(
            (
                "Bloom filter",
                f"about {filter['distinct_ngrams']:,} distinct n-grams, "
                f"{filter['bits_per_ngram']:.1f} bits each, fill {filter['fill']:.1%}, "
                f"false-positive rate {filter['fpr']:.3%}",
            )
        )
    if fuse := manifest.get("fuse_filter"):
        rows.append(_fuse_row(fuse))
    if manifest["sizing"] is not None:
        rows.append(("filters together", f"at most {manifest['sizing']['max_fpr']:.3%}"))
    return [*rows, size]


def _keys(keys: dict[str, Any]) -> str:
    named = {"text": keys["text"], "id": keys["id"], "source": keys["source"]}
    shown = [f"{what} {key!r}" for what, key in named.items() if key is not None]
    shown += ["metadata " + ", ".join(map(repr, keys["metadata"]))] if keys["metadata"] else []
    return "fields: " + "; ".join(shown)


def _fuse_row(filter: dict[str, Any]) -> tuple[str, str]:
    ngrams = filter["distinct_ngrams"]
    bits = filter["file"]["size"] * 8 / max(ngrams, 1)
    return (
        "fuse filter",
        f"{ngrams:,} distinct n-grams, {bits:.1f} bits each, "
        f"{filter['partitions']:,} partitions, false-positive rate {filter['fpr']:.4%}",
    )


def _imported_row(filter: dict[str, Any]) -> tuple[str, str]:
    return (
        "imported filter",
        f"{filter['elements']:,} n-grams of at most {filter['capacity']:,}, "
        f"{filter['hashes']} bits each in {filter['bits']:,}, fill {filter['fill']:.1%}, "
        f"false-positive rate {filter['fpr']:.3%} (made for {filter['stated_fpr']:.3%})",
    )
