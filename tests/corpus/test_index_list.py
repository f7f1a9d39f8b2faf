"""A `.json` list of indexes: what is wrong in it is told with its line, and it does not change."""

from pathlib import Path

import pytest

from command_line import assert_fails, quotetune
from index_sets import built_parts, exact_answers, write_list
from quotetune import (
    Document,
    Index,
    UsageError,
    add,
    build_index,
    compact,
    merge,
    remove,
)
from quotetune.corpus.index_list import members_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lists")
    parts = [[Document("a", str(at), f"document number {at}", {})] for at in range(3)]
    built_parts(folder, parts)
    write_list(folder / "inner.json", ["part-0"])
    return folder


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('["part-0"\n "part-1"]', ":2: not valid JSON"),
        ("", ":1: not valid JSON"),
        ("[" * 100_000, ":1: not valid JSON .nested too deeply"),
        ("{}", ":1: not a list but {}: give a JSON list of the directories"),
        ('"part-0"', ':1: not a list but "part-0"'),
        ("[]", ":1: an empty list"),
        ('["part-0",\n\n 7]', ":3: 7 is not the path"),
        ('["part-0", [\n"x"], ""]', r':1: \["x"\] is not the path'),
        ('[\n"\\ud800"]', r':2: "\\ud800" is not the path'),
        ('["a\\u0000b"]', r':1: "a\\u0000b" is not the path'),
        ('["part-0",\n"nowhere"]', r":2: \S*/nowhere: no index here .*which is relative to the"),
        ('["part-0",\n"part-1",\n"./part-0"]', r":3: \S*part-0 is named twice, first in line 1"),
        ('["part-0",\n"inner.json"]', r":2: \S*/inner\.json is a list itself"),
    ],
)
def test_what_is_wrong_in_a_list_is_told_with_its_line(
    folder: Path, content: str, problem: str
) -> None:
    path = folder / "bad.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=rf"^{path}{problem}"):
        Index.open(path)


def test_a_list_that_is_no_text_or_too_long_is_told(folder: Path) -> None:
    path = folder / "bad.json"
    path.write_bytes(b'["\xff"]')
    with pytest.raises(UsageError, match=r"bad\.json: cannot be read .*utf-8"):
        members_of(path)
    path.write_text('["' + "x" * (1 << 20) + '"]')
    with pytest.raises(UsageError, match=r"bad\.json: 1,048,580 bytes are no list of indexes"):
        members_of(path)


def test_paths_are_relative_to_the_list(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "good.json"
    path.write_bytes(b'\xef\xbb\xbf [ "part-0" ,\r\n"./part-1","' + bytes(folder) + b'/part-2"]\n')
    expected = [folder / f"part-{at}" for at in range(3)]
    assert members_of(path) == Index.open(path).members == expected
    monkeypatch.chdir("/")
    assert members_of(path) == expected


def test_a_list_does_not_change(folder: Path) -> None:
    path = write_list(folder / "all.json", ["part-0", "part-1"])
    message = r"all\.json: is a list of indexes, which does not change: change one of the indexes"
    with pytest.raises(UsageError, match=message):
        add(path, ["more"])
    with pytest.raises(UsageError, match=message):
        remove(path, "a", ["0"])
    with pytest.raises(UsageError, match=message):
        compact(path)
    assert_fails(quotetune("remove", path, "--source", "a"), 2, "is a list of indexes")
    assert_fails(quotetune("compact", path), 2, "is a list of indexes")
    with pytest.raises(UsageError):
        build_index(["more"], path, overwrite=True)
    assert members_of(path) == [folder / "part-0", folder / "part-1"]


def test_merge_makes_one_index_of_a_list(folder: Path, tmp_path: Path) -> None:
    path = write_list(folder / "all.json", ["part-0", "part-1"])
    merged = merge([path, folder / "part-2"], tmp_path / "merged")
    parts = Index.open([folder / f"part-{at}" for at in range(3)])
    names = list(parts.document_names())
    texts = ["document number 1", "number 2 and document number 0"]
    assert exact_answers(merged, texts, names) == exact_answers(parts, texts, names)
