"""Replicas sample what one child samples, whoever of them makes a part, and whatever dies."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import children
import quotetune.sampling.replicas as replicas_module
from quotetune.config import Config, EvaluationConfig, ModelConfig, SamplingConfig
from quotetune.config.evaluation import evaluation_sampling
from quotetune.config.preference import JudgeConfig
from quotetune.prompts.prompt import Prompt
from quotetune.runtime.local_replica import LocalReplica
from quotetune.sampling import Progress, run_sampling
from quotetune.sampling.parts import JOB_NAME, part_path
from quotetune.sampling.replicas import local_places
from quotetune.stages import all_stages

PROMPTS = [Prompt(f"p{number}", "What? " * (number + 1)) for number in range(6)]
SETTINGS: dict[str, Any] = {
    "backend": "transformers",
    "n": 3,
    "max_tokens": 24,
    "chunk_prompts": 1,
    "top_p": 1.0,
}


def sample(model: Path, output: Path, **settings: Any) -> list[Progress]:
    reports: list[Progress] = []
    run_sampling(
        PROMPTS,
        output,
        model=ModelConfig(path=str(model)),
        sampling=SamplingConfig(**SETTINGS | settings),
        seed=7,
        round=1,
        progress=reports.append,
    )
    return reports


def tables(output: Path) -> list[Any]:
    return [pq.read_table(part_path(output, part)) for part in range(len(PROMPTS))]


@pytest.fixture(scope="module")
def alone(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process samples."""
    output = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        children.work_here(patch)
        sample(model, output)
    return output


def test_replicas_make_the_missing_parts_as_one_process_does_even_if_one_is_killed(
    model: Path, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A call with another number has begun.
    for name in (JOB_NAME, "part-00000.parquet", "part-00004.parquet"):
        (tmp_path / name).write_bytes((alone / name).read_bytes())
    kept = part_path(tmp_path, 4).stat().st_mtime_ns
    given: list[tuple[LocalReplica, str]] = []
    killed: list[str] = []

    class DiesOnce(LocalReplica):
        def send(self, line: str) -> None:
            super().send(line)
            given.append((self, line))
            # The first part is asked for before the model is loaded, so this one is in the middle.
            if len([own for own, _ in given if own is self]) == 2 and line and not killed:
                killed.append(line)
                os.kill(self._child.pid, signal.SIGKILL)

    monkeypatch.setattr(replicas_module, "LocalReplica", DiesOnce)
    reports = sample(model, tmp_path, replicas=2)
    assert tables(tmp_path) == tables(alone)
    assert (tmp_path / JOB_NAME).read_bytes() == (alone / JOB_NAME).read_bytes()
    assert part_path(tmp_path, 4).stat().st_mtime_ns == kept
    assert [reports[0].done, reports[-1].done] == [2, len(PROMPTS)]
    assert reports[-1].tokens > 0 and reports[-1].seconds > 0
    [part] = killed
    assert [line for _, line in given].count(part) == 2
    assert f"with sampling part {part}: " in (tmp_path / "sampling.log").read_text()
    assert (tmp_path / "sampling-0.log").exists()


@pytest.mark.parametrize(
    ("replicas", "engine", "expected"),
    [
        (1, {}, [[]]),
        ("auto", {}, [["0"], ["1"], ["2"], ["3"], ["4"]]),
        ("auto", {"tensor_parallel_size": 2}, [["0", "1"], ["2", "3"]]),
        (2, {}, [["0"], ["1"]]),
        (9, {"tensor_parallel_size": 2}, [["0", "1"], ["2", "3"]]),
        ("auto", {"tensor_parallel_size": 8}, [[]]),
    ],
)
def test_each_replica_has_gpus_of_its_own(
    replicas: Any, engine: dict[str, Any], expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas_module, "visible_gpus", lambda: list("01234"))
    sampling = SamplingConfig(backend="vllm", replicas=replicas, engine=engine)
    assert local_places(sampling) == expected


def test_without_gpus_there_is_one_copy_by_default() -> None:
    assert local_places(SamplingConfig(backend="transformers", replicas="auto")) == [[]]
    assert local_places(SamplingConfig(backend="transformers", replicas=3)) == [[], [], []]


WHERE = {"replicas": 4, "executor": "ray", "ray_address": "10.0.0.1:6379"}


def test_where_is_in_no_dump_and_the_evaluation_and_the_judge_keep_it() -> None:
    sampling = SamplingConfig(**WHERE)
    assert sampling.model_dump() == SamplingConfig().model_dump()
    assert evaluation_sampling(sampling, EvaluationConfig()).places == WHERE
    own = EvaluationConfig(sampling={"replicas": 2})
    assert evaluation_sampling(sampling, own).places == WHERE | {"replicas": 2}
    judge = {"model": {"path": "judge"}}
    assert JudgeConfig(**judge).sampling_beside(sampling.places).places == WHERE
    other = JudgeConfig(**judge, sampling={"replicas": 2, "max_tokens": 9})
    assert other.sampling_beside(sampling.places).places == WHERE | {"replicas": 2}
    assert json.loads(other.model_dump_json())["sampling"] == {"max_tokens": 9}


def test_no_stage_is_made_from_where_it_samples(tmp_path: Path) -> None:
    def settings(**where: Any) -> dict[str, Any]:
        config = Config.model_validate(
            {
                "run": tmp_path / "run",
                "index": "index",
                "model": {"path": "model"},
                "prompts": {"path": "prompts"},
                "sampling": {"n": 4, **where},
                "preference": {"judge": {"model": {"path": "judge"}, "sampling": where}},
                "pairs": {"citations": {}},
                "evaluation": {
                    "sampling": where,
                    "reward_accuracy": True,
                    "best_of_n": 4,
                    "baselines": ["according_to", "temperature_0"],
                },
            }
        )
        return {stage.name: stage.settings for stage in all_stages(config)}

    assert settings(**WHERE) == settings()
    assert settings(max_tokens=9) != settings()
