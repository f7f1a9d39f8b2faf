"""A build leaves a whole index or nothing, whatever happens to it."""

import itertools
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quotetune import (
    Document,
    Index,
    QuotetuneError,
    UsageError,
    add,
    build_index,
    compact,
    merge,
    remove,
)

TEXT = "A sentence of more than twenty-five characters."


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_what_progress_raises_ends_the_build_and_leaves_nothing(tmp_path: Path) -> None:
    for phase in ("read", "index"):

        def interrupt(now: str, done: int, total: int, phase: str = phase) -> None:
            if now == phase:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            build_index([TEXT], tmp_path / "index", progress=interrupt)
        assert names(tmp_path) == []


def test_progress_tells_bytes_and_reaches_the_total(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"text": f"{TEXT} {n}"}) + "\n" for n in range(1000)))
    calls: list[tuple[str, int, int]] = []
    build_index(corpus, tmp_path / "index", progress=lambda *call: calls.append(call))
    assert calls[0][0] == "read" and calls[-1][0] == "index"
    last_read = [call for call in calls if call[0] == "read"][-1]
    assert last_read == ("read", corpus.stat().st_size, corpus.stat().st_size)
    for _, group in itertools.groupby(calls, key=lambda call: call[0]):
        done = [call[1] for call in group]
        assert done == sorted(done)
    # The filter and the suffix array go through the text, with a byte after each document.
    bytes = sum(len(f"{TEXT} {n}") + 1 for n in range(1000))
    assert calls[-1] == ("index", 2 * bytes, 2 * bytes)


ENDLESS = """
import itertools, sys
from quotetune import build_index
texts = (f"A sentence of more than twenty-five characters, number {n}." for n in itertools.count())
print("started", flush=True)
build_index(texts, sys.argv[1])
"""


def heed_ctrl_c() -> None:
    """Undo what a shell does to the jobs it puts into the background: they ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start_endless_build(output: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(output)],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,
    )
    partial = output.with_name("index.partial") / "segment-00000.text"
    while not (partial.exists() and partial.stat().st_size > 0):
        assert process.poll() is None
        time.sleep(0.02)
    return process


def test_a_killed_build_leaves_no_index_and_does_not_hinder_the_next(tmp_path: Path) -> None:
    process = start_endless_build(tmp_path / "index")
    process.kill()
    process.wait()
    assert names(tmp_path) == ["index.partial"]
    with pytest.raises(QuotetuneError, match="no index here"):
        Index.open(tmp_path / "index")
    assert len(build_index([TEXT], tmp_path / "index")) == 1
    assert names(tmp_path) == ["index"]


def test_ctrl_c_stops_a_build_before_its_end_and_leaves_nothing(tmp_path: Path) -> None:
    process = start_endless_build(tmp_path / "index")
    process.send_signal(signal.SIGINT)
    process.wait()
    # A KeyboardInterrupt that nobody caught: Python dies of the signal itself.
    assert process.returncode == -signal.SIGINT
    assert names(tmp_path) == []


def test_ctrl_c_ends_the_wait_for_standard_input(tmp_path: Path) -> None:
    script = "import sys; from quotetune import build_index; build_index('-', sys.argv[1])"
    command = [sys.executable, "-c", script, str(tmp_path / "index")]
    pipes = {"stdin": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, preexec_fn=heed_ctrl_c) as process:
        while not (tmp_path / "index.partial").exists():
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        process.wait()
        assert process.stderr is not None and b"KeyboardInterrupt" in process.stderr.read()
    assert names(tmp_path) == []


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    script = f"""
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from quotetune import build_index, QuotetuneError
try:
    build_index((f"{TEXT} {{n}}" for n in range(100_000)), {str(tmp_path / "index")!r})
except QuotetuneError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.startswith("cannot write ") and "File too large" in result.stdout
    assert names(tmp_path) == []


def test_a_duplicate_identity_names_both_places(tmp_path: Path) -> None:
    documents = [Document("a", "1", TEXT), Document("a", "2", TEXT), Document("a", "1", "other")]
    with pytest.raises(QuotetuneError, match=r"documents:2: .*'?\"?1.*documents:0.*--id-key"):
        build_index(documents, tmp_path / "index")
    # The boundary between source and id is part of the identity.
    build_index([Document("a", "bc", TEXT), Document("ab", "c", TEXT)], tmp_path / "index")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n is 0"),
        ({"n": 65}, "n is 65"),
        ({"normalization": "lower"}, "squash or none"),
        ({"structures": []}, "no structure"),
        ({"structures": ["trie"]}, "trie"),
        ({"structures": ["bloom", "fuse"]}, "bloom and fuse: choose one"),
        ({"structures": ["fuse"], "bits_per_ngram": 18}, "bits_per_ngram with fuse"),
        ({"structures": "fuse", "fpr": 0.1}, "fpr with fuse"),
        ({"structures": ["fuse", "lean"], "expected_ngrams": 9}, "expected_ngrams with fuse"),
        ({"structures": ["fuse"], "shard": "1/2"}, "shard with fuse"),
        ({"bits_per_ngram": 0.5}, "bits"),
        ({"bits_per_ngram": 16, "fpr": 0.1}, "exclude each other"),
        ({"structures": ["suffix"], "fpr": 0.1}, "add bloom"),
        ({"fpr": 1.5}, "between 0 and 1"),
        ({"threads": 0}, "threads"),
        ({"errors": "ignore"}, "strict, replace or skip"),
        ({"source": "a", "source_key": "b"}, "exclude each other"),
    ],
)
def test_options_that_cannot_work_are_refused_before_any_work(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        build_index([TEXT], tmp_path / "index", **options)  # type: ignore[arg-type]
    assert names(tmp_path) == []


@pytest.mark.parametrize("filter", ["bloom", "fuse"])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_the_files_do_not_depend_on_the_threads(tmp_path: Path, threads: int, filter: str) -> None:
    texts = [f"{TEXT} Number {n % 7} of {n}." for n in range(2000)]

    def files(output: Path, threads: int) -> dict[str, bytes]:
        structures = [filter, "suffix"]
        build_index(texts, output, structures=structures, threads=threads, segment_bytes=40_000)
        return {path.name: path.read_bytes() for path in output.iterdir()}

    assert files(tmp_path / "one", 1) == files(tmp_path / "many", threads)


def test_segments_split_between_documents_at_the_limit(tmp_path: Path) -> None:
    index = build_index(["x" * 60] * 10, tmp_path / "index", segment_bytes=130)
    assert len(list((tmp_path / "index").glob("*.suffix"))) == 5
    assert index.count(["x" * 60]).tolist() == [10]
    assert names(tmp_path) == ["index"]


def test_a_memory_limit_changes_no_answer(tmp_path: Path) -> None:
    rng = random.Random(0)
    texts = ["".join(rng.choices("abcdefgh ", k=20_000)) for _ in range(80)]
    # 1.6 million n-grams at 256 bits: a filter of 51 MB. One of 45 MB fits into the limit.
    options = {"bits_per_ngram": 256, "threads": 1}
    limited = build_index(texts, tmp_path / "limited", memory_limit=256 << 20, **options)
    free = build_index(texts, tmp_path / "free", **options)
    for file in (tmp_path / "free").glob("*.bloom"):
        assert (tmp_path / "limited" / file.name).read_bytes() == file.read_bytes()
    assert limited.trace(texts[3][:500]) == free.trace(texts[3][:500])
    with pytest.raises(UsageError, match=r"memory_limit is 67108864: .* 268,435,456 or more"):
        build_index(texts, tmp_path / "small", memory_limit=64 << 20)


def test_progress_is_that_of_all_parts_of_a_filter(tmp_path: Path) -> None:
    rng = random.Random(0)
    texts = ["".join(rng.choices("abcdefgh ", k=20_000)) for _ in range(80)]
    calls: list[tuple[int, int]] = []

    def note(phase: str, done: int, total: int) -> None:
        if phase == "index":
            calls.append((done, total))

    # 51 MB of filter in two parts, as above.
    options: dict[str, Any] = {"threads": 1, "memory_limit": 256 << 20, "progress": note}
    build_index(texts, tmp_path / "index", structures="bloom", bits_per_ngram=256, **options)
    size = sum(len(" ".join(text.split())) + 1 for text in texts)
    assert calls[-1] == (2 * size, 2 * size)
    assert [call for call in calls if call[1] not in (0, 2 * size)] == []
    assert calls == sorted(calls)


def test_progress_of_a_change_reaches_its_total(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []

    def note(phase: str, done: int, total: int) -> None:
        if phase == "index":
            calls.append((done, total))

    path, options = tmp_path / "index", {"segment_bytes": 400, "progress": note}
    build_index([f"{TEXT} {n}" for n in range(30)], path, **options)
    changes: list[Callable[[], object]] = [
        lambda: add(path, [f"{TEXT} and {n}" for n in range(9)], source="more", **options),
        lambda: remove(path, "documents", ["3", "4"], **options),
        lambda: compact(path, progress=note),
        lambda: merge([path], tmp_path / "merged", progress=note),
    ]
    for change in changes:
        calls.clear()
        change()
        assert calls[-1][0] == calls[-1][1], calls
        assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    calls.clear()
    build_index([TEXT], tmp_path / "fuse", structures="fuse", progress=note)
    assert calls[-1] == (len(TEXT) + 1, len(TEXT) + 1)


def test_a_memory_limit_changes_no_byte_of_an_index_that_changes(tmp_path: Path) -> None:
    rng = random.Random(0)
    texts = ["".join(rng.choices("abcdefgh ", k=20_000)) for _ in range(80)]
    new, path = Document("new", "1", texts[-1] * 2), tmp_path / "index"
    for limit, name in ((256 << 20, "limited"), (None, "free")):
        # The filter, of 51 MB, is filled anew by each change; what fits into the limit is 45 MB.
        build_index(texts, path, bits_per_ngram=256, threads=1, segment_bytes=500_000)
        limits = {"memory_limit": limit, "threads": 1}
        index = add(path, [new], **limits)
        assert index.count([texts[-1]]).tolist() == [3]
        remove(path, "documents", ["3"], **limits)
        index = compact(path, **limits)
        assert index.count([texts[-1], texts[3]]).tolist() == [3, 0]
        path.rename(tmp_path / name)
    for file in (tmp_path / "free").iterdir():
        assert (tmp_path / "limited" / file.name).read_bytes() == file.read_bytes()


def test_a_change_within_a_memory_limit_writes_smaller_segments(tmp_path: Path) -> None:
    rng = random.Random(0)
    texts = ["".join(rng.choices("abcdefgh ", k=20_000)) for _ in range(40)]
    index = build_index(texts, tmp_path / "index", structures=["lean"])
    assert len(list((tmp_path / "index").glob("*.suffix"))) == 1
    # Of the 128 MiB beside what there is anyway, half is for sorting, 175 kB for each thread.
    remove(index.path, "documents", ["0"], memory_limit=256 << 20, threads=64)
    assert len(list((tmp_path / "index").glob("*.suffix"))) >= 4
    compact(index.path)
    assert len(list((tmp_path / "index").glob("*.suffix"))) == 1


def test_changes_know_the_memory_limit(tmp_path: Path) -> None:
    path = tmp_path / "index"
    build_index(["a document"], path)
    too_little = {"memory_limit": 64 << 20}
    changes: list[Callable[[], object]] = [
        lambda: add(path, ["another document"], source="more", **too_little),
        lambda: remove(path, "documents", **too_little),
        lambda: merge([path], tmp_path / "merged", **too_little),
        lambda: compact(path, **too_little),
    ]
    for change in changes:
        with pytest.raises(UsageError, match=r"memory_limit is 67108864: .* 268,435,456 or more"):
            change()
    assert names(tmp_path) == ["index"]
