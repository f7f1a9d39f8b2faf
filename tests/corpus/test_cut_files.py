"""A file of an open index that is cut: the next call is an error that names it, and no signal."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from quotetune import build_index

QUESTIONS = {
    "quip": 'index.quip(["x" * 100])',
    "exact quip": "index.quip([TEXT], exact=True)",
    "on-topic quip": 'index.quip([TEXT], documents=[[("documents", "0")]])',
    "score": "index.score([TEXT])",
    "windows": "index.windows([TEXT, TEXT])",
    "trace": "index.trace([TEXT] * 50)",
    "trace of a long text": "index.trace(TEXT * 1000)",
    "count": 'index.count(["no"])',
    "contains": "index.contains([TEXT])",
    "document": 'index.document("documents", "0")',
    "documents": "list(index.documents())",
    "document names": "list(index.document_names())",
}
CHILD = """
import os, sys
from quotetune import Index, QuotetuneError

directory, name, left, question = sys.argv[1:]
TEXT = "The quick brown fox number 7 jumps over the lazy dog number 49."
index = Index.open(directory)
exec(question)
path = os.path.join(directory, name)
with open(path, "rb") as file:
    # A file that loses only zeros gives the same answers.
    content = file.read().rstrip(b"\\0")
os.truncate(path, int(len(content) * float(left)))
for attempt in range(2):
    try:
        answer = exec(question)
    except QuotetuneError as error:
        print(error)
    else:
        sys.exit("the question was answered")
try:
    Index.open(directory)
except QuotetuneError:
    sys.exit(0)
sys.exit("the index was opened again")
"""


def texts(number: int) -> list[str]:
    return [
        f"The quick brown fox number {i} jumps over the lazy dog number {i * i}."
        for i in range(number)
    ]


def ask(directory: Path, name: str, left: float, question: str) -> None:
    arguments = [directory, name, left, question]
    result = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, (result.returncode, result.stderr)
    for message in result.stdout.splitlines():
        assert message.startswith(f"{directory / name}: damaged (it was cut"), message
        assert "`quotetune verify`" in message
    assert result.stdout.count("\n") == 2


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_notices_a_cut_file(tmp_path: Path, question: str) -> None:
    build_index(texts(1000), tmp_path / "index")
    ask(tmp_path / "index", "segment-00000.text", 0.5, QUESTIONS[question])


# The last hundredth of a small file is only the zeros that fill its last section.
@pytest.mark.parametrize(
    ("size", "left"), [(10, 0), (10, 0.5), (1000, 0), (1000, 0.5), (1000, 0.99)]
)
@pytest.mark.parametrize("structures", ["bloom,suffix", "fuse,lean"])
def test_a_cut_of_any_file_anywhere_is_noticed(
    tmp_path: Path, structures: str, size: int, left: float
) -> None:
    build_index(texts(size), tmp_path / "index", structures=structures.split(","))
    names = {path.name for path in (tmp_path / "index").iterdir()} - {"manifest.json"}
    assert len(names) == 4
    for name in names:
        index = tmp_path / name
        build_index(texts(size), index, structures=structures.split(","))
        ask(index, name, left, QUESTIONS["trace"])


def test_an_unrelated_bus_error_still_ends_the_process(tmp_path: Path) -> None:
    build_index(texts(10), tmp_path / "index")
    (tmp_path / "other").write_bytes(b"x" * 100)
    script = f"""
import mmap, os
from quotetune import Index
index = Index.open({str(tmp_path / "index")!r})
with open({str(tmp_path / "other")!r}, "r+b") as file:
    mapped = mmap.mmap(file.fileno(), 0)
    os.truncate(file.fileno(), 0)
    print(mapped[0])
"""
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == -signal.SIGBUS and result.stdout == ""
