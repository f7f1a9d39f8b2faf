"""The files of a run whose policies gave answers that are written by hand and really evaluated."""

import json

from finished_run import PAIR_STATISTICS, training_record
from quotetune.evaluation.sample_metrics import evaluate_samples, write_evaluation
from quotetune.measures.scoring_models import ScoringModels
from quotetune.sampling.backend import Request, Response
from quotetune.sampling.parts import read_samples, write_part


def evaluate_answers(directory, prompts, texts, index):
    samples = directory / "samples"
    samples.mkdir(parents=True)
    requests = [Request([1, 2], seed) for seed in range(len(texts))]
    drawn = [[Response(text, [7] * 5, "stop")] for text in texts]
    write_part(samples, 0, [prompt.id for prompt in prompts], requests, drawn)
    rows = evaluate_samples(
        prompts,
        read_samples(samples),
        index,
        n=1,
        best_of_n=None,
        with_reference=directory.name == "base",
        models=ScoringModels(),
        work=directory,
    )
    write_evaluation(directory / "metrics", rows, len(prompts))


def write_round(directory):
    (directory / "pairs").mkdir(parents=True)
    (directory / "pairs" / "pairs.json").write_text(json.dumps(PAIR_STATISTICS))
    (directory / "adapter").mkdir()
    (directory / "adapter" / "training.json").write_text(json.dumps(training_record({"path": "m"})))
    (directory / "adapter" / "adapter_config.json").write_text("{}")
