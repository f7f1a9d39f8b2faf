"""The rows of `quotetune info`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.runtime.plural import counted

if TYPE_CHECKING:
    from quotetune.corpus.index import Index

Row = tuple[str, str]


def rows_of_index(path: Path, manifest: Mapping[str, Any], size: int) -> list[Row]:
    """Return the rows of the index of one directory.

    Args:
        path: Its path, as it was given.
        manifest: Its manifest.
        size: Bytes of its files.
    """
    from rich.filesize import decimal

    counts = manifest["counts"]
    rows = [
        ("index", str(path)),
        ("written by", f"{manifest['writer']}, format {manifest['format_version']}"),
        _ngrams(manifest),
        ("structures", ", ".join(manifest["structures"])),
    ]
    last = ("size", decimal(size))
    if imported := manifest.get("imported_filter"):
        return [*rows, _imported_row(imported), last]
    rows += [*_counts([counts]), ("segments", f"{len(manifest['segments']):,}")]
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
    return [*rows, last]


def rows_of_list(index: "Index", manifests: Sequence[Mapping[str, Any]], size: int) -> list[Row]:
    """Return the rows of a list of indexes: what they are together, and one row per index.

    Args:
        index: The indexes, opened as one.
        manifests: The manifest of each.
        size: Bytes of all files.
    """
    from rich.filesize import decimal

    rows = [
        ("list", str(index.path)),
        _ngrams(manifests[0]),
        ("structures", ", ".join(index.structures)),
        *_counts([manifest["counts"] for manifest in manifests]),
        ("segments", f"{sum(len(manifest['segments']) for manifest in manifests):,}"),
    ]
    if index.fpr:
        rows.append(("filters together", f"false-positive rate {index.fpr:.3%}"))
    rows.append(("size", decimal(size)))
    for member, manifest in zip(index.members, manifests, strict=True):
        documents = counted(manifest["counts"]["documents"], "document")
        rows.append(("index", f"{member}: {documents}, {', '.join(manifest['structures'])}"))
    return rows


def _ngrams(manifest: Mapping[str, Any]) -> Row:
    normalization = manifest["normalization"]["name"]
    if unicode := manifest["normalization"].get("unicode"):
        normalization += f" (Unicode {unicode})"
    return "n-grams", f"{manifest['n']} characters, normalization {normalization}"


def _counts(counts: Sequence[Mapping[str, int]]) -> list[Row]:
    from rich.filesize import decimal

    names = ("documents", "short_documents", "skipped_documents", "characters", "bytes", "ngrams")
    total = {name: sum(one[name] for one in counts) for name in names}
    return [
        ("documents", f"{total['documents']:,} ({total['short_documents']:,} shorter than n)"),
        ("skipped", f"{total['skipped_documents']:,}"),
        ("text", f"{total['characters']:,} characters, {decimal(total['bytes'])}"),
        ("windows", f"{total['ngrams']:,}"),
    ]


def _keys(keys: Mapping[str, Any]) -> str:
    named = {"text": keys["text"], "id": keys["id"], "source": keys["source"]}
    shown = [f"{what} {key!r}" for what, key in named.items() if key is not None]
    shown += ["metadata " + ", ".join(map(repr, keys["metadata"]))] if keys["metadata"] else []
    return "fields: " + "; ".join(shown)


def _fuse_row(filter: Mapping[str, Any]) -> Row:
    ngrams = filter["distinct_ngrams"]
    bits = filter["file"]["size"] * 8 / max(ngrams, 1)
    return (
        "fuse filter",
        f"{ngrams:,} distinct n-grams, {bits:.1f} bits each, "
        f"{filter['partitions']:,} partitions, false-positive rate {filter['fpr']:.4%}",
    )


def _imported_row(filter: Mapping[str, Any]) -> Row:
    return (
        "imported filter",
        f"{filter['elements']:,} n-grams of at most {filter['capacity']:,}, "
        f"{filter['hashes']} bits each in {filter['bits']:,}, fill {filter['fill']:.1%}, "
        f"false-positive rate {filter['fpr']:.3%} (made for {filter['stated_fpr']:.3%})",
    )
