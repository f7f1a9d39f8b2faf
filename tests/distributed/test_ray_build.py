"""A build on a Ray cluster of several nodes is the single build, whatever dies in between."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from quotetune import Index, QuotetuneError, QuotetuneWarning, UsageError, build_index, merge
from quotetune.corpus.verify import damaged_files
from quotetune.distributed.build import build_on_ray
from quotetune.distributed.plan import parts_of
from ray_nodes import local_cluster

WORDS = [
    *("quick", "brown", "fox", "jumps", "over", "lazy", "dogs", "while"),
    *("seven", "wizards", "mix", "jugs", "of", "strong", "liquid"),
]
UNKNOWN = " but nobody wrote this anywhere"
QUERIES = ["line 7 of file 1", "quick brown fox jumps", "no such words at all", "é漢 strong liquid"]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("nodes")
    with local_cluster([folder / "one", folder / "two"]) as cluster:
        yield cluster


def corpus(directory: Path, lines: int = 300) -> Path:
    """Three files of lines without ids, a text file and blank lines."""
    directory.mkdir(parents=True)
    for file in range(3):
        records = [
            json.dumps({"text": f"line {n} of file {file} {text(n * 7 + file)}", "kind": n % 3})
            for n in range(lines)
        ]
        (directory / f"{file}.jsonl").write_text("\n\n".join(records), encoding="utf-8")
    (directory / "note.txt").write_text("A text of its own, é漢 strong liquid.", encoding="utf-8")
    return directory


def text(seed: int) -> str:
    return " ".join(WORDS[(seed * k + k * k) % len(WORDS)] for k in range(1, 12))


def answers(index: Index) -> list[object]:
    return [
        list(index.documents()),
        index.count(QUERIES).tolist(),
        index.trace(QUERIES, min_chars=3, max_documents=4),
        index.quip([text(3), text(8) + UNKNOWN, UNKNOWN * 2], exact=True).tolist(),
    ]


def test_a_build_on_two_nodes_is_the_single_build(cluster: Any, tmp_path: Path):
    files = corpus(tmp_path / "corpus")
    single = build_index(files, tmp_path / "single", meta_keys="kind")
    reports: list[tuple[str, int, int]] = []
    documents = build_on_ray(
        [files],
        tmp_path / "index",
        address=cluster.address,
        shards=5,
        meta_keys=["kind"],
        progress=lambda *report: reports.append(report),
    )
    built = Index.open(tmp_path / "index")
    assert answers(built) == answers(single)
    assert documents == len(built) == 901
    assert damaged_files(tmp_path / "index") == []
    assert not parts_of(tmp_path / "index").exists()
    size = sum(path.stat().st_size for path in files.iterdir())
    assert [report for report in reports if report[0] == "shards"][-1] == ("shards", size, size)
    assert any(phase == "index" for phase, _, _ in reports)
    counts = [
        json.loads((tmp_path / name / "manifest.json").read_text())["counts"]
        for name in ("single", "index")
    ]
    assert counts[0] == counts[1]


def test_the_filters_of_the_shards_become_the_filter_of_the_single_build(
    cluster: Any, tmp_path: Path
):
    files = corpus(tmp_path / "corpus", 40)
    build_index(files, tmp_path / "single", expected_ngrams=50_000)
    options = {"address": cluster.address, "shards": 3}
    build_on_ray([files], tmp_path / "index", **options, expected_ngrams=50_000)
    [theirs], [ours] = ((tmp_path / name).glob("*.bloom") for name in ("single", "index"))
    assert ours.read_bytes() == theirs.read_bytes()


def test_the_filter_of_many_shards_is_filled_in_stretches_and_only_once(
    cluster: Any, tmp_path: Path
):
    files = corpus(tmp_path / "corpus", 40)
    output, room = tmp_path / "index", 50_000
    options = {"address": cluster.address, "shards": 10, "expected_ngrams": room}

    def stop(phase: str, done: int, total: int) -> None:
        if phase == "filter" and done >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_on_ray([files], output, **options, progress=stop)
    parts = parts_of(output)
    shards = [Index.open(path) for path in sorted(parts.glob("shard-*-of-00010"))]
    assert [shard.structures for shard in shards] == [["suffix"]] * 10
    kept = {path: path.stat().st_mtime_ns for path in parts.glob("filter-*")}
    assert len(kept) >= 3
    seen: dict[Path, int] = {}

    def look(phase: str, done: int, total: int) -> None:
        if phase == "index":
            seen.update({path: path.stat().st_mtime_ns for path in kept if path.exists()})

    build_on_ray([files], output, **options, progress=look)
    assert seen == kept
    single = build_index(files, tmp_path / "single", expected_ngrams=room)
    assert answers(Index.open(output)) == answers(single)
    [theirs], [ours] = ((tmp_path / name).glob("*.bloom") for name in ("single", "index"))
    assert ours.read_bytes() == theirs.read_bytes()
    assert damaged_files(output) == []
    assert not parts.exists()


@pytest.mark.slow
def test_the_room_that_is_estimated_keeps_the_rate(cluster: Any, tmp_path: Path):
    files = corpus(tmp_path / "corpus")
    single = build_index(files, tmp_path / "single", fpr=0.01)
    build_on_ray([files], tmp_path / "index", address=cluster.address, shards=3, fpr=0.01)
    assert Index.open(tmp_path / "index").fpr <= 0.01
    [theirs], [ours] = ((tmp_path / name).glob("*.bloom") for name in ("single", "index"))
    # A filter that was too small would be filled again, and have the size of the single build.
    assert theirs.stat().st_size < ours.stat().st_size < 1.2 * theirs.stat().st_size
    assert len(single) == 901


def test_a_list_keeps_the_shards_and_shares_the_rate(cluster: Any, tmp_path: Path):
    files = corpus(tmp_path / "corpus")
    output = tmp_path / "set.json"
    build_on_ray([files], output, address=cluster.address, shards=3)
    names = json.loads(output.read_text())
    assert names == [f"set.parts/shard-0000{number}-of-00003" for number in (1, 2, 3)]
    parts = [Index.open(tmp_path / name) for name in names]
    single = build_index(files, tmp_path / "single")
    together = [document for part in parts for document in part.documents()]
    assert together == list(single.documents())
    assert sum(part.fpr for part in parts) <= 0.001


@pytest.mark.slow
def test_a_second_call_builds_only_what_is_missing(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    files = corpus(tmp_path / "corpus")
    output = tmp_path / "index"

    def stop(phase: str, done: int, total: int) -> None:
        finished = list(parts_of(output).glob("shard-*-of-00004"))
        if phase == "shards" and len(finished) >= 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_on_ray([files], output, address=cluster.address, shards=4, progress=stop)
    parts = parts_of(output)
    kept = {path: path.stat().st_mtime_ns for path in parts.glob("shard-*-of-00004/manifest.json")}
    assert len(kept) >= 2
    assert not output.exists()
    seen: dict[Path, int] = {}

    def look(phase: str, done: int, total: int) -> None:
        if phase != "shards":
            seen.update({path: path.stat().st_mtime_ns for path in kept if path.exists()})

    build_on_ray([files], output, address=cluster.address, progress=look)
    assert seen == kept
    assert answers(Index.open(output)) == answers(build_index(files, tmp_path / "single"))


@pytest.mark.slow
def test_a_plan_of_other_options_or_files_is_refused(cluster: Any, tmp_path: Path):
    files = corpus(tmp_path / "corpus", 5)
    output = tmp_path / "index"

    def build(**options: Any) -> None:
        build_on_ray([files], output, address=cluster.address, **options)

    def stop(phase: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(shards=2, n=20, progress=stop)
    with pytest.raises(UsageError, match=r"index\.parts: is of a build with other n: "):
        build(n=21)
    with pytest.raises(UsageError, match="with other shards: "):
        build(n=20, shards=3)
    with (files / "0.jsonl").open("a") as file:
        file.write('\n{"text": "one more"}')
    with pytest.raises(UsageError, match="with other files: "):
        build(n=20)


def test_a_bad_record_is_the_same_error_as_in_a_single_build(cluster: Any, tmp_path: Path):
    files = corpus(tmp_path / "corpus", 5)
    with (files / "1.jsonl").open("a") as file:
        file.write('\n{"text": 7}\n')
    with pytest.raises(QuotetuneError) as single:
        build_index(files, tmp_path / "single")
    with pytest.raises(QuotetuneError) as ours:
        build_on_ray([files], tmp_path / "index", address=cluster.address, shards=3)
    assert str(ours.value) == str(single.value)
    assert not (tmp_path / "index").exists()


@pytest.mark.slow
def test_records_that_are_left_out_are_added_up(cluster: Any, tmp_path: Path):
    files = corpus(tmp_path / "corpus", 40)
    for name in ("0", "2"):
        with (files / f"{name}.jsonl").open("a") as file:
            file.write('\n{"text": 7}\n')
    with pytest.warns(QuotetuneWarning) as single:
        build_index(files, tmp_path / "single", errors="skip", meta_keys=["kind", "titel"])
    with pytest.warns(QuotetuneWarning) as ours:
        build_on_ray(
            [files],
            tmp_path / "index",
            address=cluster.address,
            shards=3,
            errors="skip",
            meta_keys=["kind", "titel"],
        )
    shown = [{str(notice.message) for notice in notices} for notices in (single, ours)]
    assert shown[0] == shown[1]
    assert len(shown[0]) == 2


@pytest.mark.slow
def test_a_metadata_key_that_no_document_has_is_an_error(cluster: Any, tmp_path: Path):
    files = corpus(tmp_path / "corpus", 5)
    with pytest.raises(QuotetuneError, match="no document has the metadata key 'titel'"):
        build_on_ray(
            [files], tmp_path / "index", address=cluster.address, shards=2, meta_keys=["titel"]
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 64}, "threads is 64: no node has so many cores"),
        ({"shards": 0}, "shards is 0"),
        ({"duplicates": "first"}, "--duplicates first"),
        ({"structures": ["fuse", "suffix"]}, "fuse"),
        ({"n": 0}, "n is 0"),
    ],
)
def test_options_are_refused_before_any_task(
    cluster: Any, tmp_path: Path, options: dict[str, Any], message: str
):
    files = corpus(tmp_path / "corpus", 5)
    with pytest.raises(UsageError, match=message):
        build_on_ray([files], tmp_path / "index", address=cluster.address, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["corpus"]


@pytest.mark.slow
def test_an_output_that_exists_is_kept(cluster: Any, tmp_path: Path):
    files = corpus(tmp_path / "corpus", 5)
    build_index(["an older text"], tmp_path / "index")
    with pytest.raises(UsageError, match="exists already"):
        build_on_ray([files], tmp_path / "index", address=cluster.address)
    build_on_ray([files], tmp_path / "index", address=cluster.address, shards=2, overwrite=True)
    assert len(Index.open(tmp_path / "index")) == 16


def test_a_directory_of_something_else_is_not_taken_for_the_parts(cluster: Any, tmp_path: Path):
    files = corpus(tmp_path / "corpus", 5)
    other = tmp_path / "index.parts" / "thesis.txt"
    other.parent.mkdir()
    other.write_text("years of work")
    with pytest.raises(UsageError, match=r"index\.parts: cannot be made"):
        build_on_ray([files], tmp_path / "index", address=cluster.address)
    assert other.exists()


def stopped_in_mid_build(parts: Path, name: str) -> tuple[int, str] | None:
    """Stop a process of a node that has begun a shard; return it and the shard, if there is one."""
    for attempt in parts.glob(f".shard-*.{name} *"):
        process, shard = int(attempt.name.rpartition(".")[2]), attempt.name.split(".")[1]
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGSTOP)
            # While it stands still, this stays as it is.
            if (attempt / "index.partial").exists() or list(attempt.glob("*partial*")):
                return process, shard
            os.kill(process, signal.SIGCONT)
    return None


def kill_in_mid_build(cluster: Any, parts: Path, name: str, run: Callable[[], None]) -> str | None:
    """Run a build; kill all of a node when it works on a shard. Return that shard."""
    errors: list[BaseException] = []

    def work() -> None:
        try:
            run()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    found = None
    while thread.is_alive() and found is None:
        found = stopped_in_mid_build(parts, name)
        time.sleep(0.005)
    if found is not None:
        # The processes of a node outlive its raylet by moments, in which they could finish.
        os.kill(found[0], signal.SIGKILL)
        cluster.remove_node(cluster.by_name[name], allow_graceful=False)
    thread.join()
    assert errors == []
    return found and found[1]


@pytest.mark.slow
def test_a_node_that_is_killed_in_mid_build_changes_nothing(tmp_path: Path):
    files = corpus(tmp_path / "corpus", 20_000)
    folders = [tmp_path / name for name in ("one", "two", "three")]
    output = tmp_path / "set.json"
    with local_cluster(folders) as cluster:

        def build() -> None:
            build_on_ray([files], output, address=cluster.address, shards=6)

        shard = kill_in_mid_build(cluster, parts_of(output), "node-2", build)
    assert shard is not None
    parts = [tmp_path / name for name in json.loads(output.read_text())]
    result = json.loads((parts_of(output) / f"{shard}.json").read_text())
    assert not result["node"].startswith("node-2")
    merged = merge(parts, tmp_path / "merged")
    assert answers(merged) == answers(build_index(files, tmp_path / "single"))
    assert list(parts_of(output).glob(".shard-*")) == []
