"""The fields of records: a warning names misspelt ones, and `add` reads those of the index."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xxhash

from quotetune import (
    Document,
    Index,
    QuotetuneError,
    QuotetuneWarning,
    add,
    build_index,
    compact,
    merge,
    remove,
)

TEXT = "The quick brown fox jumps over the lazy dog"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "index"


def records(first: int, count: int, **fields: Any) -> list[dict[str, Any]]:
    """Records that can be read only with the keys of `OTHER`."""
    return [
        {"body": f"{TEXT} {n}", "doi": f"10/{n}", "journal": "J", "id": "x", **fields}
        for n in range(first, first + count)
    ]


OTHER: dict[str, Any] = {"text_key": "body", "id_key": "doi", "source_key": "journal"}


def test_a_warning_names_the_metadata_keys_that_no_document_has(output: Path) -> None:
    given = [{"text": "a", "title": None}, {"text": "b", "year": 1}, "a text, which has no fields"]
    with pytest.warns(QuotetuneWarning, match=r"no document has the metadata keys 'titel', 'x':"):
        index = build_index(given, output, meta_keys=["year", "titel", "title", "x"])
    assert [document.metadata for document in index.documents()] == [
        {"title": None},
        {"year": 1},
        {},
    ]


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_none_of_the_metadata_keys_is_an_error_and_leaves_no_index(
    tmp_path: Path, output: Path, ending: str
) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / f"corpus.{ending}"
    if ending == "parquet":
        parquet.write_table(pa.table({"text": [TEXT], "title": ["t"]}), path)
    else:
        path.write_text(json.dumps({"text": TEXT, "title": "t"}))
    with pytest.raises(QuotetuneError, match=r"any of the metadata keys 'titel', 'ulr': name"):
        build_index(path, output, meta_keys=["titel", "ulr"])
    assert not output.exists()


def test_a_shard_without_the_keys_only_gives_a_warning(tmp_path: Path, output: Path) -> None:
    # The second line starts in the second half of the file.
    lines = [{"text": TEXT + TEXT}, {"text": TEXT, "title": "t"}]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, lines)))
    shards = [tmp_path / "1", tmp_path / "2"]
    with pytest.warns(QuotetuneWarning, match="'title'"):
        build_index(tmp_path / "corpus.jsonl", shards[0], meta_keys="title", shard="1/2")
    build_index(tmp_path / "corpus.jsonl", shards[1], meta_keys="title", shard="2/2")
    merged = merge(shards, output)
    assert [document.metadata for document in merged.documents()] == [{}, {"title": "t"}]
    assert merged.record_keys == ("text", None, None, ["title"])


def test_there_is_no_warning_for_keys_that_occur_in_documents(output: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build_index([{"text": "a"}, {"text": "b", "t": 1}], output, meta_keys="t")
        build_index([Document("s", "i", "a", {"t": 1})], output, meta_keys="t", overwrite=True)
        build_index([], output, meta_keys="t", overwrite=True)


def test_documents_are_added_as_those_of_the_index_were_read(output: Path) -> None:
    build_index(records(0, 2, title="T"), output, meta_keys="title", **OTHER)
    index = add(output, records(2, 1, title="U"))
    assert index.document("J", "10/2") == Document("J", "10/2", f"{TEXT} 2", {"title": "U"})
    # Every change to the index keeps the keys.
    remove(output, "J", ["10/0"])
    compact(output)
    index = add(output, records(3, 1, title="V"))
    assert index.record_keys == ("body", "doi", "journal", ["title"])
    assert [document.metadata for document in index.documents()] == [
        {"title": title} for title in "TUV"
    ]


def test_other_keys_are_read_where_they_are_named(output: Path) -> None:
    build_index(records(0, 1, title="T"), output, meta_keys="title", **OTHER)
    given = records(1, 1, title="U", year=7)
    index = add(output, given, id_key="id", source="mine", meta_keys=["year"])
    assert index.document("mine", "x") == Document("mine", "x", f"{TEXT} 1", {"year": 7})
    index = add(output, records(2, 1, title="W"), meta_keys=())
    assert index.document("J", "10/2").metadata == {}
    # The keys are those of one addition; the index keeps the keys that it was built with.
    assert index.record_keys == ("body", "doi", "journal", ["title"])


def test_keys_of_the_index_that_no_added_document_has_only_give_a_warning(output: Path) -> None:
    build_index([{"text": "a", "t": 1}], output, meta_keys="t")
    with pytest.warns(QuotetuneWarning, match="'t'"):
        add(output, [{"text": "b", "id": 7}])
    with pytest.raises(QuotetuneError, match="'s'"):
        add(output, [{"text": "c", "id": 8}], meta_keys="s")
    assert len(Index.open(output)) == 2


def test_indexes_that_were_read_differently_are_merged_without_keys(tmp_path: Path) -> None:
    build_index(records(0, 1), tmp_path / "1", **OTHER)
    build_index(["a text"], tmp_path / "2")
    merged = merge([tmp_path / "1", tmp_path / "2"], tmp_path / "both")
    assert merged.record_keys == ("text", None, None, [])


def test_an_index_from_before_keys_were_kept_opens_and_takes_documents(output: Path) -> None:
    build_index(records(0, 1), output, **OTHER)
    path = output / "manifest.json"
    content = json.loads(path.read_text())
    del content["record_keys"]
    content["checksum"] = "0" * 16
    text = json.dumps(content, indent=2) + "\n"
    path.write_text(text.replace("0" * 16, xxhash.xxh3_64_hexdigest(text.encode())))
    assert Index.open(output).record_keys == ("text", None, None, [])
    assert len(add(output, [{"text": "b", "id": "b"}])) == 2


def test_the_command_warns_on_one_line_and_says_what_was_read(
    tmp_path: Path, output: Path, quotetune: Callable[..., tuple[int, str, str]]
) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text(json.dumps({"body": TEXT, "title": "t"}))
    build = ("build-index", corpus, "-o", output, "--text-key", "body", "--meta-keys")
    code, _, errors = quotetune(*build, "titel")
    assert code == 1 and errors.startswith("error: no document has the metadata key 'titel':")
    code, _, errors = quotetune(*build, "title,url")
    assert code == 0
    assert errors.splitlines()[0].startswith("warning: no document has the metadata key 'url':")
    _, shown, _ = quotetune("info", output)
    assert "fields: text 'body'; metadata 'title', 'url'" in " ".join(shown.split())
    corpus.write_text(json.dumps({"body": TEXT, "title": "u", "id": 2}))
    assert quotetune("add", output, corpus)[0] == 0
    assert Index.open(output).document("corpus", "2").metadata == {"title": "u"}
