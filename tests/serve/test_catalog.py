"""A list of indexes that the server has: a change of a member and of the list is noticed."""

import shutil
from pathlib import Path

import pytest

from http_server import serving
from index_sets import built_parts, write_list
from quotetune import Document, Index, QuotetuneError, add, build_index
from quotetune.corpus.index_hash import index_hash
from quotetune.serve.catalog import Catalog
from quotetune.serve.run_catalog import IndexHashes


def documents(*names: str) -> list[Document]:
    return [Document("fruit", name, f"a {name} is a fruit") for name in names]


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    built_parts(
        tmp_path, [documents("apple"), documents("banana", "cherry"), documents("date")], n=5
    )
    return write_list(tmp_path / "all.json", ["part-0", "part-1"])


def test_a_member_that_changes_is_opened_anew(listed: Path) -> None:
    catalog = Catalog({"fruit": str(listed)})
    before = catalog["fruit"]
    assert catalog["fruit"] is before and len(before) == 3
    add(listed.parent / "part-1", documents("elderberry"))
    assert len(catalog["fruit"]) == 4 and len(before) == 3
    build_index(documents("fig"), listed.parent / "part-0", n=5, overwrite=True)
    assert [one.id for one in catalog["fruit"].documents()] == [
        "fig",
        "banana",
        "cherry",
        "elderberry",
    ]


def test_a_list_that_changes_is_read_anew_even_if_a_former_member_is_gone(listed: Path) -> None:
    catalog = Catalog({"fruit": str(listed)})
    write_list(listed, ["part-2", "part-0"])
    shutil.rmtree(listed.parent / "part-1")
    assert [one.id for one in catalog["fruit"].documents()] == ["date", "apple"]


def test_a_list_that_is_broken_is_told_once_and_the_former_one_answers(
    listed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog = Catalog({"fruit": str(listed)})
    listed.write_text('["part-0",\n"part-9"]')
    assert len(catalog["fruit"]) == len(catalog["fruit"]) == 3
    warning = capsys.readouterr().err
    assert warning.count("warning: ") == 1 and f"{listed}:2: " in warning
    shutil.copytree(listed.parent / "part-2", listed.parent / "part-9")
    assert len(catalog["fruit"]) == 2


def test_a_member_that_is_missing_for_a_moment_changes_nothing(listed: Path) -> None:
    catalog = Catalog({"fruit": str(listed)})
    (listed.parent / "part-1").rename(listed.parent / "away")
    assert len(catalog["fruit"]) == 3
    (listed.parent / "away").rename(listed.parent / "part-1")
    assert len(catalog["fruit"]) == 3


def test_a_list_cannot_be_served_if_its_indexes_differ(listed: Path) -> None:
    build_index(documents("fig"), listed.parent / "part-0", n=6, overwrite=True)
    with pytest.raises(QuotetuneError, match=r"part-1: has n 5, but \S*part-0 has n 6"):
        Catalog({"fruit": str(listed)})


def test_a_run_finds_the_list_that_it_was_measured_with(listed: Path) -> None:
    hashes = IndexHashes(Catalog({"one": str(listed.parent / "part-0"), "all": str(listed)}))
    found = hashes.find(index_hash(listed))
    assert found is not None and found[0] == "all"
    add(listed.parent / "part-1", documents("elderberry"))
    assert hashes.find(index_hash(listed)) is not None


def test_the_server_answers_from_all_indexes_of_a_list(tmp_path: Path, listed: Path) -> None:
    text = "here a cherry is a fruit, and an apple is a fruit, too"
    with serving(tmp_path, f"fruit={listed}") as server:
        [found] = server.post("/trace", {"texts": [text]}).json["results"]
        expected = [quote.to_dict() for quote in Index.open(listed).trace(text)]
        assert found["quotes"] == expected and len(expected) == 2
        [described] = server.get("/indexes").json["indexes"]
        assert described["name"] == "fruit" and described["documents"] == 3
