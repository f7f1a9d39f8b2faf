"""Files of a corpus: which are read, in which format and under which names."""

import bz2
import gzip
import json
import lzma
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from quotetune import Index, QuotetuneError, QuotetuneWarning, UsageError, add, build_index
from quotetune.corpus.formats import format_of_name, stem
from quotetune.corpus.inputs import expand_inputs

TEXT = "The quick brown fox jumps over the lazy dog, number {}."
PLAIN = {".jsonl", ".ndjson", ".json", ".txt", ".parquet"}
COMPRESSIONS = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
    ".zstd": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}


def line(number: object, **fields: object) -> bytes:
    return json.dumps({"text": TEXT.format(number), **fields}).encode() + b"\n"


def names(index: Index) -> list[tuple[str, str]]:
    return [(document.source, document.id) for document in index.documents()]


def texts(index: Index) -> list[str]:
    return [document.text for document in index.documents()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "index"


@given(
    st.text("ab.", max_size=3),
    st.sampled_from([*PLAIN, ".md", ""]),
    st.sampled_from(list(COMPRESSIONS)),
    st.booleans(),
)
def test_a_name_means_the_format_of_its_ending_in_any_case(name, ending, compression, upper):
    whole = (
        f"x{name}" + (ending + compression).swapcase() if upper else f"x{name}{ending}{compression}"
    )
    known = ending in PLAIN and not (ending == ".parquet" and compression)
    expected = {".txt": "text", ".parquet": "parquet"}.get(ending, "jsonl") if known else None
    if ending or not compression:  # else the name may have an ending of its own
        assert format_of_name(whole) == expected
        assert stem(whole) == (f"x{name}" if known else whole)


def test_every_format_and_compression_of_a_folder_is_read(folder: Path, output: Path) -> None:
    number = 0
    for ending in (".jsonl", ".ndjson", ".json", ".JSONL", ".txt"):
        for compression, compress in COMPRESSIONS.items():
            content = TEXT.format(number).encode() if ending == ".txt" else line(number)
            (folder / f"{number:02}{ending}{compression}").write_bytes(compress(content))
            number += 1
    pq.write_table(pa.table({"text": [TEXT.format(number)]}), folder / "table.PARQUET")
    assert sorted(texts(build_index(folder, output))) == sorted(
        TEXT.format(i) for i in range(number + 1)
    )


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=map(str, COMPRESSIONS))
def test_the_first_bytes_decide_how_a_file_is_compressed(
    folder: Path, output: Path, compress: Any
) -> None:
    (folder / "a.jsonl").write_bytes(compress(line(0)))
    (folder / "b.jsonl.gz").write_bytes(compress(line(1)))
    assert texts(build_index(folder, output)) == [TEXT.format(0), TEXT.format(1)]


def test_the_first_bytes_decide_what_is_parquet(folder: Path, output: Path) -> None:
    for name in ("a.jsonl", "b", "c.txt"):
        pq.write_table(pa.table({"text": [TEXT.format(name)]}), folder / name)
    assert texts(build_index(folder, output)) == [TEXT.format(n) for n in ("a.jsonl", "b", "c.txt")]


def test_what_is_left_out_is_said_with_its_reason(folder: Path, output: Path) -> None:
    (folder / "a.jsonl").write_bytes(line(0))
    (folder / "notes.md").write_text("no corpus")
    (folder / "settings.json").write_text(json.dumps({"lines": {"of": 1}}, indent=2))
    (folder / "list.json").write_text("[1, 2]")
    (folder / "gone.jsonl").symlink_to(folder / "nowhere")
    (folder / "again.jsonl").symlink_to("a.jsonl")
    (folder / "up").symlink_to(folder)
    (folder / ".hidden.jsonl").write_bytes(line(1))
    with pytest.warns(QuotetuneWarning) as caught:
        assert texts(build_index(folder, output)) == [TEXT.format(0)]
    said = "\n".join(str(warning.message) for warning in caught)
    for name in (
        "notes.md",
        "settings.json",
        "list.json",
        "gone.jsonl",
        "up",
        "again.jsonl|a.jsonl",
    ):
        assert any(part in said for part in name.split("|")), (name, said)
    assert ".hidden" not in said


def test_a_named_file_is_read_even_if_its_name_starts_with_a_dot(
    folder: Path, output: Path
) -> None:
    (folder / ".hidden.jsonl").write_bytes(line(0))
    assert names(build_index(folder / ".hidden.jsonl", output)) == [(".hidden", "1")]
    with pytest.raises(UsageError, match="no file of a known format"):
        build_index(folder, output, overwrite=True)


def test_a_glob_without_a_match_is_not_a_matter_of_formats(folder: Path, output: Path) -> None:
    with pytest.raises(UsageError, match=r"none\*: matches no file: check the pattern$"):
        build_index(folder / "none*", output)
    (folder / "some.md").write_bytes(line(0))
    with pytest.raises(UsageError, match=r"known format among its matches: .* with --format$"):
        build_index(folder / "some*", output)


def test_a_folder_that_cannot_be_read_is_an_error(
    folder: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.jsonl").write_bytes(line(0))
    (folder / "closed").mkdir()
    listed = os.listdir

    def listdir(path: Path) -> list[str]:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "listdir", listdir)
    with pytest.raises(UsageError, match=r"closed: cannot be read \(Permission denied"):
        build_index(folder, output)


def test_a_name_without_an_ending_takes_a_format(folder: Path, output: Path) -> None:
    for name in ("AA", "AB"):
        (folder / name).mkdir()
        (folder / name / "wiki_00").write_bytes(line(name))
    with pytest.raises(UsageError, match="looks like JSON: give --format jsonl"):
        build_index(folder / "AA" / "wiki_00", output)
    with pytest.raises(UsageError, match="--format"):
        build_index(folder, output)
    index = build_index(folder, output, format="jsonl")
    assert names(index) == [("AA/wiki_00", "1"), ("AB/wiki_00", "1")]
    index = build_index(folder, output, format="text", overwrite=True)
    assert texts(index)[0] == line("AA").decode().strip()
    with pytest.raises(UsageError, match="format is 'csv': choose jsonl, text or parquet"):
        build_index(folder, output, format="csv", overwrite=True)  # type: ignore[arg-type]


def test_a_pipe_is_jsonl(tmp_path: Path) -> None:
    script = (
        "from quotetune import build_index; import sys; "
        "print([d.text for d in build_index(sys.argv[1], 'index').documents()])"
    )
    command = f'{sys.executable} -c "{script}" /dev/stdin'
    done = subprocess.run(
        command, shell=True, input=line(0), capture_output=True, cwd=tmp_path, check=False
    )
    assert done.stdout.decode().strip() == repr([TEXT.format(0)]), done.stderr.decode()
    content = (pa.BufferOutputStream(),)
    pq.write_table(pa.table({"text": ["a"]}), content[0])
    done = subprocess.run(
        command.replace("'index'", "'other'"),
        shell=True,
        input=content[0].getvalue().to_pybytes(),
        capture_output=True,
        cwd=tmp_path,
        check=False,
    )
    assert b"Parquet" in done.stderr and done.returncode != 0


def test_files_of_one_name_in_several_folders_have_their_paths_as_sources(
    folder: Path, output: Path
) -> None:
    for year in ("2023", "2024"):
        (folder / year).mkdir()
        (folder / year / "report.txt").write_text(TEXT.format(year))
        (folder / year / "crawl.jsonl").write_bytes(line(year))
    expected = [
        (f"{year}/{name}", "1") for year in ("2023", "2024") for name in ("crawl", "report")
    ]
    assert names(build_index(folder, output)) == expected
    pattern = str(folder / "*" / "*")
    assert names(build_index(pattern, output, overwrite=True)) == expected
    one = build_index(folder, output, source="letters", overwrite=True)
    assert names(one) == [
        ("letters", f"{year}/{rest}") for year in ("2023", "2024") for rest in ("crawl:1", "report")
    ]
    given = sorted(folder.rglob("*.jsonl"))
    with pytest.raises(QuotetuneError, match="--root"):
        build_index(given, output, overwrite=True)
    rooted = build_index(given, output, root=folder, overwrite=True)
    assert names(rooted) == [("2023/crawl", "1"), ("2024/crawl", "1")]
    with pytest.raises(UsageError, match="is not below --root"):
        build_index(given, output, root=folder / "2023", overwrite=True)


def test_bytes_of_a_name_that_are_not_utf_8_are_percent_encoded(folder: Path, output: Path) -> None:
    path = os.fsencode(folder) + b"/caf\xe9.jsonl"
    Path(os.fsdecode(path)).write_bytes(line(0))
    assert names(build_index(folder, output)) == [("caf%E9", "1")]


def test_the_manifest_says_how_sources_are_made(folder: Path, output: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a" / "b.jsonl").write_bytes(line(0))
    build_index(folder, output)
    assert Index.open(output).identity == "path"
    (folder / "a" / "c.jsonl").write_bytes(line(1))
    (folder / "a" / "b.jsonl").unlink()
    assert names(add(output, folder)) == [("a/b", "1"), ("a/c", "1")]


def test_an_index_of_an_earlier_version_goes_on_with_stems(folder: Path, output: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a" / "b.jsonl").write_bytes(line(0))
    build_index(folder / "a" / "b.jsonl", output)
    manifest = output / "manifest.json"
    content = json.loads(manifest.read_text())
    assert content.pop("identity") == "path"
    content["checksum"] = "0" * 16
    text = json.dumps(content, indent=2) + "\n"
    manifest.write_text(text.replace("0" * 16, xxhash.xxh3_64_hexdigest(text.encode())))
    assert Index.open(output).identity is None
    (folder / "a" / "b.jsonl").rename(folder / "a" / "c.jsonl")
    assert names(add(output, folder)) == [("b", "1"), ("c", "1")]


def test_ids_can_be_the_lines_whatever_the_records_say(folder: Path, output: Path) -> None:
    path = folder / "a.jsonl"
    path.write_bytes(line(0, id="u") + line(1, id="u"))
    with pytest.raises(QuotetuneError, match=r"a\.jsonl:2"):
        build_index(path, output)
    assert names(build_index(path, output, id_key="none")) == [("a", "1"), ("a", "2")]
    (folder / "b.jsonl").write_bytes(line(2, id="u"))
    assert names(add(output, folder / "b.jsonl"))[-1] == ("b", "1")


def test_of_documents_that_occur_twice_the_first_can_be_kept(folder: Path, output: Path) -> None:
    path = folder / "a.jsonl"
    path.write_bytes(line(0, id="u") + line(1, id="v") + line(2, id="u"))
    with pytest.warns(QuotetuneWarning, match="1 document skipped"):
        index = build_index(path, output, duplicates="first")
    assert texts(index) == [TEXT.format(0), TEXT.format(1)]
    path.write_bytes(line(3, id="v") + line(4, id="w"))
    with pytest.warns(QuotetuneWarning, match="1 document skipped"):
        index = add(output, path, duplicates="first")
    assert texts(index) == [TEXT.format(0), TEXT.format(1), TEXT.format(4)]
    with pytest.raises(UsageError, match="duplicates is 'last': choose error or first"):
        build_index(path, output, duplicates="last", overwrite=True)  # type: ignore[arg-type]


BAD = {
    "null": {"text": None},
    "missing": {"url": "x"},
    "number": {"text": 5},
    "list": {"text": ["a"]},
    "an id": {"text": "a", "id": 1.5},
}


@pytest.mark.parametrize("kind", ["jsonl", "records", "parquet"])
@pytest.mark.parametrize("name", BAD)
def test_bad_records_are_errors_or_are_skipped_and_counted(
    folder: Path, output: Path, kind: str, name: str
) -> None:
    if kind == "parquet" and name != "null":
        pytest.skip("a column has one type")
    records = [{"text": TEXT.format(0)}, BAD[name], {"text": TEXT.format(1)}, BAD[name]]
    documents: Any = records
    if kind == "jsonl":
        documents = folder / "a.jsonl"
        documents.write_text("".join(json.dumps(record) + "\n" for record in records))
    if kind == "parquet":
        documents = folder / "a.parquet"
        pq.write_table(pa.Table.from_pylist(records), documents)
    with pytest.raises(QuotetuneError, match=r":2?1?: .*(text|id)"):
        build_index(documents, output)
    with pytest.warns(QuotetuneWarning, match="2 records skipped: .*the first is .*[12]"):
        index = build_index(documents, output, errors="skip")
    assert texts(index) == [TEXT.format(0), TEXT.format(1)]


@pytest.mark.parametrize("kind", ["jsonl", "records"])
def test_nothing_but_bad_records_is_an_error(folder: Path, output: Path, kind: str) -> None:
    records: list[dict[str, Any]] = [{"body": "x"}] * 1000 + [{"text": TEXT}]
    for bad in (records[:3], records):
        documents: Any = bad
        if kind == "jsonl":
            documents = folder / "a.jsonl"
            documents.write_text("".join(json.dumps(record) + "\n" for record in bad))
        with warnings.catch_warnings(), pytest.raises(QuotetuneError, match='no key "text"'):
            warnings.simplefilter("ignore")
            build_index(documents, output, errors="skip", overwrite=True)
    assert not output.exists()


def test_keys_reach_into_objects_and_a_literal_key_wins(folder: Path, output: Path) -> None:
    records = [
        {"data": {"text": TEXT.format(0)}, "meta": {"set": "Wiki", "url": "u", "n": 2**70}},
        {"data": {"text": TEXT.format(1)}, "meta": {"set": "No"}, "meta.set": "Yes"},
    ]
    options: dict[str, Any] = {
        "text_key": "data.text",
        "source_key": "meta.set",
        "meta_keys": "meta.url",
    }
    (folder / "a.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    for documents in (folder / "a.jsonl", records):
        index = build_index(documents, output, overwrite=True, **options)
        assert [document.source for document in index.documents()] == ["Wiki", "Yes"]
        assert index.document("Wiki", next(index.documents()).id).metadata == {"meta.url": "u"}
    pq.write_table(
        pa.Table.from_pylist([{**records[0], "meta": {"set": "W"}}]), folder / "p.parquet"
    )
    index = build_index(
        folder / "p.parquet", output, text_key="data.text", source_key="meta.set", overwrite=True
    )
    assert names(index) == [("W", "1")]


@pytest.mark.parametrize("kind", ["jsonl", "records"])
def test_a_number_that_is_none_is_passed_over_and_null_in_metadata(
    folder: Path, output: Path, kind: str
) -> None:
    record = {"id": 2**80, "text": TEXT, "ppl": float("nan"), "deep": {"x": [float("-inf")]}}
    documents: Any = [record]
    if kind == "jsonl":
        documents = folder / "a.jsonl"
        documents.write_text(json.dumps(record) + "\n")
    index = build_index(documents, output, meta_keys=["ppl", "deep"])
    [document] = index.documents()
    assert document.id == str(2**80)
    assert document.metadata == {"ppl": None, "deep": {"x": [None]}}


def test_each_file_is_read_once_however_often_it_is_named(folder: Path) -> None:
    (folder / "a.jsonl").write_bytes(line(0))
    found = expand_inputs([folder / "a.jsonl", folder, str(folder / "*")])
    assert [file.path for file in found.files] == [folder / "a.jsonl"]
    assert not found.left_out
