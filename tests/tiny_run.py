"""A whole run on a random model, small enough for tests: index, prompts, model and config.

As a script, it does such a run in a separate process, and can kill it at a chosen moment:
`python tiny_run.py CONFIG [MOMENT]`. MOMENT is one of `MOMENTS`, or `constrained` if ids are
learned. `python tiny_run.py --many` does so again and again, see `Processes`.
"""

import importlib
import json
import os
import random
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import yaml

import children

# Before a stage has written anything of use, in the middle of it, or just before its end.
MOMENTS = (
    "absorb-texts",
    "absorb",
    "sample",
    "score",
    "pair",
    "rename",
    "train",
    "evaluation-sample",
    "evaluation-metrics",
    "replay",
    "train-again",
)
# The optional stages of a run, for `write_inputs`.
EVERYTHING = {
    "rounds": 2,
    "replay": [0.5],
    "absorb": {
        "documents": "train_prompts",
        "format": "prompt_document",
        "limit": 4,
        "permutations": 1,
        "sft": {
            "learning_rate": 1e-2,
            "per_device_train_batch_size": 2,
            "gradient_accumulation_steps": 1,
            "num_train_epochs": 1,
            "bf16": False,
            "save_steps": 1,
        },
    },
}


def write_corpus(index: Path) -> None:
    """Build an index of half of all pairs of characters: a random text has a QUIP of about 1/2."""
    from quotetune import build_index

    rng = random.Random(0)
    letters = [chr(i) for i in range(ord("!"), ord("~") + 1)]
    build_index(["".join(rng.choices(letters, k=60)) for _ in range(100)], index, n=2)


def write_inputs(directory: Path, **changes) -> dict:
    """Write everything a run needs, and return its config with `changes` in its blocks."""
    from tiny_model import save_tiny_model

    save_tiny_model(directory / "model")
    write_corpus(directory / "index")
    rows = [
        {
            "prompt": f"What is {i}?",
            "reference": f"the number {i}",
            "documents": [{"source": "documents", "id": str(i)}],
        }
        for i in range(40)
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (directory / "prompts.jsonl").write_text(text, encoding="utf-8")
    config = {
        "run": str(directory / "run"),
        "index": str(directory / "index"),
        "model": {"path": str(directory / "model"), "dtype": "float32"},
        "prompts": {
            "path": str(directory / "prompts.jsonl"),
            "heldout_fraction": 0.2,
            "train_limit": 6,
            "heldout_limit": 4,
        },
        "sampling": {"backend": "transformers", "n": 4, "max_tokens": 24, "chunk_prompts": 3},
        "pairs": {"rule": "widest_gap", "delta_quip": 0.02, "delta_length": 3.0},
        "lora": {"r": 4, "target_modules": "all-linear"},
        "dpo": {
            "learning_rate": 1e-2,
            "per_device_train_batch_size": 2,
            "num_train_epochs": 1,
            "bf16": False,
            "save_steps": 1,
        },
        "evaluation": {"best_of_n": 4},
    }
    for block, content in changes.items():
        config[block] = (
            {**config.get(block, {}), **content} if isinstance(content, dict) else content
        )
    return config


def run(config: dict) -> None:
    """Do the run in this process, without the check of `dpo` and `lora`, which imports TRL."""
    from quotetune.config import Config
    from quotetune.pipeline.run import run as run_pipeline

    run_pipeline(Config.model_validate(config))


def kill_at(moment: str) -> None:
    """Make this process die at a moment of the run, as by `kill -9`."""

    def die(*_arguments, **_options):
        os.kill(os.getpid(), signal.SIGKILL)

    def die_after(done, wanted, function):
        """Wrap a step that reports its progress: it dies once so much is done."""

        def step(*arguments, progress, **options):
            def report(now):
                progress(now)
                if now.done >= done and wanted(options):
                    die()

            function(*arguments, progress=report, **options)

        return step

    def of_round(adapter, round):
        """Recognise a call by the policy that it starts from, and by the round in its seeds."""
        return lambda options: (
            str(options["adapter"]).endswith(f"{adapter}/adapter")
            and options.get("round", round) == round
        )

    def replace(place, change):
        """Put another function where this name says that one is."""
        module, _, name = place.rpartition(".")
        module = importlib.import_module(f"quotetune.{module}")
        # Without the function, nothing would die.
        setattr(module, name, change(getattr(module, name)))

    def dying(_):
        return die

    if moment == "absorb-texts":
        replace("training.absorb.texts.write_texts", dying)
    elif moment == "absorb":
        replace("training.absorb.run.run_absorbing", partial(die_after, 1, lambda options: True))
    elif moment in ("sample", "evaluation-sample"):
        wanted = of_round("absorbed", 1) if moment == "sample" else of_round("round-1", 0)
        replace("sampling.run_sampling", partial(die_after, 1, wanted))
    elif moment in ("train", "train-again"):
        wanted = of_round("absorbed" if moment == "train" else "round-1", None)
        replace("training.run.run_training", partial(die_after, 2, wanted))
    elif moment == "constrained":
        replace("citations.decoding.run_sampling", partial(die_after, 1, lambda options: True))
    elif moment == "replay":
        replace("pairing.replay.write_json", dying)
    elif moment == "score":
        replace("pairing.scoring._scored", dying)
    elif moment == "pair":
        replace("pairing.run.write_pairs", dying)
    elif moment == "evaluation-metrics":
        replace("evaluation.sample_metrics.write_json", dying)
    elif moment == "rename":

        def then_die(write_json):
            def write(path, content):
                write_json(path, content)
                if content.get("stage", "").endswith("pair"):
                    die()

            return write

        replace("runs.stage.write_json", then_die)


class Processes:
    """Processes that do a run, one after the other.

    To import all libraries takes longer than a tiny run. One process imports them, does no work of
    its own, and is copied by `fork` for each run.
    """

    def __init__(self, directory: Path) -> None:
        self._log = directory / "stderr"
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--many"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, config: Path, moment: str | None) -> tuple[int, str]:
        """Do a run until a moment; return its status, as of `subprocess`, and its messages."""
        assert self._process.stdin and self._process.stdout
        job = {"config": str(config), "moment": moment, "log": str(self._log)}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline()), self._log.read_text()

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def _fork_for_each_line() -> None:
    children.import_work()
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if not child:
            with Path(job["log"]).open("w", encoding="utf-8") as log:
                os.dup2(log.fileno(), 2)
            os.dup2(2, 1)
            _run_until(Path(job["config"]), job["moment"])
            sys.stderr.flush()
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _run_until(config: Path, moment: str | None) -> None:
    # One moment has real children. To start them for each would take twice as long.
    if moment != "train":
        children.work_here(pytest.MonkeyPatch())
    if moment is not None:
        kill_at(moment)
    run(yaml.safe_load(config.read_text(encoding="utf-8")))


if __name__ == "__main__":
    if sys.argv[1] == "--many":
        _fork_for_each_line()
    else:
        _run_until(Path(sys.argv[1]), *(sys.argv[2:] or [None]))
