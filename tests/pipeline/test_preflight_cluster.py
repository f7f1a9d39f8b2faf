"""`executor: ray`: a run asks for its cluster before any work, wherever the config names it."""

import socket
import sys
from pathlib import Path
from typing import Any

import pytest

import quotetune.pipeline.run as run_module
from quotetune.config import Config
from quotetune.errors import UsageError
from quotetune.pipeline.preflight.models import model_problems
from quotetune.pipeline.run import Planned, run
from ray_nodes import local_cluster


def config_on(content: dict[str, Any], directory: Path, block: str, address: str) -> Config:
    where = {"executor": "ray", "ray_address": address}
    own: dict[str, Any] = {
        "sampling": {"sampling": {**content["sampling"], **where}},
        "evaluation": {"evaluation": {"sampling": where}},
        "judge": {"preference": {"judge": {"model": content["model"], "sampling": where}}},
    }[block]
    return Config.model_validate({**content, **own, "run": directory})


BLOCKS = pytest.mark.parametrize("block", ["sampling", "evaluation", "judge"])


@BLOCKS
def test_a_cluster_that_does_not_answer_ends_a_run_before_any_work(
    content: dict[str, Any], block: str, tmp_path: Path
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(UsageError, match=f"Ray address {address}: no answer"):
            run(config_on(content, tmp_path / "run", block, address))
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".lock"]


@BLOCKS
def test_a_ray_that_cannot_be_imported_ends_a_run_before_any_work(
    content: dict[str, Any], block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_on(content, tmp_path / "run", block, "auto")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'quotetune\[ray\]'"):
        run(config)
    assert [path.name for path in config.run.iterdir()] == [".lock"]
    name = "preference.judge" if block == "judge" else block
    key = name if block == "sampling" else f"{name}.sampling"
    monkeypatch.setattr("importlib.util.find_spec", lambda package: None)
    assert f"{key}.executor: ray" in [problem.key for problem in model_problems(config)]


@pytest.mark.slow
def test_a_node_that_does_not_see_the_run_ends_it_before_any_work(
    content: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [tmp_path / "a", tmp_path / "b"]
    with local_cluster(nodes) as cluster:
        monkeypatch.chdir(nodes[0])
        # The processes of each node see another directory under this name, and so does this one.
        config = config_on(content, Path("/proc/self/cwd/run"), "sampling", cluster.address)
        with pytest.raises(UsageError, match=r"node node-1 \(.*\) does not see the files"):
            run(config)
    assert [path.name for path in (nodes[0] / "run").iterdir()] == [".lock"]


@pytest.mark.parametrize("todo", [False, None, True])
def test_a_run_that_is_done_asks_for_no_cluster(
    content: dict[str, Any], todo: bool | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Config] = []
    monkeypatch.setattr(run_module, "check_cluster", asked.append)
    monkeypatch.setattr(run_module, "plan", lambda stages: [Planned("prompts", todo, "")])
    monkeypatch.setattr(run_module, "_run_stage", lambda *_: False)
    config = config_on(content, tmp_path / "run", "evaluation", "auto")
    run(config, until="prompts")
    assert asked == ([] if todo is False else [config])
    run(Config.model_validate({**content, "run": tmp_path / "run"}), until="prompts")
    assert len(asked) == (todo is not False)
