"""Tables of other libraries are rows of documents; what cannot be is refused by its name."""

import json
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quotetune import (
    Index,
    QuipReward,
    QuotetuneError,
    QuotetuneWarning,
    UsageError,
    build_index,
)
from quotetune.cli.records import read_batches
from quotetune.corpus.records import objects

TEXTS = ["The quick brown fox jumps over the lazy dog.", "Another text, long enough to be one."]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "index"


def documents(index: Index) -> list[tuple[str, str, str]]:
    return [(document.source, document.id, document.text) for document in index.documents()]


def tables() -> dict[str, Any]:
    from datasets import Dataset

    columns = {"id": [7, 8], "text": TEXTS, "url": ["a", None]}
    arrow = pa.table(columns)
    return {
        "pandas": pd.DataFrame(columns),
        "arrow": arrow,
        "batches": pa.RecordBatchReader.from_batches(arrow.schema, arrow.to_batches()),
        "dataset": Dataset.from_dict(columns),
        "records": pd.DataFrame(columns).to_dict("records"),
    }


@pytest.mark.parametrize("kind", ["pandas", "arrow", "batches", "dataset", "records"])
def test_the_rows_of_a_table_are_documents(output: Path, kind: str) -> None:
    index = build_index(tables()[kind], output, meta_keys="url")
    expected = [("documents", "7", TEXTS[0]), ("documents", "8", TEXTS[1])]
    assert documents(index) == expected
    assert index.document("documents", "7").metadata == {"url": "a"}


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.large_binary(),
        pa.dictionary(pa.int32(), pa.string()),
    ],
    ids=str,
)
def test_a_text_may_have_any_type_that_is_a_string(output: Path, kind: pa.DataType) -> None:
    import pyarrow.parquet as pq

    plain = pa.array(TEXTS, pa.string())
    column = plain.dictionary_encode() if pa.types.is_dictionary(kind) else plain.cast(kind)
    table = pa.table({"text": column})
    assert [text for *_, text in documents(build_index(table, output))] == TEXTS
    path = output.with_suffix(".parquet")
    pq.write_table(table, path)
    index = build_index(path, output, overwrite=True)
    assert [text for *_, text in documents(index)] == TEXTS


@pytest.mark.parametrize("value", [np.int64(5), np.uint64(2**63), 5, 2**70])
def test_an_id_may_be_any_integer(output: Path, value: Any) -> None:
    [(_, id, _)] = documents(build_index([{"id": value, "text": TEXTS[0]}], output))
    assert id == str(int(value))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (pd.DataFrame({"body": TEXTS}), "a DataFrame.*no column 'text'"),
        (pa.chunked_array([[1, 2]]), "a ChunkedArray without columns"),
        ({"text": TEXTS}, "a dict: give a table"),
        ([["a text"], ["b"]], "documents:0: a list"),
        (zip([1], TEXTS, strict=False), "documents:0: a tuple"),
        (5, "documents is a int"),
    ],
)
def test_what_is_no_table_of_documents_is_refused_by_name(
    output: Path, given: Any, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        build_index(given, output)
    assert not output.exists()


def test_a_column_of_strings_is_a_list_of_texts(output: Path) -> None:
    expected = [("documents", "0", TEXTS[0]), ("documents", "1", TEXTS[1])]
    for column in (pd.Series(TEXTS), pa.chunked_array([TEXTS])):
        assert documents(build_index(column, output, overwrite=True)) == expected


@pytest.mark.parametrize("method", ["quip", "score", "count", "contains", "windows"])
@pytest.mark.parametrize("text", ["one text", b"bytes"])
def test_one_string_is_refused_where_several_are_asked_for(
    output: Path, method: str, text: Any
) -> None:
    index = build_index(TEXTS, output)
    with pytest.raises(UsageError, match=r"give a list of texts, as in \[text\]"):
        getattr(index, method)(text)


def test_a_reward_refuses_one_string(output: Path) -> None:
    reward = QuipReward(build_index(TEXTS, output))
    with pytest.raises(UsageError, match="give a list of texts"):
        reward(completions="one completion")


def test_columns_that_are_not_asked_for_may_hold_anything(output: Path) -> None:
    table = pd.DataFrame({"text": ["The text", "b"], "other": ["a", 5], "more": [object(), None]})
    assert [document.text for document in build_index(table, output).documents()] == [
        "The text",
        "b",
    ]


def test_a_value_of_another_type_is_a_bad_record(output: Path) -> None:
    table = pd.DataFrame({"text": ["The text", 5.0]})
    with pytest.raises(QuotetuneError, match=r'documents:1: "text" is a number'):
        build_index(table, output)
    with pytest.warns(QuotetuneWarning, match="1 record skipped"):
        assert len(build_index(table, output, errors="skip")) == 1


def test_two_columns_of_one_name_are_refused(tmp_path: Path, output: Path) -> None:
    table = pa.table([["a text"], ["another"]], names=["text", "text"])
    pq.write_table(table, tmp_path / "a.parquet")
    build_index(["a text"], output)
    for read in (
        lambda: build_index(tmp_path / "a.parquet", tmp_path / "b"),
        lambda: build_index(pd.DataFrame([["a", "b"]], columns=["text", "text"]), tmp_path / "b"),
        lambda: build_index(table, tmp_path / "b"),
        lambda: list(objects(tmp_path / "a.parquet")),
    ):
        with pytest.raises(QuotetuneError, match="two columns 'text'"):
            read()


@pytest.mark.parametrize("format", [None, "arrow", "numpy", "pandas"])
def test_a_dataset_gives_documents_in_any_format(output: Path, format: str | None) -> None:
    dataset = datasets.Dataset.from_dict({"text": ["a text", "another"], "n": [1, 2]})
    index = build_index(dataset.with_format(format), output, meta_keys="n")
    assert [document.metadata for document in index.documents()] == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    ("options", "key", "option"),
    [
        ({}, "text", "--text-key"),
        ({"id_key": "n"}, "n", "--id-key"),
        ({"source_key": "n"}, "n", "--source-key"),
    ],
)
def test_a_null_in_a_row_is_named_as_in_json(
    tmp_path: Path, options: dict[str, Any], key: str, option: str
) -> None:
    rows = [{"text": "a", "n": "b"}, {"text": "c", "n": "d"} | {key: None}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for name in ("a.parquet", "a.jsonl"):
        with pytest.raises(QuotetuneError, match=rf'{name}:2: "{key}" is null, .*{option}'):
            build_index(tmp_path / name, tmp_path / "index", **options)


def test_commands_read_the_rows_of_parquet_as_an_index_does(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    far = pa.array([2**62, 0], pa.timestamp("us"))
    bad = pa.StringArray.from_buffers(2, *pa.array([b"a \xff text", b"fine"]).buffers()[1:])
    rows = {"text": bad, "bytes": pa.array([b"a text", b"\xff"]), "far": far}
    pq.write_table(pa.table(rows), path)
    first, second = (row for _, row in objects(path))
    assert first["text"] == b"a \xff text" and first["bytes"] == "a text"
    assert second["text"] == "fine" and second["bytes"] == b"\xff"
    [[bad_entry, entry]] = read_batches(path, "text", None, skip=True)
    assert "invalid UTF-8" in (bad_entry.problem or "") and entry.text == "fine"
    [[entry, bad_entry]] = read_batches(path, "bytes", None, skip=True)
    assert entry.text == "a text" and bad_entry.problem is not None
