"""Killed at any moment, a change leaves the index that was or the one that was to be."""

import itertools
import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from quotetune import Document, Index, add, build_index, compact, remove
from quotetune.corpus.verify import damaged_files

TRIALS = 12
SEGMENT_BYTES = 40_000


def documents(first: int, count: int) -> list[Document]:
    rng = random.Random(first)
    return [
        Document("a", str(number), " ".join(str(rng.random()) for _ in range(60)), {})
        for number in range(first, first + count)
    ]


OLD = documents(0, 60)
NEW = documents(60, 10)

Change = Callable[[Path], object]
CHANGES: dict[str, tuple[Change, list[Document]]] = {
    "add": (lambda path: add(path, NEW, segment_bytes=SEGMENT_BYTES), OLD + NEW),
    "remove": (
        lambda path: remove(path, "a", ["3", "41"], segment_bytes=SEGMENT_BYTES),
        [document for document in OLD if document.id not in ("3", "41")],
    ),
    "compact": (lambda path: compact(path), OLD),
}


def start(change: Change, path: Path) -> int:
    process = os.fork()
    if process == 0:
        try:
            change(path)
        finally:
            os._exit(0)
    return process


def holds(path: Path, expected: list[Document]) -> bool:
    index = Index.open(path)
    assert damaged_files(path) == []
    if len(index) != len(expected):
        return False
    assert all(index.document(d.source, d.id) == d for d in expected)
    assert (index.quip([document.text for document in expected]) == 1).all()
    assert index.count([document.text for document in expected]).tolist() == [1] * len(expected)
    return True


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("old") / "index"
    build_index(OLD[:50], path, segment_bytes=SEGMENT_BYTES // 4)
    add(path, OLD[50:], segment_bytes=SEGMENT_BYTES)
    return path


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("name", CHANGES)
def test_a_killed_change_is_made_or_not_made(old: Path, tmp_path: Path, name: str) -> None:
    change, after = CHANGES[name]
    whole = tmp_path / "whole"
    shutil.copytree(old, whole)
    before = time.monotonic()
    os.waitpid(start(change, whole), 0)
    seconds = time.monotonic() - before
    assert holds(whole, after)
    rng = random.Random(name)
    half_made = 0
    for trial in itertools.count():
        if trial >= TRIALS and half_made:
            break
        assert trial < 20 * TRIALS, "no kill came in the middle of the change"
        path = tmp_path / f"{trial}"
        shutil.copytree(old, path)
        process = start(change, path)
        time.sleep(rng.uniform(0, seconds))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        half_made += names(path) != named(path)
        made = is_new(path, old)
        # Changes take longer or shorter than the first one did, as other work starts and ends.
        seconds *= 0.9 if made else 1.1
        assert holds(path, after if made else OLD)
        if not made:
            change(path)
            assert holds(path, after)
        else:
            # Nothing that a killed command left stays when the next one is done.
            add(path, documents(100, 1))
        assert names(path) == named(path)


def is_new(path: Path, old: Path) -> bool:
    return (path / "manifest.json").read_bytes() != (old / "manifest.json").read_bytes()


def names(path: Path) -> set[str]:
    return {file.name for file in path.iterdir()} - {"manifest.json", "build.lock"}


def named(path: Path) -> set[str]:
    text = (path / "manifest.json").read_text()
    return {name for name in names(path) if f'"{name}"' in text}


def test_a_reader_that_opens_while_files_are_removed_finds_the_index(
    old: Path, tmp_path: Path
) -> None:
    path = tmp_path / "index"
    shutil.copytree(old, path)
    process = os.fork()
    if process == 0:
        try:
            for number in range(100, 112):
                add(path, documents(number, 1), segment_bytes=SEGMENT_BYTES)
                compact(path)
        finally:
            os._exit(0)
    opened = 0
    while os.waitpid(process, os.WNOHANG) == (0, 0):
        assert len(Index.open(path)) >= len(OLD)
        assert damaged_files(path) == []
        opened += 1
    assert opened > 0 and len(Index.open(path)) == len(OLD) + 12
