"""A run whose index is a list of indexes."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import tiny_run
from index_sets import built_parts, write_list
from quotetune import Document, Index, add, build_index
from quotetune.config import Config
from quotetune.corpus.index_hash import index_hash
from quotetune.pipeline.preflight.index import open_index
from quotetune.runs.stage import inspect
from quotetune.stages import all_stages

TABLES = (
    "round-1/scores/scores.parquet",
    "evaluation/base/metrics/responses.parquet",
    "evaluation/base/metrics/best_of_n_on_topic.parquet",
    "evaluation/round-1/metrics/responses.parquet",
)


@pytest.fixture(scope="module")
def configs(tmp_path_factory: Any, without_children: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same run with one index and with a list, both finished."""
    folder = tmp_path_factory.mktemp("runs")
    single = tiny_run.write_inputs(folder)
    documents = list(Index.open(single["index"]).documents())
    options: dict[str, Any] = {"n": 2, "structures": "suffix"}
    build_index(documents, single["index"], overwrite=True, **options)
    built_parts(folder, [documents[:30], documents[30:31], documents[31:]], **options)
    path = write_list(folder / "all.json", ["part-0", "part-1", "part-2"])
    listed = {**single, "index": str(path), "run": str(folder / "run-of-list")}
    for config in (single, listed):
        tiny_run.run(config)
    return single, listed


def test_scores_and_metrics_are_those_of_a_run_with_one_index(
    configs: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    single, listed = (Path(config["run"]) for config in configs)
    for name in TABLES:
        theirs = pq.read_table(single / name)
        assert theirs.num_rows and pq.read_table(listed / name) == theirs
    for policy in ("base", "round-1"):
        metrics = Path("evaluation", policy, "metrics", "metrics.json")
        assert (listed / metrics).read_text() == (single / metrics).read_text()
    assert (listed / "report.html").exists()


def test_a_change_of_a_member_makes_the_stages_that_read_the_index_stale(
    configs: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    config = Config.model_validate(configs[1])
    manifest = json.loads((config.run / "round-1" / "scores" / "stage.json").read_text())
    assert manifest["inputs"]["index"] == index_hash(config.index)
    stages = [stage for stage in all_stages(config) if "index" in stage.inputs]
    assert stages and all(inspect(stage).state == "done" for stage in stages)
    add(config.index.parent / "part-1", [{"text": "more", "id": "more"}])
    for stage in stages:
        assert inspect(stage).state == "stale"
        assert "index has changed" in inspect(stage).reasons


def test_the_check_of_a_run_finds_a_document_of_two_indexes(tmp_path: Path) -> None:
    parts = [[Document("documents", "0", text)] for text in ("a text", "another text")]
    built_parts(tmp_path, parts)
    index, [problem] = open_index(write_list(tmp_path / "all.json", ["part-0", "part-1"]))
    assert index is None and 'document "0" of source "documents" is also in' in str(problem)
