"""The files of documents that can be read, and the errors for those that cannot."""

import gzip
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from quotetune import Document, Index, QuotetuneError, UsageError, build_index

TEXT = "A sentence of more than twenty-five characters."


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return tmp_path / "corpus.jsonl"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "index"


def write(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def identities(index: Index) -> list[tuple[str, str]]:
    """The identities of all documents, in the order of the corpus; each contains `TEXT`."""
    [quote] = index.trace(TEXT, max_documents=1000)
    return [(document.source, document.id) for document in quote.documents]


def test_source_and_id_default_to_the_stem_and_the_line(corpus: Path, output: Path) -> None:
    corpus.write_text(f'{{"text": "{TEXT}"}}\n\n  \n{{"text": "{TEXT}"}}')
    index = build_index(corpus, output)
    assert identities(index) == [("corpus", "1"), ("corpus", "4")]


def test_id_and_source_are_taken_from_the_record_where_it_has_them(
    corpus: Path, output: Path
) -> None:
    write(
        corpus,
        {"id": "a", "source": "s", "text": TEXT},
        {"id": 7, "text": TEXT},
        {"id": None, "source": None, "text": TEXT},
    )
    assert identities(build_index(corpus, output)) == [("s", "a"), ("corpus", "7"), ("corpus", "3")]


def test_keys_name_other_fields(corpus: Path, output: Path) -> None:
    write(corpus, {"body": TEXT, "doi": "10/1", "journal": "J", "id": "x", "t": "T", "y": 1.5})
    index = build_index(
        corpus,
        output,
        text_key="body",
        id_key="doi",
        source_key="journal",
        meta_keys=["y", "t", "doi"],
    )
    assert index.document("J", "10/1") == Document(
        "J", "10/1", TEXT, {"y": 1.5, "t": "T", "doi": "10/1"}
    )


def test_one_source_for_all(corpus: Path, output: Path) -> None:
    write(corpus, {"text": TEXT, "source": "other"})
    assert identities(build_index(corpus, output, source="mine")) == [("mine", "corpus:1")]


def compress_zstd(data: bytes) -> bytes:
    import pyarrow as pa

    return pa.compress(data, codec="zstd", asbytes=True)


@pytest.mark.parametrize(
    ("ending", "compress"),
    [
        ("jsonl", bytes),
        ("ndjson", bytes),
        ("jsonl.gz", gzip.compress),
        ("jsonl.zst", compress_zstd),
    ],
)
def test_compressed_files_of_several_members_are_read_whole(
    tmp_path: Path, output: Path, ending: str, compress: Any
) -> None:
    lines = [json.dumps({"text": TEXT, "n": n}).encode() + b"\n" for n in range(3)]
    path = tmp_path / f"corpus.{ending}"
    # The second member starts in the middle of a line.
    path.write_bytes(compress(lines[0] + lines[1][:9]) + compress(lines[1][9:] + lines[2]))
    assert identities(build_index(path, output)) == [("corpus", str(n)) for n in (1, 2, 3)]


def test_a_truncated_compressed_file_is_an_error_that_names_the_line(
    tmp_path: Path, output: Path
) -> None:
    path = tmp_path / "corpus.jsonl.gz"
    data = gzip.compress("".join(json.dumps({"text": str(n)}) + "\n" for n in range(9999)).encode())
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(
        QuotetuneError,
        match=r"corpus\.jsonl\.gz:\d+: cannot read on: truncated gzip data.*get it again",
    ):
        build_index(path, output)
    assert not list(tmp_path.glob("index*"))


def test_a_text_file_is_one_document(tmp_path: Path, output: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.txt").write_text(f"\ufeff{TEXT}\n\n  Second   line.\n")
    index = build_index(str(tmp_path / "?.txt"), output)
    assert identities(index) == [("a", "1"), ("b", "1")]
    assert index.document("a", "1").text == f"{TEXT}\nSecond line."
    index = build_index(str(tmp_path / "?.txt"), output, source="letters", overwrite=True)
    assert identities(index) == [("letters", "a"), ("letters", "b")]


def test_folders_and_globs_are_read_in_order_and_other_files_left_alone(
    tmp_path: Path, output: Path
) -> None:
    for name in ("z/b.jsonl", "z/a/c.jsonl", "z/a.jsonl", "z/notes.md", "z/a/[x].jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / name, {"text": TEXT})
    found = [source for source, _ in identities(build_index(tmp_path / "z", output))]
    assert found == ["a/[x]", "a/c", "a", "b"]
    index = build_index(str(tmp_path / "z/**/*.jsonl"), output, overwrite=True)
    assert sorted(source for source, _ in identities(index)) == ["a", "a/[x]", "a/c", "b"]
    # A name that exists is no glob.
    index = build_index(tmp_path / "z/a/[x].jsonl", output, overwrite=True)
    assert identities(index) == [("[x]", "1")]


@pytest.mark.parametrize("name", ["absent.jsonl", "*.jsonl", "notes.md", "."])
def test_inputs_that_match_no_file_are_usage_errors(
    tmp_path: Path, output: Path, name: str
) -> None:
    (tmp_path / "notes.md").write_text("# Notes")
    with pytest.raises(UsageError, match=r"check the (path|pattern)|JSONL"):
        build_index(str(tmp_path / name), output)


def test_files_without_any_document_are_an_error(corpus: Path, output: Path) -> None:
    corpus.write_text("\n\n")
    with pytest.raises(QuotetuneError, match=r"no document in .*corpus\.jsonl"):
        build_index(corpus, output)
    assert not output.exists()


@pytest.mark.parametrize(
    ("line", "options", "message"),
    [
        ('{"text": "a", }', {}, "malformed JSON"),
        ('{"text": "a', {}, "malformed JSON"),
        ('{"text": "a"', {}, "does not end in its line"),
        ('{"text": "a"} {"text": "b"}', {}, "malformed JSON.*trailing"),
        ("[1]", {}, "JSON object"),
        ('"text"', {}, "JSON object"),
        ('{"texts": "a"}', {}, 'no key "text".*--text-key'),
        ('{"text": 5}', {}, '"text" is a number, not a string'),
        ('{"text": null}', {}, '"text" is null'),
        ('{"text": "a"}', {"id_key": "doi"}, 'no key "doi".*--id-key'),
        ('{"text": "a", "id": 1.5}', {}, '"id" is a number, not a string or an integer'),
        ('{"text": "a", "id": ["x"]}', {}, '"id" is a list'),
        ('{"text": "a"}', {"source_key": "from"}, 'no key "from".*--source-key'),
        ('{"text": "a\\ud800"}', {}, "surrogate.*--errors"),
        ('{"text": "\\udc00\\ud800"}', {}, "surrogate.*--errors"),
    ],
)
def test_a_bad_record_is_an_error_that_names_file_line_and_remedy(
    corpus: Path, output: Path, line: str, options: dict[str, str], message: str
) -> None:
    good = '{"text": "a", "doi": "1", "from": "x", "id": "fine"}'
    corpus.write_text(f"{good}\n\n{line}\n{line}\n")
    with pytest.raises(QuotetuneError, match=rf"corpus\.jsonl:3: .*{message}"):
        build_index(corpus, output, **options)  # type: ignore[arg-type]
    assert not output.exists()


def test_fields_that_nobody_asked_for_may_hold_anything(corpus: Path, output: Path) -> None:
    corpus.write_text(f'{{"x": "\\ud800", "y": [1e999, {{}}], "text": "{TEXT}", "x": 2}}\n')
    assert len(build_index(corpus, output)) == 1


INVALID = b'{"text": "caf\xe9 ' + TEXT.encode() + b'"}\n{"text": "' + TEXT.encode() + b'"}\n'


def test_invalid_utf8_is_an_error_by_default(corpus: Path, output: Path) -> None:
    corpus.write_bytes(b"\n" + INVALID)
    with pytest.raises(QuotetuneError, match=r"corpus\.jsonl:2: invalid UTF-8.*--errors"):
        build_index(corpus, output)
    replaced = build_index(corpus, output, errors="replace")
    assert replaced.document("corpus", "2").text == f"caf\ufffd {TEXT}"
    skipped = build_index(corpus, output, errors="skip", overwrite=True)
    assert identities(skipped) == [("corpus", "3")]
    manifest = json.loads((output / "manifest.json").read_text())
    assert manifest["counts"]["skipped_documents"] == 1


def test_invalid_utf8_in_a_text_file_names_its_line(tmp_path: Path, output: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(b"one\ntwo\nthr\xff\n")
    with pytest.raises(QuotetuneError, match=r"letter\.txt:3: invalid UTF-8"):
        build_index(path, output)
    index = build_index(path, output, errors="replace")
    assert index.document("letter", "1").text == "one\ntwo\nthr\ufffd"
    with pytest.raises(QuotetuneError, match="none of the records can be read"):
        build_index(path, output, errors="skip", overwrite=True)


def test_lone_surrogates_follow_the_same_choice(corpus: Path, output: Path) -> None:
    corpus.write_text('{"text": "a\\ud800b \\ud83d\\ude00 \\\\ud800"}\n{"text": "plain"}\n')
    index = build_index(corpus, output, errors="replace")
    assert index.document("corpus", "1").text == "a\ufffdb 😀 \\ud800"
    index = build_index(corpus, output, errors="skip", overwrite=True)
    assert len(index) == 1 and index.document("corpus", "2").text == "plain"


def test_duplicates_across_files_name_both_lines(tmp_path: Path, output: Path) -> None:
    first = write(tmp_path / "a.jsonl", {"text": "x"}, {"text": "x", "id": "i", "source": "s"})
    second = write(tmp_path / "b.jsonl", {"text": "y", "id": "i", "source": "s"})
    with pytest.raises(QuotetuneError, match=r"b\.jsonl:1: .*a\.jsonl:2.*--id-key"):
        build_index([first, second], output)


def test_jsonl_on_standard_input(tmp_path: Path, output: Path) -> None:
    script = f"from quotetune import build_index; build_index('-', {str(output)!r})"
    lines = f'{{"text": "{TEXT}"}}\n' * 2
    subprocess.run([sys.executable, "-c", script], input=lines, text=True, check=True)
    assert identities(Index.open(output)) == [("stdin", "1"), ("stdin", "2")]


def test_parquet_gives_the_same_index_as_jsonl(tmp_path: Path, output: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    records = [
        {"text": f"{TEXT} {n}", "id": n, "source": "s", "title": f"é{n}"} for n in range(3000)
    ]
    write(tmp_path / "corpus.jsonl", *records)
    parquet.write_table(pa.Table.from_pylist(records), tmp_path / "corpus.parquet")
    build_index(tmp_path / "corpus.jsonl", output, meta_keys=["title"])
    jsonl = {path.name: path.read_bytes() for path in output.iterdir()}
    shutil.rmtree(output)
    index = build_index(tmp_path / "corpus.parquet", output, meta_keys=["title"])
    assert index.document("s", "2999").metadata == {"title": "é2999"}
    for name in ("segment-00000.text", "segment-00000.suffix", "filter-00000.bloom"):
        assert (output / name).read_bytes() == jsonl[name]


def test_parquet_rows_count_from_one(tmp_path: Path, output: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({"text": pa.array([TEXT, TEXT]).dictionary_encode()})
    parquet.write_table(table, tmp_path / "rows.parquet")
    index = build_index(tmp_path / "rows.parquet", output)
    assert identities(index) == [("rows", "1"), ("rows", "2")]


def test_bad_parquet_is_an_error_that_names_the_file(tmp_path: Path, output: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"body": ["x"], "number": [1]}), path)
    with pytest.raises(QuotetuneError, match=r"rows\.parquet: no column 'text'.*body, number"):
        build_index(path, output)
    with pytest.raises(QuotetuneError, match="contains int64, not strings"):
        build_index(path, output, text_key="number")
    invalid = pa.array([TEXT.encode(), b"caf\xe9"])
    invalid = pa.Array.from_buffers(pa.string(), 2, invalid.buffers())
    parquet.write_table(pa.table({"text": invalid}), path)
    with pytest.raises(QuotetuneError, match=r"rows\.parquet:2: invalid UTF-8"):
        build_index(path, output)
    assert len(build_index(path, output, errors="skip")) == 1
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(QuotetuneError, match=r"rows\.parquet: not a readable Parquet file"):
        build_index(path, output, overwrite=True)


def test_a_parquet_file_with_a_damaged_page_is_named(tmp_path: Path, output: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"text": [TEXT] * 100}), path)
    damaged = bytearray(path.read_bytes())
    damaged[4:40] = b"\xff" * 36  # after the first four bytes, the name of the format
    path.write_bytes(damaged)
    with pytest.raises(QuotetuneError, match=r"rows\.parquet: not a readable Parquet file"):
        build_index(path, output)


def test_a_parquet_column_that_python_cannot_hold_is_named(tmp_path: Path, output: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "rows.parquet"
    late = pa.array([10**18], pa.timestamp("us"))  # the year 33,658
    parquet.write_table(pa.table({"text": [TEXT], "written": late}), path)
    assert len(build_index(path, output)) == 1
    with pytest.raises(QuotetuneError, match=r"rows\.parquet: .*out of the metadata"):
        build_index(path, output, meta_keys="written", overwrite=True)


def test_iterables_of_text_documents_and_records_mix(output: Path) -> None:
    documents = [
        TEXT,
        Document("s", "d", TEXT, {"title": "D"}),
        {"text": TEXT},
        {"text": TEXT, "id": 9, "source": "t"},
    ]
    index = build_index(iter(documents), output)
    assert identities(index) == [("documents", "0"), ("s", "d"), ("documents", "2"), ("t", "9")]


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ({"train": ["x"]}, "dict: give a table, one split"),
        (b"bytes", "bytes"),
        (3, "int"),
        ([3], "documents:0: a int"),
        ([TEXT, {"body": "x"}], 'documents:1: no key "text"'),
        ([Document("s", "i", 5)], "documents:0: the text is a number"),  # type: ignore[arg-type]
        ([TEXT, "lone \ud800"], "documents:1: .*lone surrogate"),
    ],
)
def test_bad_documents_are_errors_that_name_the_position(
    output: Path, documents: Any, message: str
) -> None:
    with pytest.raises(QuotetuneError, match=message):
        build_index(documents, output)
    assert not output.exists()


def test_lone_surrogates_in_documents_can_be_replaced_or_skipped(output: Path) -> None:
    index = build_index(["a\ud800b", TEXT], output, errors="replace")
    assert index.document("documents", "0").text == "a\ufffdb"
    index = build_index(["a\ud800b", TEXT], output, errors="skip", overwrite=True)
    assert identities(index) == [("documents", "1")]


def test_a_list_of_file_names_is_not_indexed_as_texts(corpus: Path, output: Path) -> None:
    write(corpus, {"text": TEXT, "of": "a"})
    other = write(corpus.with_suffix(".ndjson"), {"text": TEXT, "of": "b"})
    for path in (corpus, other):
        with pytest.raises(UsageError, match=r"pathlib\.Path"):
            build_index([str(path)], output)
    assert len(build_index([corpus, other], output, source_key="of")) == 2
