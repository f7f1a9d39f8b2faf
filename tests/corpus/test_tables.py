"""Tables of other libraries are rows of documents; what cannot be is refused by its name."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from quotetune import Index, QuipReward, UsageError, build_index

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
