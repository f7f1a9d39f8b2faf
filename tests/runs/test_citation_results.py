"""The citations of a run's policies are one block of its metrics, and one table."""

import json

from quotetune.config import Config
from quotetune.report.results_section import other_tables
from quotetune.runs.citations_json import CITATIONS_NOTE, citation_cells, collect_citations
from quotetune.runs.layout import Layout

WAY = {
    "cited": 0.5,
    "valid": 1.0,
    "hits_at_1_trace": 0.25,
    "hits_at_k_trace": 0.75,
    "hits_at_1_gold": None,
    "hits_at_k_gold": None,
}
ROW = {"responses": 4, "quoting": 4, "with_gold": 0, "plain": WAY, "constrained": None}


def layout(run, **pairs):
    blocks = {"run": run, "index": "i", "model": {"path": "m"}, "prompts": {"path": "p"}}
    return Layout(Config.model_validate({**blocks, "pairs": pairs}))


def test_a_run_has_a_row_for_each_policy_and_a_line_for_each_way(tmp_path):
    rows = {
        name: {**ROW, "responses": number, "traced": WAY}
        for number, name in enumerate(["base", "round-1"])
    }
    for name, row in rows.items():
        directory = tmp_path / "evaluation" / name / "citations"
        directory.mkdir(parents=True)
        (directory / "citations.json").write_text(json.dumps(row))
    names = ["base", "round-1"]
    found = collect_citations(layout(tmp_path, citations={"most": 2}), names)["citations"]
    assert found == {"k": 2, "rows": rows}
    head, *lines = citation_cells(found)
    assert (head[1], head[-1]) == ("with an id", "Hits@2 gold")
    assert [line[0] for line in lines] == [
        f"{name}, {way}" for name in ("base", "round 1") for way in ("plain", "traced")
    ]
    assert lines[0][1:] == ["50.0%", "100.0%", "25.0%", "75.0%", "-", "-"]
    [table] = other_tables({"citations": found})
    assert table["caption"] == CITATIONS_NOTE
    assert table["head"] == head[1:]
    assert table["lines"] == [(name, values) for name, *values in lines]


def test_a_run_without_ids_has_none(tmp_path):
    assert collect_citations(layout(tmp_path), ["round-1"]) == {}
