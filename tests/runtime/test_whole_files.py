"""Files, directories and links are complete or absent, whenever their writing ends."""

import os
import signal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime.whole_files import (
    RESUME,
    unfinished,
    write_json,
    write_link,
    write_text,
    written,
    written_directory,
    written_file,
)


class StopError(Exception):
    """Ends the writing of a file in a test."""


def write_parquet(path: Path, content: str) -> None:
    with written_file(path) as target:
        pq.write_table(pa.table({"content": [content]}), target)


def write_directory(path: Path, content: str) -> None:
    with written_directory(path, replace=True) as directory:
        (directory / "inner").mkdir()
        (directory / "inner" / "file").write_text(content)


KINDS = {
    "text": (write_text, Path.read_text),
    "JSON": (write_json, lambda path: path.read_text().strip('"\n')),
    "Parquet": (write_parquet, lambda path: pq.read_table(path)["content"][0].as_py()),
    "link": (lambda path, content: write_link(path, Path(content)), os.readlink),
    "directory": (write_directory, lambda path: (path / "inner" / "file").read_text()),
}
EACH_KIND = pytest.mark.parametrize(("write", "read"), KINDS.values(), ids=KINDS)


@EACH_KIND
def test_what_is_written_replaces_what_existed(tmp_path, write, read):
    path = tmp_path / "it"
    for content in ("old", "new"):
        write(path, content)
        assert read(path) == content
        assert list(tmp_path.iterdir()) == [path]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@EACH_KIND
@pytest.mark.parametrize("existed", [False, True], ids=["new", "replaced"])
def test_a_kill_before_the_rename_changes_nothing_and_hinders_nothing(
    tmp_path, write, read, existed
):
    path = tmp_path / "it"
    if existed:
        write(path, "old")
    process = os.fork()
    if process == 0:
        Path.replace = Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        write(path, "killed")
        os._exit(0)
    assert os.waitpid(process, 0)[1] == signal.SIGKILL
    assert {entry.name for entry in tmp_path.iterdir()} == {
        ".it.partial",
        *(["it"] if existed else []),
    }
    assert not existed or read(path) == "old"
    write(path, "new")
    assert read(path) == "new"
    assert list(tmp_path.iterdir()) == [path]


@EACH_KIND
def test_a_rename_that_fails_changes_nothing_and_leaves_nothing(tmp_path, monkeypatch, write, read):
    path = tmp_path / "it"
    write(path, "old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    for name in ("replace", "rename"):
        monkeypatch.setattr(Path, name, fail)
    with pytest.raises(QuotetuneError, match=r"it: cannot be written \(No space left on device\)"):
        write(path, "new")
    assert read(path) == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("existed", [False, True])
@pytest.mark.parametrize("error", [StopError, KeyboardInterrupt, OSError(28, "No space left")])
def test_a_writing_that_fails_changes_nothing_and_leaves_nothing(tmp_path, existed, error):
    path, directory = tmp_path / "file", tmp_path / "directory"
    if existed:
        write_text(path, "old")
        write_directory(directory, "old")
    before = {entry.name for entry in tmp_path.iterdir()}
    expected = QuotetuneError if isinstance(error, OSError) else error
    with pytest.raises(expected), written(path) as file:
        file.write("new")
        raise error
    with pytest.raises(expected), written_directory(directory, replace=True) as made:
        (made / "file").write_text("new")
        raise error
    assert {entry.name for entry in tmp_path.iterdir()} == before
    if existed:
        assert path.read_text() == (directory / "inner" / "file").read_text() == "old"


def test_a_directory_that_is_not_to_be_replaced_is_refused_before_any_work(tmp_path):
    write_directory(tmp_path / "it", "old")
    with pytest.raises(UsageError, match="it: exists already"), written_directory(tmp_path / "it"):
        pytest.fail("it is written")
    assert (tmp_path / "it" / "inner" / "file").read_text() == "old"


def test_the_directories_above_a_new_directory_are_made(tmp_path):
    with written_directory(tmp_path / "a" / "b") as directory:
        (directory / "file").write_text("1")
    assert (tmp_path / "a" / "b" / "file").read_text() == "1"


def test_a_disk_that_is_full_is_one_line_with_the_remedy_of_the_caller(tmp_path):
    with pytest.raises(QuotetuneError) as caught, written_file(tmp_path / "it", remedy=RESUME):
        raise OSError(28, "No space left on device")
    assert str(caught.value) == (
        f"{tmp_path}/it: cannot be written (No space left on device): make room or choose another"
        " run directory, and run the same command again, which resumes from here"
    )


def test_a_leftover_with_the_hidden_name_is_replaced_whatever_it_is(tmp_path):
    path = tmp_path / "it"
    unfinished(path).write_text("a file where a directory is made")
    write_directory(path, "new")
    assert list(tmp_path.iterdir()) == [path]
