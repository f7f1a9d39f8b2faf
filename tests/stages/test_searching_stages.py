"""A stage that retrieves documents is made again when its corpus is searched in another way."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quotetune import Document, build_index
from quotetune.config import Config
from quotetune.prompts import retrieval
from quotetune.stages import all_stages

CONTENT: dict[str, Any] = {"model": {"path": "m"}, "prompts": {"path": "p"}}
CITED = ["evaluation/base/citations", "evaluation/round-1/citations"]


def settings(config: Config) -> dict[str, dict[str, Any]]:
    """The settings in the fingerprint of each stage, without the inputs that do not exist yet."""
    return {
        stage.name: replace(
            stage, inputs={name: path for name, path in stage.inputs.items() if name == "index"}
        ).fingerprint()["settings"]
        for stage in all_stages(config)
    }


@pytest.mark.parametrize(
    ("keys", "searching"),
    [
        ({}, []),
        ({"sampling": {"guide": {"documents": "corpus"}}}, []),
        ({"sampling": {"guide": {"documents": {"retrieved": 1}}}}, ["round-1/sample"]),
        ({"prompts": {"path": "p", "context": {"source": "documents"}}}, []),
        ({"prompts": {"path": "p", "context": {"source": "bm25"}}}, ["prompts"]),
        ({"pairs": {"citations": {"most": 1}}}, CITED),
    ],
)
def test_only_a_stage_that_retrieves_has_the_engine_of_a_large_corpus_in_its_settings(
    keys: dict[str, Any], searching: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = build_index([Document("s", "a", "Ice melts into water. " * 9)], tmp_path / "index")
    config = Config.model_validate(
        {**CONTENT, **keys, "run": tmp_path / "run", "index": index.path}
    )
    small = settings(config)
    assert not [name for name, own in small.items() if "search" in own]
    monkeypatch.setattr(retrieval, "LARGE_NGRAMS", 1)
    large = settings(config)
    assert [name for name in large if large[name] != small[name]] == searching
    assert all(large[name] == {**small[name], "search": "tantivy"} for name in searching)
