"""A bare TRL script on the pairs of a training: `python -m benchmarks.bare_trl TRAINING/job.json`.

It prints the number of steps and their seconds as JSON.
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
    """Measures the time from the start of the first step to the end of the last one."""

    seconds = 0.0
    steps = 0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock; the log-probs of the reference model are already computed."""
        self._start = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Read the clock after a step."""
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
        lora, dtype = job["lora"], job["model"]["dtype"]
        options = default_dpo_options(
            job["dpo"], lora=lora is not None, dtype=None if lora else dtype
        )
        options |= job["dpo"]
        # Batches by length need a column that only quotetune's own trainer has.
        options["train_sampling_strategy"] = "random"
        trainer = DPOTrainer(
            # Weights that are trained are float32, as in a training of quotetune.
            model=AutoModelForCausalLM.from_pretrained(
                job["model"]["path"], dtype=dtype if lora else "float32"
            ),
            args=DPOConfig(output_dir=output, seed=job["seed"], disable_tqdm=True, **options),
            train_dataset=Dataset.from_list(pairs),
            processing_class=tokenizer,
            peft_config=LoraConfig(task_type="CAUSAL_LM", **lora) if lora else None,
            callbacks=[clock],
        )
        trainer.train()
    print(json.dumps({"amount": clock.steps, "seconds": clock.seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
