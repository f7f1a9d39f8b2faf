"""A dataset of Ray Data is scored by a pool of actors, as docs/scale.md shows."""

import json
import re
from pathlib import Path

import pytest

from quotetune import Index, build_index
from quotetune.runtime.ray_cluster import connected
from ray_nodes import local_cluster

DOCS = Path(__file__).parents[2] / "docs"
TEXTS = ["The quick brown fox jumps over the lazy dog.", "short", "No such text in any corpus."]


@pytest.mark.slow
def test_the_example_of_the_docs_scores_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    [example] = re.findall(
        r"```python\n(import ray\n.*?)```", (DOCS / "scale.md").read_text(), re.S
    )
    monkeypatch.chdir(tmp_path)
    index = build_index(TEXTS[:1], tmp_path / "index")
    lines = [json.dumps({"response": TEXTS[n % 3], "number": n}) for n in range(300)]
    (tmp_path / "responses.jsonl").write_text("\n".join(lines))
    example = example.replace('"/shared/', f'"{tmp_path}/')
    # One core for the actor, and one to read and write.
    with local_cluster([tmp_path / "node"], cores=2) as cluster, connected(cluster.address):
        exec(compile(example, "docs/scale.md", "exec"), {"__name__": "__main__"})
    scored = [
        json.loads(line)
        for path in (tmp_path / "scored").glob("*.json*")
        for line in path.read_text().splitlines()
    ]
    expected = [report.quip_25_beta for report in Index.open(index.path).score(TEXTS)]
    assert sorted(row["number"] for row in scored) == list(range(300))
    assert {row["number"] % 3: row.get("quip") for row in scored} == dict(enumerate(expected))
    assert all(row["response"] == TEXTS[row["number"] % 3] for row in scored)
