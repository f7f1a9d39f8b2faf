"""A continued pre-training: `trl.SFTTrainer` on the tokens of documents."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import trl.trainer.sft_trainer as trl_sft
from datasets import Dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

from quotetune.config import ModelConfig
from quotetune.config.open_blocks import lora_options, sft_options
from quotetune.models.chat_template import template_variables
from quotetune.models.load_adapter import with_adapter
from quotetune.training.absorb.texts import read_texts
from quotetune.training.absorb.tokens import tokenized, write_rows
from quotetune.training.completion_log_probs import use_in
from quotetune.training.defaults import default_lora_options, default_sft_options
from quotetune.training.finite import FiniteSteps
from quotetune.training.length_grouping import LengthGrouped
from quotetune.training.session import Report, TrainingSession
from quotetune.training.shared_steps import SharedSteps

_LOGGED = {
    "step": "step",
    "epoch": "epoch",
    "loss": "loss",
    "mean_token_accuracy": "token_accuracy",
    "entropy": "entropy",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
}

_ROWS_AT_ONCE = 1000

use_in(trl_sft)


class AbsorbTrainer(FiniteSteps, SharedSteps, LengthGrouped, SFTTrainer):  # type: ignore[misc]
    """`trl.SFTTrainer` with batches of texts of about the same length."""

    block = "absorb.sft"
    loss_per_token = True

    def lengths(self, dataset: Dataset) -> list[int]:
        """Return the number of tokens in each text."""
        # In batches, because a dataset may be larger than memory.
        batches = dataset.with_format("arrow").iter(_ROWS_AT_ONCE)
        return [n for rows in batches for n in pc.list_value_length(rows["input_ids"]).to_pylist()]


class AbsorbSession(TrainingSession):
    """A continued pre-training that is set up and can be run and saved.

    Args:
        job: The job that `quotetune.training.run.train_in_child` wrote.
        work: The directory of the checkpoints.
        report: Called with progress and notices.
    """

    def __init__(self, job: dict[str, Any], work: Path, report: Report) -> None:
        super().__init__(job, report)
        given = sft_options(job["sft"])
        self._sft = default_sft_options(given, **self.trained_in()) | given
        arguments = self.make_arguments(SFTConfig, "absorb.sft", self._sft, work)
        tokenizer = self.load_tokenizer()
        config = ModelConfig(**job["model"])
        now = datetime.fromisoformat(job["now"]) if "now" in job else None
        texts = read_texts(Path(job["texts"]))
        rows = tokenized(texts, tokenizer, arguments.max_length, template_variables(config, now))
        # Every process of a launch has its own file. It is made again by every call.
        tokens = work / f"tokens-{arguments.process_index}.arrow"
        work.mkdir(parents=True, exist_ok=True)
        write_rows(tokens, rows)
        model = self.load_model(config)
        peft_config = None
        if job["adapter"] is not None:
            model = self.load_adapter(model, job["adapter"])
        elif job["lora"] is not None:
            peft_config = LoraConfig(**(default_lora_options() | lora_options(job["lora"])))
        self.trainer = AbsorbTrainer(
            model=model,
            args=arguments,
            train_dataset=Dataset.from_file(str(tokens)),
            processing_class=tokenizer,
            peft_config=peft_config,
            callbacks=[self.timer],
            sharing=self.sharing,
        )

    def save_weights(self, directory: Path) -> None:
        """Write the adapter, or the model into which it is merged."""
        if not self.job["merge"]:
            super().save_weights(directory)
            return
        if self.is_sharded:
            # The adapter is written as usual, and merged into a model that is not sharded.
            adapter = directory.with_name(f"{directory.name}.adapter")
            super().save_weights(adapter)
            if not self.trainer.accelerator.is_main_process:
                return
            base = self.load_model(ModelConfig(**self.job["model"]))
            model = with_adapter(base, str(adapter), trainable=False)
            shutil.rmtree(adapter)
        else:
            model = self.trainer.accelerator.unwrap_model(self.trainer.model)
        stored = model.dtype
        # In bf16 most of the adapter would be lost in rounding, twice.
        merged = model.float().merge_and_unload().to(stored)
        if self.trainer.accelerator.is_main_process:
            merged.save_pretrained(str(directory))
            self.trainer.processing_class.save_pretrained(str(directory))
            # A sum of finite numbers may exceed the largest one of float16.
            self.trainer.require_finite_weights(directory)

    def record(self) -> dict[str, Any]:
        """Return the content of `training.json`, except for the versions."""
        dataset = self.trainer.train_dataset
        return {
            **super().record(),
            "texts": len(dataset),
            "tokens": {"input": sum(self.trainer.lengths(dataset))},
            "history": self.history(_LOGGED),
            "sft": self._sft,
        }
