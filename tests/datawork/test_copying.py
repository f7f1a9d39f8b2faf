"""A copy of a corpus against what Python's own readers say about the two."""

import bz2
import gzip
import itertools
import json
import lzma
import re
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from quotetune import build_index
from quotetune.corpus.batches import Corpus
from quotetune.corpus.fields import field_of
from quotetune.corpus.ingest import Reading
from quotetune.corpus.rows import Keys
from quotetune.datawork.copying import LEFT_OUT, Change, check_apart, copied, copy_names
from quotetune.datawork.cutting import cut, united
from quotetune.datawork.json_value import with_string
from quotetune.errors import QuotetuneError, QuotetuneWarning, UsageError

ODD = b'{"text": "one two", "n": 1.50e+3, "big": 123456789012345678901234567890, "n": -0}\n'
LINES = [
    ODD,
    b'  {"id":7,  "text":"caf\\u00e9 and ice" , "deep": {"a": [NaN, {"text": "no"}]}}\r\n',
    '{"text": "Ünïcode stays", "source": "s"}\n'.encode(),
    b'{"text": "the last line has no end"}',
]
Chooser = Callable[[str], Change | None]


def copy(
    inputs: Sequence[Path], folder: Path, choose: Chooser, keys: Keys | None = None
) -> list[tuple[str, str, str]]:
    """Copy a corpus, and return the source, id and text of its documents as they were read."""
    corpus = Corpus(inputs, keys or Keys(), Reading())
    documents = []
    with copied(corpus, folder) as writer:
        for batch in corpus.batches():
            documents += [(one.source, one.id, one.text) for one in batch]
            chosen = {place: choose(one.text) for place, one in enumerate(batch)}
            writer.write(batch, {p: change for p, change in chosen.items() if change is not None})
    return documents


def test_the_documents_are_those_that_an_index_is_built_of(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.jsonl").write_bytes(b"".join(LINES) + b"\n\n" + ODD)
    (folder / "deep/array.json").write_bytes(b"[" + ODD + b"," + ODD + b"]")
    (folder / "settings.json").write_text('{"no": "corpus"}')
    (folder / "deep/text.txt").write_bytes(b"a text\r\nfile")
    rows = [{"text": "first", "id": 3, "x": 1}, {"text": "second", "id": 2**40, "x": 2}]
    parquet.write_table(pa.Table.from_pylist(rows), folder / "deep/rows.parquet")
    with pytest.warns(QuotetuneWarning, match="settings"):
        index = build_index(folder, tmp_path / "index", normalization="none")
    expected = [(one.source, one.id, one.text) for one in index.documents()]
    with pytest.warns(QuotetuneWarning, match="settings"):
        assert copy([folder], tmp_path / "out", nothing) == expected
    one_source = Keys(source="all", numbered=True)
    with pytest.warns(QuotetuneWarning, match="settings"):
        index = build_index(
            folder, tmp_path / "numbered", normalization="none", source="all", id_key="none"
        )
        documents = copy([folder], tmp_path / "again", nothing, one_source)
    assert documents == [(one.source, one.id, one.text) for one in index.documents()]
    assert len({id for _, id, _ in documents}) == len(documents) == 10


def nothing(_: str) -> Change | None:
    return None


def test_an_unchanged_copy_is_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"".join(LINES))
    documents = copy([tmp_path / "a.jsonl"], tmp_path / "out", nothing)
    assert (tmp_path / "out/a.jsonl").read_bytes() == b"".join(LINES)
    assert [(source, id) for source, id, _ in documents] == [
        ("a", "1"),
        ("a", "7"),
        ("s", "3"),
        ("a", "4"),
    ]


@pytest.mark.parametrize(
    ("name", "pack", "unpack"),
    [
        ("a.jsonl", bytes, bytes),
        ("a.jsonl.gz", gzip.compress, gzip.decompress),
        ("a.json.bz2", bz2.compress, bz2.decompress),
        ("a.ndjson.xz", lzma.compress, lzma.decompress),
        (
            "a.jsonl.zst",
            lambda data: pa.compress(data, "zstd", asbytes=True),
            lambda data: pa.input_stream(pa.py_buffer(data), compression="zstd").read(),
        ),
        # The name does not say how it is compressed, and the bytes do.
        ("b.jsonl", gzip.compress, gzip.decompress),
    ],
)
def test_lines_that_do_not_change_are_the_same_in_every_compression(
    tmp_path: Path, name: str, pack: Any, unpack: Any
) -> None:
    (tmp_path / name).write_bytes(pack(b"".join(LINES)))

    def choose(text: str) -> Change | None:
        return {"one two": LEFT_OUT, "Ünïcode stays": [(0, 8)]}.get(text)  # type: ignore[return-value]

    copy([tmp_path / name], tmp_path / "out", choose)
    lines = unpack((tmp_path / "out" / name).read_bytes()).splitlines(keepends=True)
    assert lines == [LINES[1], b'{"text": "stays", "source": "s"}\n', LINES[3]]


def test_an_array_stays_an_array(tmp_path: Path) -> None:
    elements = [line.strip() for line in LINES]
    (tmp_path / "a.json").write_bytes(b"\n [" + b" ,\n".join(elements) + b"]")
    copy([tmp_path / "a.json"], tmp_path / "out", lambda text: LEFT_OUT if "ice" in text else None)
    kept = b",\n".join([elements[0], *elements[2:]])
    assert (tmp_path / "out/a.json").read_bytes() == b"[\n" + kept + b"\n]\n"
    (tmp_path / "b.json").write_text(" [ ]\n")
    copy([tmp_path / "a.json", tmp_path / "b.json"], tmp_path / "none", lambda _: LEFT_OUT)
    assert json.loads((tmp_path / "none/b.json").read_bytes()) == []
    assert json.loads((tmp_path / "none/a.json").read_bytes()) == []


def test_text_files_are_whole_documents(tmp_path: Path) -> None:
    for name, text in (("a.txt", "one\r\ntwo\n"), ("b.txt", "gone"), ("c.txt", "cut me\n")):
        (tmp_path / name).write_bytes(text.encode())

    def choose(text: str) -> Change | None:
        return LEFT_OUT if text == "gone" else [(0, 3)] if text.startswith("cut") else None

    copy(sorted(tmp_path.glob("*.txt")), tmp_path / "out", choose)
    found = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert found == {"a.txt": b"one\r\ntwo\n", "c.txt": b"me\n"}


def test_files_below_a_folder_keep_their_places(tmp_path: Path) -> None:
    for name in ("in/a/x.jsonl", "in/b/x.jsonl", "in/empty.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"" if "empty" in name else ODD)
    copy([tmp_path / "in"], tmp_path / "out", nothing)
    found = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")}
    assert found == {"a/x.jsonl", "b/x.jsonl", "empty.jsonl"}
    given = Corpus([tmp_path / "in/a/x.jsonl", tmp_path / "in/b/x.jsonl"], Keys(), Reading())
    with pytest.raises(UsageError, match="would have the name of that of"):
        copy_names(given)


def table(texts: list[str | None], kind: pa.DataType) -> pa.Table:
    return pa.table(
        {
            "id": pa.array(range(len(texts)), pa.int64()),
            "text": pa.array(texts, pa.string()).cast(kind)
            if not pa.types.is_dictionary(kind)
            else pa.array(texts).dictionary_encode(),
            "when": pa.array([10**9 * n for n in range(len(texts))], pa.timestamp("ns", "UTC")),
            "tags": pa.array([[{"a": n}] for n in range(len(texts))]),
        }
    ).replace_schema_metadata({"made by": "a test"})


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.binary(), pa.dictionary(pa.int32(), pa.string())],
    ids=str,
)
@pytest.mark.parametrize("codec", ["none", "zstd", "snappy"])
def test_parquet_keeps_schema_metadata_row_groups_and_rows(
    tmp_path: Path, kind: pa.DataType, codec: str
) -> None:
    texts: list[str | None] = [f"text {n} é" for n in range(3000)]
    parquet.write_table(
        table(texts, kind), tmp_path / "a.parquet", row_group_size=1300, compression=codec
    )

    def choose(text: str) -> Change | None:
        number = int(text.split()[1])
        return LEFT_OUT if number % 7 == 0 else [(0, 5)] if number % 7 == 1 else None

    copy([tmp_path / "a.parquet"], tmp_path / "out", choose)
    before, after = (
        parquet.ParquetFile(tmp_path / "a.parquet"),
        parquet.ParquetFile(tmp_path / "out/a.parquet"),
    )
    assert after.schema_arrow.equals(before.schema_arrow, check_metadata=True)
    rows = before.read().to_pylist()
    expected = [
        row | ({"text": row["text"][5:]} if number % 7 == 1 else {})
        for number, row in enumerate(rows)
        if number % 7
    ]
    assert after.read().to_pylist() == expected
    assert after.num_row_groups == before.num_row_groups == 3
    columns = [file.metadata.row_group(0).column(1).compression for file in (before, after)]
    assert columns[0] == columns[1]


def test_a_text_inside_structs_is_cut_there_and_null_structs_stay(tmp_path: Path) -> None:
    rows = [{"doc": {"text": "one two", "n": 1}}, {"doc": {"text": "three", "n": None}}]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    copy(
        [tmp_path / "a.parquet"],
        tmp_path / "out",
        lambda text: [(0, 4)] if text == "one two" else None,
        Keys(text="doc.text"),
    )
    assert parquet.read_table(tmp_path / "out/a.parquet").to_pylist() == [
        {"doc": {"text": "two", "n": 1}},
        rows[1],
    ]


nested = st.recursive(
    st.just("text") | st.none(),
    lambda inner: st.dictionaries(st.sampled_from(["a", "b", "c", "a.b", "b.c"]), inner),
    max_leaves=6,
)
rows_of_one_schema = st.lists(
    st.fixed_dictionaries(
        {
            "a": st.none() | st.fixed_dictionaries({"x": st.just(1)}),
            "a.b": st.none() | st.fixed_dictionaries({"c": st.just("text")}),
        }
    )
    | st.fixed_dictionaries(
        {
            "a": st.none()
            | st.fixed_dictionaries(
                {"b": st.none() | st.fixed_dictionaries({"c": st.sampled_from([None, "text"])})}
            ),
            "a.b": st.none() | st.fixed_dictionaries({"c": st.just("text")}),
        }
    ),
    min_size=1,
    max_size=4,
)


@given(rows_of_one_schema)
@settings(max_examples=100, deadline=None)
def test_parquet_texts_are_changed_where_they_are_read(rows: list[dict[str, Any]]) -> None:
    table = pa.Table.from_pylist(rows)
    given = table.to_pylist()

    expected = []
    for row in given:
        outer = (row["a"] or {}).get("b")
        if outer is not None and "c" in outer:
            if outer["c"] is not None:
                expected.append(row | {"a": row["a"] | {"b": outer | {"c": "xt"}}})
        elif row["a.b"] is not None:
            expected.append(row | {"a.b": {"c": "xt"}})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.parquet")
        parquet.write_table(table, path)
        key = Keys(text="a.b.c", errors="skip")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                copy([path], Path(folder, "out"), lambda _: [(0, 2)], key)
            except QuotetuneError as error:
                assert re.search("no column|none of the records can be read", str(error))
                assert not expected
                return
        assert parquet.read_table(Path(folder, "out/a.parquet")).to_pylist() == expected


@given(nested)
@settings(max_examples=300)
def test_json_texts_are_changed_where_they_are_read(inner: Any) -> None:
    record = {"a": inner, "a.b": {"c": "text"}}
    changed = json.loads(with_string(json.dumps(record).encode(), "a.b.c", "new"))
    assert field_of(changed, "a.b.c") == "new"


def test_a_file_of_no_rows_is_copied(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(ODD)
    empty = pa.table({"text": pa.array([], pa.string()), "n": pa.array([], pa.int8())})
    parquet.write_table(empty, tmp_path / "b.parquet")
    parquet.ParquetWriter(tmp_path / "c.parquet", empty.schema).close()
    files = [tmp_path / name for name in ("a.jsonl", "b.parquet", "c.parquet")]
    copy(files, tmp_path / "out", nothing)
    for name in ("b", "c"):
        assert parquet.read_table(tmp_path / f"out/{name}.parquet").equals(empty)


def test_a_record_may_be_deep_and_its_numbers_long(tmp_path: Path) -> None:
    deep = b"[" * 20_000 + b"]" * 20_000
    line = b'{"x": %s, "n": %s, "text": "one two", "s": "\\\\\\"]}", "y": {"a": "}"}}\n'
    (tmp_path / "a.jsonl").write_bytes(line % (deep, b"9" * 5000))
    copy([tmp_path / "a.jsonl"], tmp_path / "out", lambda _: [(0, 3)])
    expected = line.replace(b"one two", b"two") % (deep, b"9" * 5000)
    assert (tmp_path / "out/a.jsonl").read_bytes() == expected


def test_bad_records_are_errors_with_their_place_or_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(ODD + b'{"no text": 1}\n' + LINES[2])
    with pytest.raises(QuotetuneError, match=r"a\.jsonl:2: no key \"text\""):
        copy([path], tmp_path / "out", nothing)
    with pytest.warns(QuotetuneWarning, match="1 record skipped: no key"):
        copy([path], tmp_path / "skipped", nothing, Keys(errors="skip"))
    assert (tmp_path / "skipped/a.jsonl").read_bytes() == ODD + LINES[2]
    parquet.write_table(
        pa.table({"text": ["a", None, "b"], "x": [1, 2, 3]}), tmp_path / "p.parquet"
    )
    with pytest.raises(QuotetuneError, match=r"p\.parquet:2: .* null, not a string"):
        copy([tmp_path / "p.parquet"], tmp_path / "out", nothing)
    with pytest.warns(QuotetuneWarning):
        copy([tmp_path / "p.parquet"], tmp_path / "skipped", nothing, Keys(errors="skip"))
    assert parquet.read_table(tmp_path / "skipped/p.parquet")["x"].to_pylist() == [1, 3]


def test_invalid_bytes_stay_in_a_record_that_does_not_change(tmp_path: Path) -> None:
    line = b'{"text": "bad \xff byte"}\n'
    (tmp_path / "a.jsonl").write_bytes(line)
    copy([tmp_path / "a.jsonl"], tmp_path / "out", nothing, Keys(errors="replace"))
    assert (tmp_path / "out/a.jsonl").read_bytes() == line


def test_an_output_inside_an_input_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jsonl").write_bytes(ODD)
    corpus = Corpus([tmp_path / "in"], Keys(), Reading())
    for output in ("in", "in/out", "in/a.jsonl"):
        with pytest.raises(UsageError, match="is the input"):
            check_apart(corpus, tmp_path / output)
    check_apart(corpus, tmp_path / "out")


def naive_cut(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """Cut by marking characters, and let a regular expression join what is around the marks."""
    gone = {at for start, end in spans for at in range(start, end)}
    marked = "".join("\0" if at in gone else char for at, char in enumerate(text))
    if "\0" not in marked:
        return text

    def separator(match: re.Match[str]) -> str:
        if match.start() == 0 or match.end() == len(marked):
            return ""
        blanks = re.split("\0+", match[0])
        outer = blanks if re.search("[^\\s\0]", match[0]) is None else []
        most = max(blank.count("\n") for blank in outer)
        if most:
            return "\n" * min(most, 2)
        beside = marked[match.start() - 1], marked[match.end()]
        return " " if any(outer) or all(char.isalnum() for char in beside) else ""

    return re.sub("\\s*\0[\\s\0]*", separator, marked)


@given(
    st.text("ab1 \n.é", max_size=12),
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=3),
)
@settings(max_examples=1000)
def test_cuts_are_those_of_a_regular_expression(text: str, spans: list[tuple[int, int]]) -> None:
    inside = [(start, min(end, len(text))) for start, end in spans]
    assert cut(text, inside) == naive_cut(text, inside)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20))))
def test_united_spans_have_the_same_characters_and_gaps_between_them(
    spans: list[tuple[int, int]],
) -> None:
    def characters(spans: list[tuple[int, int]]) -> set[int]:
        return {at for start, end in spans for at in range(start, end)}

    whole = united(spans)
    assert characters(whole) == characters(spans)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(whole))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "a", "a.text", "é", '"']), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["text", "b", "a", '\\"']), values, max_size=4),
    st.text(max_size=8),
    st.booleans(),
    st.sampled_from([None, 2]),
)
@settings(max_examples=500)
def test_a_replaced_string_changes_nothing_else(
    record: dict[str, Any], text: str, ascii: bool, indent: int | None
) -> None:
    record = record | {"text": "before", "z": 1}
    content = json.dumps(record, ensure_ascii=ascii, indent=indent).encode("utf-8", "surrogatepass")
    changed = with_string(content, "text", text)
    assert json.loads(changed) == record | {"text": text}
    start, end = content.split(b'"before"')
    assert changed == start + json.dumps(text).encode() + end
