"""The output of a build: the files that it replaces, and those that it leaves alone."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from quotetune import Index, UsageError, build_index

TEXT = "A sentence of more than twenty-five characters."


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_an_existing_index_is_replaced_only_with_overwrite(tmp_path: Path) -> None:
    output = tmp_path / "index"
    before = build_index([TEXT], output)
    with pytest.raises(UsageError, match="--overwrite"):
        build_index([TEXT, TEXT], output)
    assert len(Index.open(output)) == 1
    assert len(build_index([TEXT, TEXT], output, overwrite=True)) == 2
    assert names(tmp_path) == ["index"]
    # An open index still uses the files that it has mapped.
    assert before.count([TEXT]).tolist() == [1]


def test_a_failed_build_keeps_the_index_that_it_was_to_replace(tmp_path: Path) -> None:
    output = tmp_path / "index"
    build_index([TEXT], output)

    def failing() -> Iterator[str]:
        yield TEXT
        raise RuntimeError("the disk of the corpus broke")

    with pytest.raises(RuntimeError, match="broke"):
        build_index(failing(), output, overwrite=True)
    assert len(Index.open(output)) == 1
    assert names(tmp_path) == ["index"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_nothing_that_is_not_an_index_is_ever_replaced(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "diary.txt").write_text("dear diary")
    with pytest.raises(UsageError, match="not an index"):
        build_index([TEXT], tmp_path / "notes", overwrite=overwrite)
    with pytest.raises(UsageError, match="not a directory"):
        build_index([TEXT], tmp_path / "notes" / "diary.txt", overwrite=overwrite)
    (tmp_path / "index.partial").mkdir()
    (tmp_path / "index.partial" / "diary.txt").write_text("dear diary")
    with pytest.raises(UsageError, match="not left by one"):
        build_index([TEXT], tmp_path / "index", overwrite=overwrite)
    assert names(tmp_path) == ["index.partial", "notes"]


def test_an_empty_directory_is_built_into(tmp_path: Path) -> None:
    assert len(build_index([TEXT], tmp_path)) == 1


def test_two_builds_do_not_write_to_one_place(tmp_path: Path) -> None:
    output = tmp_path / "index"

    def documents() -> Iterator[str]:
        yield TEXT
        with pytest.raises(UsageError, match="another build is writing"):
            build_index([TEXT], output)

    assert len(build_index(documents(), output)) == 1


@pytest.mark.parametrize("name", ["partial", "replaced", "old"])
@pytest.mark.parametrize("is_file", [False, True])
def test_a_neighbour_that_no_build_has_left_is_left_alone(
    tmp_path: Path, name: str, is_file: bool
) -> None:
    build_index([TEXT], tmp_path / "index")
    place = tmp_path / f"index.{name}"
    precious = place if is_file else place / "precious"
    precious.parent.mkdir(exist_ok=True)
    precious.write_text("somebody's")
    with pytest.raises(UsageError, match=rf"index\.{name}: in the way of the build"):
        build_index([TEXT, TEXT], tmp_path / "index", overwrite=True)
    assert precious.read_text() == "somebody's"
    assert len(Index.open(tmp_path / "index")) == 1


@pytest.mark.parametrize("name", ["partial", "replaced"])
def test_the_leftovers_of_a_killed_build_do_not_hinder_the_next(tmp_path: Path, name: str) -> None:
    build_index([TEXT], tmp_path / "index")
    shutil.copytree(tmp_path / "index", tmp_path / f"index.{name}")
    (tmp_path / f"index.{name}" / "build.lock").touch()
    build_index([TEXT, TEXT], tmp_path / "index", overwrite=True)
    assert len(Index.open(tmp_path / "index")) == 2
    assert names(tmp_path) == ["index"]


def test_a_link_to_an_index_stays_and_leads_to_the_new_one(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    build_index([TEXT], tmp_path / "disk" / "real")
    (tmp_path / "index").symlink_to(tmp_path / "disk" / "real")
    build_index([TEXT, TEXT], tmp_path / "index", overwrite=True)
    assert (tmp_path / "index").is_symlink()
    assert len(Index.open(tmp_path / "disk" / "real")) == 2
    assert names(tmp_path / "disk") == ["real"]


def test_a_link_that_leads_nowhere_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "index").symlink_to("nowhere")

    def documents() -> Iterator[str]:
        yield TEXT  # the first one decides the kind of the documents
        pytest.fail("work was begun")

    with pytest.raises(UsageError, match="index: is a link that leads nowhere"):
        build_index(documents(), tmp_path / "index")
    assert names(tmp_path) == ["index"]
