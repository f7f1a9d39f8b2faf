"""A bare TRL script on the pairs of a training: `python -m benchmarks.bare_trl TRAINING/job.json`.

Prints the steps and their seconds as JSON.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import DPOConfig, DPOTrainer

from quotetune.training.defaults import default_dpo_options


class Clock(TrainerCallback):  # type: ignore[misc]
    """Takes the time from the first step's begin to the last one's end."""

    seconds = 0.0
    steps = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock; the reference's log-probs have been taken."""
        self._start = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Read the clock."""
        self.seconds = time.monotonic() - self._start
        self.steps = state.global_step


def main(path: Path) -> None:
    job = json.loads(path.read_text("utf-8"))
    tokenizer = AutoTokenizer.from_pretrained(job["model"]["path"])
    rows = Dataset.from_parquet(job["pairs"]).to_list()
    pairs = [
        {
            "prompt": tokenizer.decode(row["prompt_token_ids"]),
            "chosen": row["chosen"],
            "rejected": row["rejected"],
        }
        for row in rows
    ]
    clock = Clock()
    with tempfile.TemporaryDirectory() as output:
        options = default_dpo_options(job["dpo"], lora=True) | job["dpo"]
        # Batches by length take a column that only quotetune's own trainer has.
        options["train_sampling_strategy"] = "random"
        trainer = DPOTrainer(
            model=AutoModelForCausalLM.from_pretrained(
                job["model"]["path"], dtype=job["model"]["dtype"]
            ),
            args=DPOConfig(output_dir=output, seed=job["seed"], disable_tqdm=True, **options),
            train_dataset=Dataset.from_list(pairs),
            processing_class=tokenizer,
            peft_config=LoraConfig(task_type="CAUSAL_LM", **job["lora"]),
            callbacks=[clock],
        )
        trainer.train()
    print(json.dumps({"amount": clock.steps, "seconds": clock.seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
