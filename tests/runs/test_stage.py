"""A stage is done once, again when what it reads has changed, and resumes after an interruption."""

import json

import pytest

from quotetune.errors import QuotetuneError
from quotetune.pipeline.run import plan
from quotetune.runs.stage import MANIFEST, Stage, complete, inspect
from quotetune.runtime.content_hash import content_hash


class InterruptionError(Exception):
    pass


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.txt"
    path.write_text("abc")
    return path


def copying_stage(source, calls, *, settings=None, interrupt=False, name="copy"):
    """Copies its input character by character, a file each; can be interrupted half-way."""

    def make(result):
        calls.append(name)
        result.mkdir(exist_ok=True)
        text = source.read_text()
        for number, character in enumerate(text):
            if interrupt and number == len(text) // 2:
                raise InterruptionError
            path = result / str(number)
            if not path.exists():
                calls.append(character)
                path.write_text(character)

    return Stage(name, source.parent / "copies", settings or {"a.b": 1}, {"source": source}, make)


def test_a_stage_that_is_done_says_so_and_its_directory_is_complete(source):
    stage = copying_stage(source, [])
    assert inspect(stage).state == "new"
    complete(stage)
    assert inspect(stage).state == "done"
    assert {path.name for path in stage.directory.iterdir()} == {"0", "1", "2", MANIFEST}
    assert not stage.partial.exists()
    manifest = json.loads((stage.directory / MANIFEST).read_text())
    assert manifest["settings"] == {"a.b": 1}
    assert manifest["inputs"] == {"source": content_hash(source)}
    assert manifest["packages"]["python"]


def test_interrupted_work_is_resumed_and_repeats_nothing(source):
    calls = []
    with pytest.raises(InterruptionError):
        complete(copying_stage(source, calls, interrupt=True))
    stage = copying_stage(source, calls)
    assert not stage.directory.exists()
    assert inspect(stage).state == "partial"
    complete(stage)
    assert calls == ["copy", "a", "copy", "b", "c"]


@pytest.mark.parametrize("change", ["setting", "input"])
def test_interrupted_work_of_something_else_is_discarded(source, change):
    calls = []
    with pytest.raises(InterruptionError):
        complete(copying_stage(source, calls, interrupt=True))
    if change == "input":
        source.write_text("xyz")
    calls.clear()
    stage = copying_stage(source, calls, settings={"a.b": 2} if change == "setting" else None)
    assert inspect(stage).state == "stale"
    complete(stage)
    assert calls == ["copy", *source.read_text()]


def test_a_stale_stage_says_what_has_changed_and_is_replaced(source):
    complete(copying_stage(source, []))
    source.write_text("x")
    stage = copying_stage(source, [], settings={"a.b": 2, "a.c": "new"})
    status = inspect(stage)
    assert status.state == "stale"
    assert status.reasons == ("a.b 1 -> 2", 'a.c null -> "new"', "source has changed")
    complete(stage)
    assert {path.name for path in stage.directory.iterdir()} == {"0", MANIFEST}


def test_other_package_versions_are_noted_and_nothing_is_done_again(source):
    stage = copying_stage(source, [])
    complete(stage)
    path = stage.directory / MANIFEST
    manifest = json.loads(path.read_text())
    manifest["packages"]["numpy"] = "0.1"
    path.write_text(json.dumps(manifest))
    status = inspect(stage)
    assert status.state == "done"
    assert status.reasons[0].startswith("made with numpy 0.1, and ")


def test_another_format_of_the_manifest_makes_a_stage_stale(source):
    stage = copying_stage(source, [])
    complete(stage)
    path = stage.directory / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 0}))
    assert inspect(stage).reasons == ("another version of quotetune made it",)


def test_a_stage_that_was_killed_between_its_end_and_the_rename_is_not_done_again(source):
    calls = []
    stage = copying_stage(source, calls)
    complete(stage)
    stage.partial.mkdir()
    manifest = json.loads((stage.directory / MANIFEST).read_text())
    (stage.partial / MANIFEST).write_text(json.dumps(manifest))
    stage.directory.rename(stage.partial / "result")
    calls.clear()
    complete(stage)
    assert calls == []
    assert inspect(stage).state == "done"


def test_a_disk_that_is_full_is_an_error_with_a_remedy(source):
    def make(result):
        raise OSError(28, "No space left on device", str(result / "0"))

    stage = Stage("copy", source.parent / "copies", {}, {"source": source}, make)
    with pytest.raises(QuotetuneError, match=r"copy: .*/0: No space left on device: make room"):
        complete(stage)
    assert not stage.directory.exists()


def test_the_plan_leaves_open_what_depends_on_a_stage_that_is_made_again(source):
    first = copying_stage(source, [])
    second = Stage("next", source.parent / "next", {}, {"x": first.directory / "0"}, first.make)
    third = Stage("last", source.parent / "last", {}, {"x": second.directory}, first.make)
    assert [entry.todo for entry in plan([first, second, third])] == [True, True, True]
    complete(first)
    complete(second)
    assert [entry.todo for entry in plan([first, second, third])] == [False, False, True]
    source.write_text("ayz")
    assert [entry.todo for entry in plan([first, second, third])] == [True, None, True]
    complete(first)  # its file 0 is the same as before
    assert [entry.todo for entry in plan([first, second])] == [False, False]


def test_the_hash_of_a_directory_is_that_of_its_files_and_their_names(tmp_path):
    (tmp_path / "a" / "inner").mkdir(parents=True)
    (tmp_path / "a" / "inner" / "x").write_text("1")
    before = content_hash(tmp_path / "a")
    (tmp_path / "a" / "inner" / "x").rename(tmp_path / "a" / "inner" / "y")
    renamed = content_hash(tmp_path / "a")
    (tmp_path / "a" / "inner" / "y").write_text("2")
    assert len({before, renamed, content_hash(tmp_path / "a")}) == 3
    assert content_hash(tmp_path / "nothing") is None


@pytest.mark.parametrize("place", [0, 40 << 20, (80 << 20) - 1])
def test_the_hash_of_a_large_file_sees_its_start_middle_end_and_size(tmp_path, place):
    path = tmp_path / "weights"
    with path.open("wb") as file:
        file.truncate(80 << 20)
    before = content_hash(path)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"x")
    changed = content_hash(path)
    with path.open("r+b") as file:
        file.truncate((80 << 20) + 1)
    assert len({before, changed, content_hash(path)}) == 3
