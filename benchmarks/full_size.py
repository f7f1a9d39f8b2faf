"""The stages between sampling and training at the paper's size: time and memory of each.

The samples are synthetic: pieces of documents, half of them from the corpus, with random tokens.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.corpora import half_quoted, split_corpus, write_jsonl
from benchmarks.memory import exchanged_copies
from benchmarks.peak import watched
from benchmarks.settings import N, Settings
from benchmarks.table import Listing, number
from benchmarks.targets import target, targets
from quotetune import Index, build_index
from quotetune.config import Config, PairsConfig
from quotetune.evaluation.sample_metrics import evaluate_samples, write_evaluation
from quotetune.measures.scoring_models import ScoringModels
from quotetune.pairing.candidates import SCORES, CandidateFiles
from quotetune.pairing.run import pair_samples
from quotetune.pairing.scoring import score_samples
from quotetune.prompts.prompt import Prompt, write_prompts
from quotetune.report.page import write_report
from quotetune.runs.directory import round_name
from quotetune.runs.layout import BASE, Layout
from quotetune.runs.metrics_json import collect_metrics
from quotetune.runtime.whole_files import write_json, write_text
from quotetune.sampling.parts import part_path, read_samples, schema

# Prompts of a part file.
CHUNK = 64
VOCABULARY = 49_152
PROMPT_TOKENS = 30
# The shortest and the longest response in tokens, and the characters of a token.
TOKENS = (85, 115)
TOKEN_CHARS = 4.3
# The samples of each policy that is evaluated, and the responses to a prompt that are.
HELDOUT = {BASE: "base", round_name(1): "tuned"}
EVALUATED = 4
# Most memory of its own that a stage may take, in MiB.
MOST = 4096


@dataclass(frozen=True)
class Size:
    """How much there is.

    Attributes:
        prompts: Training prompts.
        n: Responses to each.
        heldout: Held-out prompts, with as many responses of each policy.
        corpus_chars: Characters of the corpus.
        texts: Different texts, of which the responses are made.
    """

    prompts: int = 20_000
    n: int = 32
    heldout: int = 2000
    corpus_chars: int = 400_000_000
    texts: int = 20_000


def tables(settings: Settings, size: Size | None = None) -> list[Listing]:
    """Make the samples, and do each stage in a process of its own."""
    size = size or Size()
    work = settings.work / "full-size"
    corpus, held_out = split_corpus(settings.demo, settings.text_bytes)
    path = write_jsonl(exchanged_copies(corpus, size.corpus_chars, 1), work / "corpus.jsonl")
    build_index(path, work / "index", n=N, overwrite=True)
    path.unlink()
    texts = half_quoted(corpus, held_out, size.texts, round(TOKENS[1] * TOKEN_CHARS))
    write_samples(work / "samples", texts, size.prompts, size.n)
    for seed, directory in enumerate(HELDOUT.values(), start=1):
        write_samples(work / directory, texts, size.heldout, size.n, seed)
    measured = {
        stage: watched([sys.executable, "-m", "benchmarks.full_size", stage, str(work)])
        for stage in STAGES
    }
    seconds = {stage: taken for stage, (taken, _) in measured.items()}
    most = max(peak.anonymous for _, peak in measured.values()) / 1024
    index = sum(file.stat().st_size for file in (work / "index").iterdir())
    return [
        Listing(
            heading=f"Stages of {size.prompts:,} prompts with {size.n} responses each",
            header=("stage", "seconds", "its own memory, MiB", "with mapped files, MiB"),
            rows=[
                (
                    stage,
                    number(taken),
                    number(peak.anonymous / 1024),
                    number(peak.resident / 1024),
                )
                for stage, (taken, peak) in measured.items()
            ],
            notes=(
                f"Responses of {TOKENS[0]} to {TOKENS[1] - 1} tokens. The index of"
                f" {size.corpus_chars / 1e6:,.0f} MB of text has {index / 1e9:.1f} GB. Each stage"
                " is a process, whose start is included."
                f" {size.heldout:,} held-out prompts have {size.n} responses of two policies each."
                f" Of these, {EVALUATED} are evaluated, beside the base model's best of all and the"
                " references. "
                + targets(
                    target("score 30 s", seconds["score"], most=30),
                    target("pair 300 s", seconds["pair"], most=300),
                    target(
                        "evaluate and report 600 s",
                        seconds["evaluate"] + seconds["report"],
                        most=600,
                    ),
                    target(f"{MOST} MiB", most, most=MOST),
                ),
            ),
        )
    ]


def write_samples(
    directory: Path, texts: Sequence[str], prompts: int, n: int, seed: int = 0
) -> None:
    """Write the parts of a sampling whose responses are made of some texts.

    Args:
        directory: The directory of the parts.
        texts: The texts. A response is the start of one, and a number.
        prompts: Number of prompts.
        n: Responses per prompt.
        seed: Seed of the choice of texts, lengths and tokens.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    directory.mkdir(parents=True)
    draw = np.random.default_rng(seed)
    for part, start in enumerate(range(0, prompts, CHUNK)):
        ids = [f"prompt-{i}" for i in range(start, min(prompts, start + CHUNK))]
        rows = len(ids) * n
        lengths = draw.integers(*TOKENS, rows)
        chosen = draw.integers(0, len(texts), rows)
        responses = [
            f"{texts[text][: round(length * TOKEN_CHARS)]} {row}"
            for row, (text, length) in enumerate(zip(chosen, lengths, strict=True))
        ]
        of_prompts = draw.integers(0, VOCABULARY, (len(ids), PROMPT_TOKENS))
        columns = {
            "prompt_id": np.repeat(ids, n),
            "sample": np.tile(np.arange(n), len(ids)),
            "response": responses,
            "prompt_token_ids": _lists(
                np.full(rows, PROMPT_TOKENS), np.repeat(of_prompts, n, axis=0).ravel()
            ),
            "token_ids": _lists(lengths, draw.integers(0, VOCABULARY, lengths.sum())),
            "finish_reason": ["stop"] * rows,
            "seed": np.arange(rows),
        }
        table = pa.table([pa.array(columns[field.name]) for field in schema()], list(columns))
        pq.write_table(table.cast(schema()), part_path(directory, part))


def _lists(lengths: NDArray[np.int64], values: NDArray[np.int64]) -> Any:
    import pyarrow as pa

    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values.astype(np.int32)))


def score(work: Path) -> None:
    """Score all samples."""
    score_samples(work / "samples", work / "index", work / "scores", lambda *_: None)


def pair(work: Path) -> None:
    """Make the pairs of all prompts."""
    files = CandidateFiles(work / "samples", work / "scores" / SCORES)
    pair_samples(files, work / "pairs", PairsConfig(), seed=0)


def evaluate(work: Path) -> None:
    """Evaluate the base model and a policy on the held-out prompts."""
    index = Index.open(work / "index")
    layout = Layout(run_config(work))
    for policy, directory in HELDOUT.items():
        samples = read_samples(work / directory)
        ids = list(dict.fromkeys(samples["prompt_id"].to_pylist()))
        prompts = [
            Prompt(name, text="?", reference=one.text[:500], documents=[(one.source, one.id)])
            for name, one in zip(ids, islice(index.documents(), len(ids)), strict=False)
        ]
        is_base = policy == BASE
        found = evaluate_samples(
            prompts,
            samples,
            index,
            n=EVALUATED,
            best_of_n=int(samples["sample"].to_numpy().max()) + 1 if is_base else None,
            with_reference=is_base,
            models=ScoringModels(),
            work=work / "measuring",
        )
        metrics = layout.metrics_directory(policy)
        metrics.mkdir(parents=True)
        write_evaluation(metrics, found, len(prompts))
    layout.prompts.mkdir()
    write_prompts(layout.heldout, prompts)


def report(work: Path) -> None:
    """Collect the metrics of the run, and write its report."""
    config = run_config(work)
    layout = Layout(config)
    write_text(layout.config_file, yaml.safe_dump(config.model_dump(mode="json")))
    write_json(layout.metrics_file, collect_metrics(config))
    write_report(layout.run)


def run_config(work: Path) -> Config:
    """Return the config of the run whose held-out prompts are evaluated."""
    return Config.model_validate(
        {
            "run": work / "run",
            "index": work / "index",
            "model": {"path": "owner/model"},
            "prompts": {"path": work / "prompts.jsonl"},
        }
    )


STAGES: dict[str, Callable[[Path], None]] = {
    "score": score,
    "pair": pair,
    "evaluate": evaluate,
    "report": report,
}

if __name__ == "__main__":
    STAGES[sys.argv[1]](Path(sys.argv[2]))
