"""Odd but valid records, and inputs that cannot be read: all commands treat them alike."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quotetune import Index, QuotetuneError, QuotetuneWarning, UsageError, add, build_index
from quotetune.corpus.formats import STDIN
from quotetune.corpus.records import format_of

TEXT = "The quick brown fox jumps over the lazy dog and so on."
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return build_index([TEXT], tmp_path / "index").path


def record(**fields: str) -> str:
    """Return a record whose fields are the JSON that is given for them."""
    return "{" + ", ".join([f'"text": "{TEXT}"', *(f'"{k}": {v}' for k, v in fields.items())]) + "}"


@pytest.mark.parametrize("digits", [4300, 4301, 20_000])
def test_an_integer_may_have_any_number_of_digits(
    tmp_path: Path, quotetune: Command, digits: int
) -> None:
    corpus = tmp_path / "a.jsonl"
    corpus.write_text(record(id="1", big="7" * digits))
    built = build_index(corpus, tmp_path / "built", meta_keys="big")
    [document] = built.documents()
    assert str(document.metadata["big"]) == "7" * digits if digits > 4300 else document.metadata
    for command in ("score", "trace", "cite"):
        status, out, err = quotetune(command, built.path, corpus)
        assert status == 0 and not err and "quick brown" in out


def test_json_that_goes_out_has_no_nan(tmp_path: Path, quotetune: Command, index: Path) -> None:
    corpus = tmp_path / "a.jsonl"
    corpus.write_text(record(x="NaN", y="-Infinity", z='{"deep": [1e999, 1.5]}'))
    pq.write_table(pa.table({"text": [TEXT], "x": [float("nan")]}), tmp_path / "a.parquet")

    def refuse(name: str) -> None:
        raise AssertionError(name)

    for file, expected in ((corpus, {"y": None, "z": {"deep": [None, 1.5]}}), ("a.parquet", {})):
        for command in ("score", "trace"):
            status, out, _ = quotetune(command, index, tmp_path / file)
            shown = json.loads(out, parse_constant=refuse)
            assert status == 0 and {**shown, "x": None, **expected} == shown


def test_parquet_is_not_read_from_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pq.write_table(pa.table({"text": [TEXT]}), "-")  # a file of this name is not standard input
    os.mkfifo("pipe")
    for name in ("-", "pipe"):
        with pytest.raises(UsageError, match="a pipe cannot be read as Parquet"):
            build_index(name, "index", format="parquet")
    assert format_of(STDIN) is None


def test_a_text_may_start_with_the_letters_of_parquet(
    tmp_path: Path, quotetune: Command, index: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"PAR1 {TEXT}")
    assert [document.text for document in build_index(path, tmp_path / "b").documents()] == [
        f"PAR1 {TEXT}"
    ]
    status, out, _ = quotetune("score", index, path)
    assert status == 0 and json.loads(out)["text"] == f"PAR1 {TEXT}"


@pytest.mark.parametrize("name", [b"caf\xe9.jsonl", b"caf\xe9.txt", b"caf\xe9.parquet"])
def test_a_name_need_not_be_utf_8(tmp_path: Path, name: bytes, index: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    match path.suffix:
        case ".parquet":
            pq.write_table(pa.table({"text": [TEXT]}), tmp_path / "a")
            (tmp_path / "a").rename(path)
        case ".txt":
            path.write_text(TEXT)
        case _:
            path.write_text(record())
    built = build_index(path, tmp_path / "built")
    assert [(each.source, each.text) for each in built.documents()] == [("caf%E9", TEXT)]


def test_deep_json_beside_a_corpus_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "deep.json").write_text("[" * 200_000 + "]" * 200_000)
    (tmp_path / "in" / "a.jsonl").write_text(record())
    with pytest.raises(QuotetuneError, match=r"deep\.json"):
        build_index(tmp_path / "in", tmp_path / "built")


def test_adding_again_what_is_there_is_no_error(tmp_path: Path, quotetune: Command) -> None:
    corpus = tmp_path / "a.jsonl"
    corpus.write_text(record(id="5"))
    path = build_index(corpus, tmp_path / "built").path
    status, _, err = quotetune("add", path, corpus, "--duplicates", "first")
    assert status == 0 and "1 document skipped" in err and len(Index.open(path)) == 1


def test_documents_of_an_index_without_text_cannot_be_known(tmp_path: Path) -> None:
    path = build_index([TEXT], tmp_path / "built", structures="bloom").path
    with pytest.raises(UsageError, match="does not know its documents"):
        add(path, [TEXT], duplicates="first")
    assert len(Index.open(path)) == 1


def test_a_bad_record_has_no_place_in_the_form_of_the_quip_service(
    tmp_path: Path, quotetune: Command, index: Path
) -> None:
    corpus = tmp_path / "a.jsonl"
    corpus.write_text(record() + '\n{"text": null}\n')
    given = ("score", index, corpus, "--errors", "skip", "--format", "quip-json")
    status, out, err = quotetune(*given)
    assert (status, out) == (2, "") and "choose records" in err


def test_warnings_name_the_line_that_calls(tmp_path: Path) -> None:
    records = [{"text": TEXT, "id": "1"}, {"text": None}, {"text": TEXT, "id": "1"}]
    with pytest.warns(QuotetuneWarning) as caught:
        build_index(records, tmp_path / "built", errors="skip", duplicates="first")
    assert [warning.filename for warning in caught] == [__file__, __file__]


@pytest.mark.parametrize("command", ["score", "trace", "cite", "build-index"])
def test_a_name_that_is_too_long_is_a_fault_of_the_input(
    tmp_path: Path, quotetune: Command, index: Path, command: str
) -> None:
    name = tmp_path / ("x" * 300 + ".jsonl")
    given = (name, "-o", tmp_path / "built") if command == "build-index" else (index, name)
    status, _, err = quotetune(command, *given)
    assert status == 2 and "File name too long" in err and "--output" not in err
