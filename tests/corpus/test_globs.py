"""Globs of inputs, against Python's `glob` where it can be trusted, and where it cannot."""

import glob
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotetune import UsageError
from quotetune.corpus.inputs import expand_inputs

NAMES = st.sampled_from(["a", "b", "ab", ".h"])
FILES = st.sets(st.tuples(st.lists(NAMES, max_size=3).map(tuple), NAMES), max_size=8)
PARTS = st.lists(st.sampled_from(["*", "**", "a", "a*", "[ab]", "?b", ".*"]), max_size=3)


def found(pattern: Path) -> list[Path]:
    return [file.path for file in expand_inputs([pattern]).files]


@given(FILES, PARTS, st.sampled_from(["*", "*.txt", "a*", "**", "[!a]*.txt", ".h*"]))
def test_a_glob_matches_what_pythons_glob_matches(files, parts, last):
    with TemporaryDirectory() as directory:
        root = Path(directory)
        for folders, name in files:
            path = root.joinpath(*(f"{folder}-" for folder in folders), f"{name}.txt")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("text")
        pattern = root.joinpath(*(part if part == "**" else f"{part}-" for part in parts), last)
        matches = [Path(name) for name in glob.glob(str(pattern), recursive=True)]  # noqa: PTH207
        expected = {path for path in matches if path.is_file()}
        for folder in (path for path in matches if path.is_dir()):
            below = (path for path in folder.rglob("*") if path.is_file())
            expected |= {
                path
                for path in below
                if not any(part.startswith(".") for part in path.relative_to(folder).parts)
            }
        if not glob.has_magic(str(pattern)) or not expected:
            with pytest.raises(UsageError):
                expand_inputs([pattern])
        else:
            assert sorted(found(pattern)) == sorted(expected)


def test_links_that_lead_back_end(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.txt").write_text("text")
    for name in ("one", "two", "a/three"):
        (tmp_path / name).symlink_to(tmp_path)
    inputs = expand_inputs([tmp_path / "**" / "*.txt"])
    assert [file.name for file in inputs.files] == ["a/x"]
    back = inputs.left_out["a link to a folder that contains it"]
    assert back == [tmp_path / "a" / "three", tmp_path / "one", tmp_path / "two"]


def test_a_folder_that_a_glob_cannot_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "x.txt").write_text("text")
    (tmp_path / "shut").mkdir()
    listdir = os.listdir

    def refuse(folder: Path) -> list[str]:
        if Path(folder).name == "shut":
            raise PermissionError(13, "Permission denied", str(folder))
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(UsageError, match=r"shut: cannot be read \(Permission denied\)"):
        expand_inputs([tmp_path / "**" / "*.txt"])
    assert [path.name for path in found(tmp_path / "op*" / "*")] == ["x.txt"]


def test_a_path_that_comes_twice_is_read_once_without_a_notice(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.txt").write_text("text")
    inputs = expand_inputs([tmp_path / "**", tmp_path / "a" / "x.txt"])
    assert [file.path for file in inputs.files] == [tmp_path / "a" / "x.txt"]
    assert not inputs.left_out
