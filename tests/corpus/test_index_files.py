"""Damaged, foreign and hostile files: an error that names the file, never a crash."""

import json
import random
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from quotetune import Index, QuotetuneError, build_index
from quotetune.corpus.verify import damaged_files

TEXTS = [
    f"Chapter {n}. It was the best of times, it was the worst of times, it was year {n * n}."
    for n in range(40)
]
FILES = [
    "segment-00000.text",
    "segment-00000.suffix",
    "segment-00000.documents",
    "filter-00000.bloom",
]
FUSE = "filter-00000.fuse"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("whole") / "index"
    build_index(TEXTS, output)
    return output


@pytest.fixture(scope="module")
def fused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("fused") / "index"
    build_index(TEXTS, output, structures=["fuse", "suffix"])
    return output


@pytest.fixture
def copy(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of an index, for tests that damage files; it has the file that the test is about."""
    about = getattr(request.node, "callspec", None)
    kind = "fused" if about and FUSE in about.params.values() else "whole"
    return Path(shutil.copytree(request.getfixturevalue(kind), tmp_path / "index"))


def test_opening_what_is_no_index_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    for name, what in (
        ("absent", "directory does not exist"),
        ("absent.json", "list of indexes does not exist"),
        ("file", "not a directory"),
        ("empty", "no manifest.json"),
    ):
        with pytest.raises(QuotetuneError, match=rf"{name}: no index here .*{what}.*build-index"):
            Index.open(tmp_path / name)


@pytest.mark.parametrize("name", [*FILES, FUSE])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(QuotetuneError, match=f"cannot open .*{name}"):
        Index.open(copy)


@pytest.mark.parametrize("name", [*FILES, FUSE])
@pytest.mark.parametrize("length", [0, 10, 191, 192, -1])
def test_a_truncated_file_is_named(copy: Path, name: str, length: int) -> None:
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[:length])
    with pytest.raises(QuotetuneError, match=f"{name}: .*(truncated|not a quotetune)"):
        Index.open(copy)


@pytest.mark.parametrize("name", [*FILES, FUSE])
def test_a_foreign_file_is_named(copy: Path, name: str) -> None:
    other = FILES[0] if name == FUSE else FILES[(FILES.index(name) + 1) % len(FILES)]
    shutil.copy(copy / other, copy / name)
    with pytest.raises(QuotetuneError, match=f"{name}: not a quotetune .* file"):
        Index.open(copy)


@pytest.mark.parametrize("name", [*FILES, FUSE])
def test_a_file_of_another_format_version_says_which(copy: Path, name: str) -> None:
    data = bytearray((copy / name).read_bytes())
    data[8:12] = struct.pack("<I", 99)
    (copy / name).write_bytes(data)
    with pytest.raises(QuotetuneError, match=f"{name}: .*version 99, .*reads version 1: rebuild"):
        Index.open(copy)


def test_a_manifest_of_another_format_version_says_which(copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["format_version"] = 2
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(QuotetuneError, match=r"manifest\.json: .*version 2, .*reads version 1"):
        Index.open(copy)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "other"}', "\0\0"])
def test_a_file_that_is_not_a_manifest_is_an_error(copy: Path, content: str) -> None:
    (copy / "manifest.json").write_text(content)
    with pytest.raises(QuotetuneError, match=r"manifest\.json: "):
        Index.open(copy)


@pytest.mark.parametrize("key", ["n", "normalization", "counts", "segments", "filters"])
def test_an_edited_manifest_is_an_error(copy: Path, key: str) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    del manifest[key]
    (copy / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    with pytest.raises(QuotetuneError, match=r"manifest\.json: damaged"):
        Index.open(copy)


def test_an_edited_number_in_the_manifest_is_an_error(copy: Path) -> None:
    text = (copy / "manifest.json").read_text()
    (copy / "manifest.json").write_text(text.replace('"n": 25', '"n": 24'))
    with pytest.raises(QuotetuneError, match=r"manifest\.json: damaged .*checksum"):
        Index.open(copy)


def test_files_of_two_indexes_do_not_go_together(copy: Path, tmp_path: Path) -> None:
    build_index(TEXTS, tmp_path / "other", n=24)
    shutil.copy(tmp_path / "other" / FILES[3], copy / FILES[3])
    with pytest.raises(QuotetuneError, match=r"filter-00000\.bloom: damaged .*n, normalisation"):
        Index.open(copy)
    build_index(TEXTS[:20], tmp_path / "shorter")
    shutil.copy(tmp_path / "shorter" / FILES[1], copy / FILES[1])
    with pytest.raises(QuotetuneError, match=r"segment-00000\.suffix: damaged .*match the text"):
        Index.open(copy)


def test_opening_reads_headers_only(tmp_path: Path) -> None:
    import time

    rng = random.Random(1)
    texts = ["".join(rng.choices("abcdefgh ", k=1000)) for _ in range(5000)]
    build_index(texts, tmp_path / "index")
    seconds = []
    for _ in range(20):
        before = time.process_time()
        Index.open(tmp_path / "index")
        seconds.append(time.process_time() - before)
    # Time on the processor: the clock on the wall would measure who else is busy.
    assert min(seconds) < 0.005


def flip(path: Path, at: int, bits: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ bits]))


@pytest.mark.parametrize("name", [*FILES, FUSE])
def test_verify_finds_one_flipped_bit_anywhere(copy: Path, name: str) -> None:
    size = (copy / name).stat().st_size
    rng = random.Random(name)
    for at in [0, 8, 191, 192, size - 1, *(rng.randrange(size) for _ in range(20))]:
        bits = 1 << rng.randrange(8)
        flip(copy / name, at, bits)
        [(path, what)] = damaged_files(copy)
        assert Path(path) == copy / name and "checksum" in what
        flip(copy / name, at, bits)
    assert damaged_files(copy) == []


def test_verify_names_every_missing_and_every_shortened_file(copy: Path) -> None:
    (copy / FILES[0]).unlink()
    (copy / FILES[3]).write_bytes(b"")
    damages = dict(damaged_files(copy))
    assert {Path(path).name for path in damages} == {FILES[0], FILES[3]}


@pytest.mark.parametrize("about", [FILES[3], FUSE])
def test_verify_reports_the_bytes_of_every_file(copy: Path, about: str) -> None:
    assert (copy / about).exists()
    size = sum(path.stat().st_size for path in copy.iterdir() if path.name != "manifest.json")
    reports: list[tuple[str, int, int]] = []
    assert damaged_files(copy, lambda *report: reports.append(report)) == []
    assert reports[-1] == ("verify", size, size)


FLIPPED = """
import random, sys
from pathlib import Path
from quotetune import Index, QuotetuneError
from quotetune.corpus.verify import damaged_files

path, rng = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
text = "It was the best of times, it was the worst of times, it was year"
texts = [f"{text} {n * n}. No" for n in range(3)]
calls = [
    lambda index: index.quip(texts),
    lambda index: index.score(texts),
    lambda index: index.trace(texts, min_chars=3),
    lambda index: index.count(texts),
    lambda index: index.document("documents", str(rng.randrange(40))),
]
files = sorted(path.iterdir())
whole = {file: file.read_bytes() for file in files}
found = 0
for _ in range(250):
    file = rng.choice(files)
    data = bytearray(whole[file])
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    file.write_bytes(data)
    try:
        [(damaged, _)] = damaged_files(path)
        found += Path(damaged) == file
    except QuotetuneError as error:
        found += str(file) in str(error)
    try:
        index = Index.open(path)
    except QuotetuneError:
        index = None
    for call in calls if index else ():
        try:
            call(index)
        except QuotetuneError as error:
            assert str(path) in str(error), error
    file.write_bytes(whole[file])
assert damaged_files(path) == []
print("found", found)
"""


@pytest.mark.parametrize("about", [FILES[3], FUSE])
@pytest.mark.parametrize("seed", range(4))
def test_a_flipped_bit_is_found_by_verify_and_never_a_crash(
    copy: Path, seed: int, about: str
) -> None:
    assert (copy / about).exists()
    command = [sys.executable, "-c", FLIPPED, str(copy), str(seed)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout == "found 250\n", result.stderr


HOSTILE = """
import random, shutil, sys
from pathlib import Path
from quotetune import Index, QuotetuneError

rng = random.Random(int(sys.argv[2]))
whole, copy = Path(sys.argv[1]), Path(sys.argv[3])
text = "It was the best of times, it was the worst of times, it was year"
texts = [f"{text} {n * n}. No" for n in range(9)]
topics = [[("documents", "3"), ("documents", "4")]]
calls = [
    lambda: index.quip(texts),
    lambda: index.quip(texts, exact=True),
    lambda: index.quip(texts[:1], documents=topics),
    lambda: index.score(texts),
    lambda: index.trace(texts, min_chars=3),
    lambda: index.count(texts),
    lambda: index.contains(texts),
    *(lambda n=n: index.document("documents", str(n)) for n in range(40)),
]
for _ in range(60):
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(whole, copy)
    path = copy / rng.choice(sorted(p.name for p in whole.iterdir() if p.suffix != ".json"))
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 5, 200])):
        data[rng.randrange(192, len(data))] = rng.choice([0, 255, rng.randrange(256)])
    path.write_bytes(data)
    try:
        index = Index.open(copy)
    except QuotetuneError as error:
        assert str(path) in str(error), error
        continue
    for call in calls:
        try:
            call()
        except QuotetuneError as error:
            assert str(copy) in str(error), error
print("survived")
"""


@pytest.mark.parametrize("kind", ["whole", "fused"])
@pytest.mark.parametrize("seed", range(3))
def test_overwritten_bytes_give_wrong_answers_or_errors_but_never_a_crash(
    request: pytest.FixtureRequest, tmp_path: Path, seed: int, kind: str
) -> None:
    whole = str(request.getfixturevalue(kind))
    command = [sys.executable, "-c", HOSTILE, whole, str(seed), str(tmp_path / "copy")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout == "survived\n", result.stderr
