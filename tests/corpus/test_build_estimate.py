"""The estimate of a build, compared with the files of real builds."""

import gzip
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from quotetune import QuotetuneError, UsageError, build_index
from quotetune.corpus.build_time import build_seconds
from quotetune.corpus.estimate import estimate_build

BENCHMARKS = Path(__file__).parents[2] / "docs" / "benchmarks.md"
LATIN = "abcdefghij klmnop qrstuvwxyz"
SCRIPTS = "ἀβγδε жзийк 漢字仮名 한글 \U0001f600 “quoted” ﬁ é"


def corpus(letters: str, chars: int, seed: int = 1) -> list[dict[str, str]]:
    """Return records of texts of 50 to 3,000 characters, a quarter of them copies of another."""
    rng = random.Random(seed)
    records: list[dict[str, str]] = []
    while chars > 0:
        text = "".join(rng.choices(letters, k=rng.randint(50, 3000)))
        if records and rng.random() < 0.25:
            text = rng.choice(records)["text"]
        number = len(records)
        records.append({"id": str(number), "text": text, "url": f"example.org/{number}" * 3})
        chars -= len(text)
    return records


def write(path: Path, records: list[dict[str, str]]) -> Path:
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text(lines, encoding="utf-8")
    return path


def sizes(index: Path) -> dict[str, int]:
    """Return the bytes of the files of an index by their endings."""
    found: dict[str, int] = {}
    for path in index.iterdir():
        kind = path.suffix.removeprefix(".")
        found[kind] = found.get(kind, 0) + path.stat().st_size
    del found["json"]
    return found


def assert_near(estimated: dict[str, int], real: dict[str, int], tolerance: float) -> None:
    named = {"suffix" if name == "lean" else name: size for name, size in estimated.items()}
    # Sections start at multiples of 64 bytes, in each segment.
    assert named == pytest.approx(real, rel=tolerance, abs=1000)


@pytest.mark.parametrize("letters", [LATIN, SCRIPTS])
@pytest.mark.parametrize(
    "options",
    [
        {"structures": "bloom"},
        {"structures": "fuse"},
        {"structures": ["bloom", "suffix"], "fpr": 0.01, "meta_keys": "url"},
        {"structures": ["fuse", "lean"], "n": 12, "source": "one"},
        {"structures": ["suffix"], "normalization": "fold-case", "segment_bytes": 90_000},
        {"structures": ["bloom", "lean"], "expected_ngrams": 10**6, "normalization": "none"},
    ],
)
def test_a_corpus_that_is_read_whole_is_estimated_to_within_two_percent(
    tmp_path: Path, letters: str, options: dict[str, Any]
) -> None:
    path = write(tmp_path / "corpus.jsonl", corpus(letters, 200_000))
    estimate = estimate_build([path], **options)
    index = build_index(path, tmp_path / "index", **options)
    assert_near(estimate.files, sizes(tmp_path / "index"), 0.02)
    assert estimate.documents == len(index)
    assert estimate.basis == "corpus"
    counts = json.loads((tmp_path / "index" / "manifest.json").read_text())["counts"]
    assert (estimate.characters, estimate.text_bytes) == (counts["characters"], counts["bytes"])


def jsonl(folder: Path, records: list[dict[str, str]]) -> None:
    # The last texts are of another script: a start would not stand for the file.
    write(folder / "a.jsonl", records)


def compressed(folder: Path, records: list[dict[str, str]]) -> None:
    for number in range(8):
        plain = write(folder / "plain", records[number::8])
        (folder / f"{number}.jsonl.gz").write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()


def columns(folder: Path, records: list[dict[str, str]]) -> None:
    random.Random(2).shuffle(records)
    parquet.write_table(pa.Table.from_pylist(records), folder / "a.parquet")


def texts(folder: Path, records: list[dict[str, str]]) -> None:
    for number in range(60):
        text = " ".join(record["text"] for record in records[number::60])
        (folder / f"{number}.txt").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_a_file_of_several_batches_is_read_to_its_end(tmp_path: Path, name: str) -> None:
    # A batch has 8 MiB of text, and this compresses to less than is read at once.
    lines = "".join(f'{{"text": "{"abc " * 500}{number}"}}\n' for number in range(9000))
    path = tmp_path / name
    path.write_bytes(gzip.compress(lines.encode()) if name.endswith("gz") else lines.encode())
    assert len(lines) > 16 << 20
    assert estimate_build([path], structures="bloom").documents == 9000


@pytest.mark.parametrize("written", [jsonl, compressed, columns, texts])
def test_a_sample_estimates_files_that_are_larger(
    tmp_path: Path, written: Callable[[Path, list[dict[str, str]]], None]
) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    records = corpus(LATIN, 1_500_000) + corpus(SCRIPTS, 500_000)
    written(folder, [{**record, "id": str(number)} for number, record in enumerate(records)])
    size = sum(path.stat().st_size for path in folder.iterdir())
    options: dict[str, Any] = {"structures": ["bloom", "lean"], "meta_keys": "url"}
    if written is texts:
        del options["meta_keys"]
    estimate = estimate_build([folder], sample_bytes=size // 2, **options)
    build_index(folder, tmp_path / "index", **options)
    assert estimate.basis == "sample"
    assert_near(estimate.files, sizes(tmp_path / "index"), 0.12)


def test_a_shard_is_estimated_by_its_own_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "corpus.jsonl", corpus(LATIN, 300_000))
    for shard in ("1/3", "3/3"):
        estimate = estimate_build([path], shard=shard)
        build_index(path, tmp_path / "index", shard=shard, overwrite=True)
        # Ids that are line numbers would be shorter: nobody counts the lines of other shards.
        assert_near(estimate.files, sizes(tmp_path / "index"), 0.02)


def test_numbers_are_enough() -> None:
    estimate = estimate_build([], ngrams=10**9, structures="bloom")
    assert estimate.files["bloom"] == pytest.approx(2 * 10**9, rel=1e-4)
    estimate = estimate_build([], ngrams=10**9, structures="fuse")
    assert estimate.files["fuse"] == pytest.approx(18.1 / 8 * 10**9, rel=0.01)
    estimate = estimate_build([], chars=10**9, ngrams=10**8, structures=["bloom", "suffix"])
    assert estimate.files["bloom"] == pytest.approx(2 * 10**8, rel=1e-4)
    assert estimate.text_bytes == 10**9


@pytest.mark.parametrize("structure", ["suffix", "lean"])
def test_numbers_give_the_bytes_per_byte_of_text_of_the_benchmarks(structure: str) -> None:
    rows = re.findall(
        rf"\| {structure} \| 1.000 \| ([\d.]+) \| ([\d.]+) \|", BENCHMARKS.read_text()
    )
    [(documents, suffixes)] = rows
    files = estimate_build([], chars=200_000_000, structures=structure).files
    assert files["documents"] / 200e6 == pytest.approx(float(documents), abs=0.001)
    assert files[structure] / 200e6 == pytest.approx(float(suffixes), abs=0.01)


def test_times_are_those_of_the_benchmarks() -> None:
    text = BENCHMARKS.read_text()
    numbers = r" \| ".join([r"([\d.]+)"] * 4)
    rows = re.findall(rf"^\| {numbers} \| [\d.]+ \| [\d.]+ \|", text, re.MULTILINE)
    assert len(rows) == 4
    for size, *seconds in rows:
        found = [
            build_seconds(int(float(size) * 1e6), filter, suffixes, 1, 1, 1)
            for filter, suffixes in [("bloom", None), (None, "suffix"), (None, "lean")]
        ]
        assert found == pytest.approx([float(second) for second in seconds], rel=0.25)
    [(size, seconds)] = re.findall(r"a corpus of ([\d,]+) MB.*?\| (\d+) \|", text, re.DOTALL)
    estimate = estimate_build(
        [],
        chars=int(size.replace(",", "")) * 10**6,
        ngrams=485 * 10**6,
        memory_limit=256 << 20,
        threads=1,
    )
    assert estimate.seconds == pytest.approx(float(seconds), rel=0.25)


def test_threads_share_the_filter_and_the_segments() -> None:
    one = build_seconds(10**9, "bloom", "suffix", 4, 1, 1)
    assert build_seconds(10**9, "bloom", "suffix", 4, 1, 4) == pytest.approx(one / 4)
    suffixes = build_seconds(10**9, None, "suffix", 1, 1, 1)
    assert build_seconds(10**9, None, "suffix", 1, 1, 8) == suffixes


def test_memory_stays_within_the_limit() -> None:
    for structures in (["bloom", "suffix"], ["fuse", "lean"]):
        for threads in (1, 2, 8):
            few = estimate_build(
                [], chars=10**9, structures=structures, threads=threads, memory_limit=1 << 30
            )
            documents = few.documents * 100
            assert few.memory <= (1 << 30) + documents
            much = estimate_build([], chars=10**9, structures=structures, threads=threads)
            assert much.memory > 2 * few.memory


@pytest.mark.parametrize(
    ("files", "options"),
    [
        ({}, {"structures": "bloom,suffix"}),
        ({}, {"structures": ["suffix", "lean"]}),
        ({}, {"structures": []}),
        ({}, {"structures": "fuse", "fpr": 0.1}),
        ({}, {"structures": "fuse", "shard": "1/2"}),
        ({}, {"fpr": 2.0}),
        ({}, {"fpr": 0.1, "bits_per_ngram": 8.0}),
        ({}, {"bits_per_ngram": 1000.0}),
        ({}, {"expected_ngrams": 5}),
        ({}, {"n": 0}),
        ({}, {"normalization": "mild"}),
        ({}, {"threads": 0}),
        ({}, {"memory_limit": 5}),
        ({}, {"segment_bytes": 0}),
        ({}, {"shard": "3/2"}),
        ({}, {"errors": "ignore"}),
        ({}, {"duplicates": "second"}),
        ({}, {"source": "a", "source_key": "b"}),
        ({}, {"text_key": "body"}),
        ({}, {"id_key": "key"}),
        ({"corpus.jsonl": '{"text": "good enough"}\n{"text": 5}\n'}, {}),
        ({"corpus.jsonl": '{"text": 5}\n{"text": 6}\n'}, {"errors": "skip"}),
        ({"corpus.jsonl": "\n"}, {}),
        ({"corpus.jsonl": "%PDF-1.7"}, {}),
        ({"index": "a file"}, {}),
        ({"index/diary.txt": "dear diary"}, {}),
        ({"index/diary.txt": "dear diary"}, {"overwrite": True}),
        ({"index.partial/diary.txt": "dear diary"}, {}),
    ],
)
def test_what_a_build_refuses_is_refused_in_the_same_words(
    tmp_path: Path, files: dict[str, str], options: dict[str, Any]
) -> None:
    path = write(tmp_path / "corpus.jsonl", corpus(LATIN, 2000))
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(QuotetuneError) as refused:
        estimate_build([path], tmp_path / "index", **options)
    assert sorted(tmp_path.rglob("*")) == before
    with pytest.raises(refused.type, match=re.escape(str(refused.value))):
        build_index(path, tmp_path / "index", **options)


def test_a_missing_input_and_an_index_are_refused_in_the_same_words(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(UsageError) as refused:
            estimate_build([path], tmp_path / "index")
        with pytest.raises(UsageError, match=re.escape(str(refused.value))):
            build_index(path, tmp_path / "index")
    corpus_file = write(tmp_path / "corpus.jsonl", corpus(LATIN, 2000))
    build_index(corpus_file, tmp_path / "index")
    with pytest.raises(UsageError, match="--overwrite"):
        estimate_build([corpus_file], tmp_path / "index")
    assert estimate_build([corpus_file], tmp_path / "index", overwrite=True).total > 0


def test_there_must_be_something_to_estimate(tmp_path: Path) -> None:
    path = write(tmp_path / "corpus.jsonl", corpus(LATIN, 2000))
    with pytest.raises(UsageError, match="nothing to estimate: give a corpus, or --ngrams"):
        estimate_build([])
    with pytest.raises(UsageError, match="give one of them"):
        estimate_build([path], ngrams=5)
    with pytest.raises(UsageError, match="ngrams is 0"):
        estimate_build([], ngrams=0)
    with pytest.raises(UsageError, match="no more n-grams than characters"):
        estimate_build([], ngrams=50, chars=20)
    with pytest.raises(UsageError, match="stdin: a pipe"):
        estimate_build([Path("-")])


def test_bad_records_count_as_the_build_counts_them(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text('{"text": "good enough, this one"}\n{"text": 5}\n')
    estimate = estimate_build([path], errors="skip")
    assert estimate.documents == 1
