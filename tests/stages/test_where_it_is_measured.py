"""The stages hand the measures with a language model to the replicas that the config asks for."""

from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from quotetune.config import Config
from quotetune.stages import all_stages

SAMPLING, EVALUATION = 3, 4


def stages(directory: Path) -> dict[str, Any]:
    base = {"path": "model"}
    config = Config.model_validate(
        {
            "run": directory / "run",
            "index": "index",
            "model": base,
            "prompts": {"path": "prompts"},
            "sampling": {"n": 4, "replicas": SAMPLING},
            "preference": {"perplexity": {"model": base}},
            "drift": {},
            "evaluation": {
                "sampling": {"replicas": EVALUATION},
                "perplexity": "base",
                "reward_accuracy": True,
                "best_of_n": 4,
                "baselines": ["sentence_by_model"],
            },
        }
    )
    return {stage.name: stage for stage in all_stages(config)}


@pytest.mark.parametrize(
    ("stage", "function"),
    [
        ("evaluation/base/metrics", "measures.scoring_models.scoring_models_of"),
        ("evaluation/round-1/drift", "measures.drift.measure_drift"),
        ("evaluation/round-1/reward_accuracy", "measures.reward_accuracy.measure_reward_accuracy"),
        ("evaluation/sentence_by_model/copy", "evaluation.from_passages.likeliest_sentences"),
        ("round-1/perplexity", "pairing.measuring.measure_of"),
    ],
)
def test_a_measure_has_the_replicas_of_the_sampling_that_it_follows(
    stage: str, function: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for read in ("prompts.prompt.load_prompts", "sampling.parts.read_samples"):
        monkeypatch.setattr(f"quotetune.{read}", MagicMock())
    monkeypatch.setattr("quotetune.corpus.index.Index.open", MagicMock())
    monkeypatch.setattr("quotetune.stages.baselines._prompt_tokens", MagicMock())

    class CalledError(Exception):
        pass

    called = MagicMock(side_effect=CalledError)
    monkeypatch.setattr(f"quotetune.{function}", called)
    with pytest.raises(CalledError):
        stages(tmp_path)[stage].make(tmp_path)
    given = called.call_args
    if stage == "round-1/perplexity":
        assert given.args[1].places["replicas"] == SAMPLING
    else:
        places = given.kwargs["places"] if "places" in given.kwargs else given.args[-1]
        assert places["replicas"] == EVALUATION
