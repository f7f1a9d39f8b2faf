"""The files of a finished run, written by hand: no model was trained or measured."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from quotetune import Document, build_index
from quotetune.prompts.prompt import Prompt, write_prompts
from quotetune.runs.stage import MANIFEST
from quotetune.runtime.content_hash import content_hash
from quotetune.sampling.backend import Request, Response
from quotetune.sampling.parts import write_part

N = 8
CORPUS = [
    Document("tales", "fox", "The quick brown fox jumps over the lazy dog near the river bank."),
    Document("tales", "ice", "A glacier is a body of dense ice that moves.", {"title": "Ice & co"}),
    Document("notes", "dog", "My lazy dog sleeps."),
    Document("notes", "ice", "Naïve café: a body of dense ice 😀 that moves, and nothing else."),
]
# The responses of the base model, of round 1 and so on, by prompt.
ANSWERS = {
    "What jumps?": (
        "Cats jump over the lazy dog.",
        "The quick brown fox jumps over the lazy dog near it, a body of dense ice.",
        "It is the quick brown fox jumps over the lazy dog near the river bank.",
    ),
    "What moves?": ("ice", "A body of dense ice that moves\nunder the river bank.", ""),
    "What else?": (
        "A brown fox jumps over the lazy dog sleeps.",
        "nothing else.",
        "and nothing else.",
    ),
}


_SIDE = {"count": 2, "too_short": 0, "quip": 0.25, "length": 12.0, "cut": 0.5}
PAIR_STATISTICS = {
    "schema": 1,
    "prompts": 5,
    "prompts_with_pair": 2,
    "prompts_without_pair": {"too_short": 0, "no_gap": 3},
    "pairs": 2,
    "samples": _SIDE,
    "chosen": {**_SIDE, "quip": 0.75},
    "rejected": _SIDE,
    "gap": {"mean": 0.5, "median": 0.5, "min": 0.4, "max": 0.6},
}


def training_record(model):
    """Return the training.json of an adapter that was trained on 3 pairs."""
    job = {"model": model, "base": model, "adapter": None, "reference": "base", "seed": 0}
    return {
        "job": job | {"lora": {"r": 4}},
        "pairs": 3,
        "tokens": {},
        "steps": 1,
        "epochs": 1,
        "history": [],
        "dpo": {},
        "lora": {"r": 4},
        "versions": {},
    }


def write_run(directory: Path, answers=ANSWERS, rounds=1, structures=("bloom", "suffix"), **config):
    """Write the run and its index, and return its directory."""
    run = directory / config.pop("name", "run")
    index = build_index(
        CORPUS, directory / "index", n=N, structures=list(structures), overwrite=True
    )
    content = {"run": str(run), "index": str(index.path), "rounds": rounds, "seed": 3}
    content |= {"model": {"path": "models/tiny"}, **config}
    prompts = [
        Prompt(id=f"p{number}", text=text, reference="the quick brown fox")
        for number, text in enumerate(answers)
    ]
    prompts[0] = Prompt(**{**vars(prompts[0]), "documents": [("notes", "ice"), ("no", "such")]})
    (run / "prompts").mkdir(parents=True)
    write_prompts(run / "prompts" / "heldout.parquet", prompts)
    for place in range(rounds + 1):
        name = f"round-{place}" if place else "base"
        texts = [drawn[place] for drawn in answers.values()]
        _write_evaluation(run, name, prompts, texts, index)
        if place:
            _write_round(run / name)
    rows = {f"round-{place}" if place else "base": _metrics(place) for place in range(rounds + 1)}
    base, *policies = rows
    metrics = {
        "schema": 3,
        "prompts": len(prompts),
        "before": rows[base],
        "after": rows[policies[-1]],
        "policies": policies,
        "last": policies[-1],
        "best": {"policy": policies[-1], "criterion": "quip", "value": _metrics(rounds)["quip"]},
        "stopped": None,
        "best_of_n": None,
        "reference": None,
        "rows": rows,
        "intervals": {},
        "reward_accuracy": {},
        "lm_eval": None,
    }
    (run / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    (run / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return run


def _metrics(place):
    """Return numbers that are different for each policy."""
    return {
        "quip": 0.0463 + 0.04 * place,
        "quip_micro": None,
        "coverage": 0.2 + 0.05 * place**2,
        "longest_quote": 26.52 - place,
        "rouge_l": 0.205,
        "length_tokens": 63.3,
        "length_chars": 303.98 + 10 * place,
        "repetition": 0.005,
        "cut": 0.9,
    }


def response_row(index, prompt_id, text):
    """Return the part of a row of responses.parquet that the report reads."""
    (report,) = index.score([text])
    lengths = None if report.quotes is None else [len(quote.text) for quote in report.quotes]
    return {
        "prompt_id": prompt_id,
        "sample": 0,
        "response": text,
        "quip": report.quip_25_beta,
        "longest_quote": report.longest_quote,
        "cut": len(text) > 70,
        "quote_lengths": lengths,
    }


def write_responses(path, rows):
    """Write such rows as Parquet."""
    kinds = {
        "quip": pa.float64(),
        "longest_quote": pa.int32(),
        "quote_lengths": pa.list_(pa.int32()),
    }
    columns = {key: pa.array([row[key] for row in rows], kinds.get(key)) for key in rows[0]}
    pq.write_table(pa.table(columns), path)


def _write_evaluation(run, name, prompts, texts, index):
    samples = run / "evaluation" / name / "samples"
    samples.mkdir(parents=True)
    requests = [Request([1, 2], seed) for seed in range(len(prompts))]
    drawn = [
        [Response(text, [7] * (len(text) // 4), "length" if len(text) > 70 else "stop")]
        for text in texts
    ]
    write_part(samples, 0, [prompt.id for prompt in prompts], requests, drawn)
    _write_manifest(samples, f"evaluation/{name}/sample", 61.0)
    (samples.parent / "metrics").mkdir()
    rows = [response_row(index, p.id, text) for p, text in zip(prompts, texts, strict=True)]
    write_responses(samples.parent / "metrics" / "responses.parquet", rows)
    made_from = {"index": content_hash(index.path)}
    _write_manifest(samples.parent / "metrics", f"evaluation/{name}/metrics", 0.25, made_from)


def _write_round(directory):
    history = [{"step": step, "loss": 0.7 / step, "accuracy": step / 4} for step in range(1, 5)]
    for name, content in (
        ("pairs/pairs.json", PAIR_STATISTICS),
        ("adapter/training.json", {"history": history}),
    ):
        (directory / name).parent.mkdir(parents=True)
        (directory / name).write_text(json.dumps(content), encoding="utf-8")
        step = "train" if name.startswith("adapter") else "pair"
        _write_manifest((directory / name).parent, f"{directory.name}/{step}", 125.0)


def _write_manifest(directory, stage, seconds, inputs=None):
    manifest = {
        "stage": stage,
        "inputs": inputs or {},
        "packages": {"python": "3.11.7", "trl": "1.16.0"},
        "finished": "2026-11-21T11:51:47+00:00",
        "seconds": seconds,
    }
    (directory / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
