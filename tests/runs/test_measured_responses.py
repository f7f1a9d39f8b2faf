"""One response of many is read, and it is the right one, without the others."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotetune.errors import QuotetuneError
from quotetune.runs.measured_responses import MeasuredResponses

ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.text(max_size=3), st.none() | st.floats(0, 1)), max_size=12
)


def write(path: Path, rows, group: int = 5) -> None:
    ids, texts, quips = zip(*rows, strict=True) if rows else ((), (), ())
    table = pa.table(
        {
            "prompt_id": pa.array(ids, pa.string()),
            "response": pa.array(texts, pa.string()),
            "quip": pa.array(quips, pa.float64()),
            "longest_quote": pa.array(range(len(rows)), pa.int32()),
            "cut": pa.array([False] * len(rows), pa.bool_()),
        }
    )
    pq.write_table(table, path, row_group_size=group)


@given(rows=ROWS, group=st.integers(1, 5))
def test_the_responses_are_those_of_the_file_in_its_order(tmp_path_factory, rows, group) -> None:
    path = tmp_path_factory.mktemp("rows") / "responses.parquet"
    write(path, rows, group)
    responses = MeasuredResponses(path)
    for prompt in "abc":
        own = [(text, quip, at) for at, (id, text, quip) in enumerate(rows) if id == prompt]
        assert responses.count(prompt) == len(own)
        for number, (text, quip, at) in enumerate(own):
            read = responses.read(prompt, number)
            assert read == {"response": text, "quip": quip, "longest_quote": at, "cut": False}
        assert responses.read(prompt, len(own)) is None and responses.read(prompt, -1) is None
        if own:
            mean = sum(quip or 0 for _, quip, _ in own) / len(own)
            assert responses.quips()[prompt] == pytest.approx(mean)
        else:
            assert prompt not in responses.quips()


def test_a_file_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "responses.parquet"
    write(path, [("a", "old", 0.5), ("b", "other", 0.0)])
    responses = MeasuredResponses(path)
    assert responses.quips() == {"a": 0.5, "b": 0.0}
    write(tmp_path / "new", [("b", "first", 0.0), ("a", "new", 0.25)])
    (tmp_path / "new").rename(path)
    assert responses.read("a", 0)["response"] == "new"
    assert responses.quips() == {"b": 0.0, "a": 0.25}


@pytest.mark.parametrize("content", [None, b"", b"PAR1 and then something else PAR1"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "responses.parquet"
    if content is not None:
        path.write_bytes(content)
    for ask in (lambda of: of.quips(), lambda of: of.count("a"), lambda of: of.read("a", 0)):
        with pytest.raises(QuotetuneError, match=r"responses\.parquet"):
            ask(MeasuredResponses(path))
    pq.write_table(pa.table({"prompt_id": ["a"]}), path)
    with pytest.raises(QuotetuneError, match="it has no quip"):
        MeasuredResponses(path).quips()


def test_only_the_row_group_of_a_response_is_read(tmp_path: Path) -> None:
    """The texts of all other groups are gone from the file."""
    path = tmp_path / "responses.parquet"
    rows = [(str(at), f"text {at}", 0.5) for at in range(40)]
    write(path, rows, group=10)
    metadata = pq.read_metadata(path)
    content = bytearray(path.read_bytes())
    texts = metadata.schema.names.index("response")
    for group in (0, 1, 3):
        column = metadata.row_group(group).column(texts)
        start = column.dictionary_page_offset or column.data_page_offset
        content[start : start + column.total_compressed_size] = bytes(column.total_compressed_size)
    path.write_bytes(content)
    responses = MeasuredResponses(path)
    for at in range(40):
        if 20 <= at < 30:
            assert responses.read(str(at), 0)["response"] == f"text {at}"
        else:
            with pytest.raises(QuotetuneError, match=r"responses\.parquet"):
                responses.read(str(at), 0)


def test_a_response_is_read_without_most_of_the_others(tmp_path: Path) -> None:
    """What Arrow allocates at one time is a small part of the file."""
    letters = random.Random(0)
    text = "".join(letters.choices("abcdefghijklmnop", k=8_000_000))
    rows = [(str(at // 32), text[at * 500 : at * 500 + 500], 0.5) for at in range(16_000)]
    write(tmp_path / "responses.parquet", rows, group=len(rows))
    size = (tmp_path / "responses.parquet").stat().st_size
    usual = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(pool)
    try:
        responses = MeasuredResponses(tmp_path / "responses.parquet")
        assert responses.read("499", 31)["response"] == rows[-1][1]
    finally:
        pa.set_memory_pool(usual)
    assert 0 < pool.max_memory() < size * 0.7 and size > 4_000_000
