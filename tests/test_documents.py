"""The documents for people: their links lead somewhere, and ARCHITECTURE.md has every room."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from quotetune import build_index

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def headings(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    found = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    texts = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in found]
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        place, _, anchor = link.partition("#")
        if "://" in place:
            continue
        target = document.parent / place if place else document
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in headings(target), link


def test_every_room_has_its_section() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    for room in contracts["contracts"][0]["layers"]:
        assert f"[{room}](python/quotetune/{room})" in text
    for room in (ROOT / "rust/core/src").iterdir():
        if room.is_dir():
            assert f"[{room.name}](rust/core/src/{room.name})" in text


@pytest.mark.parametrize("section", re.split(r"\n#+ ", (ROOT / "ARCHITECTURE.md").read_text())[1:])
def test_a_file_that_a_section_names_is_in_its_room(section: str) -> None:
    rooms = [ROOT / link for link in re.findall(r"\]\(((?:python|rust)/[^)]+)\)", section)]
    for name in re.findall(r"`([a-z_]+\.(?:py|rs))`", section):
        assert any(room.is_dir() and any(room.rglob(name)) for room in rooms), name


def python_blocks(document: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", document.read_text(), re.MULTILINE | re.DOTALL)


def test_the_examples_of_the_guide_run_and_give_what_they_say(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/demo").mkdir(parents=True)
    (tmp_path / "data/demo/model").symlink_to(model)
    build_index(["Ice is water that is frozen into a solid state."], "data/demo/index")
    blocks = python_blocks(ROOT / "docs/guide.md")
    said = 0
    for block in blocks:
        names: dict[str, object] = {}
        for part in ast.parse(block).body:
            source = ast.get_source_segment(block, part) or ""
            _, _, expected = block.splitlines()[(part.end_lineno or 0) - 1].partition("  # ")
            if isinstance(part, ast.Expr) and expected:
                assert repr(eval(source, names)) == expected
                said += 1
            else:
                exec(source, names)
    assert len(blocks) == said == 2
