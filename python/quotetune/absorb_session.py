"""One continued pre-training: documents as tokens, and `trl.SFTTrainer` over them."""

from pathlib import Path
from typing import Any

import trl.trainer.sft_trainer as trl_sft
from datasets import Dataset
from peft import LoraConfig
from transformers import Trainer
from trl import SFTConfig, SFTTrainer

from quotetune.absorb_texts import read_texts
from quotetune.absorb_tokens import tokenized
from quotetune.errors import QuotetuneError
from quotetune.preference_trainer import EpochOfOrder, LengthGroupedOrder, add_head
from quotetune.sampling.settings import ModelConfig
from quotetune.trainer_session import Report, TrainerSession
from quotetune.training_defaults import default_lora_options, default_sft_options
from quotetune.training_options import lora_options, sft_options

_LOGGED = {
    "step": "step",
    "epoch": "epoch",
    "loss": "loss",
    "mean_token_accuracy": "token_accuracy",
    "entropy": "entropy",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
}

# Our head on a CPU, as for DPO (see `quotetune.preference_trainer`).
trl_sft.add_fused_lm_head = add_head


class AbsorbTrainer(SFTTrainer):  # type: ignore[misc]
    """`trl.SFTTrainer` with batches of texts of about the same length."""

    def __init__(self, **kwargs: Any) -> None:
        self.order: LengthGroupedOrder | None = None
        super().__init__(**kwargs)
        self.add_callback(EpochOfOrder(self))

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Any:
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        dataset = self.train_dataset if train_dataset is None else train_dataset
        lengths = list(map(len, dataset["input_ids"]))
        batch = self.args.per_device_train_batch_size
        self.order = LengthGroupedOrder(lengths, batch, self.args.seed)
        return self.order

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        # Not SFTTrainer's, which writes a model card into every checkpoint.
        Trainer._save_checkpoint(self, model, trial)


class AbsorbSession(TrainerSession):
    """A continued pre-training that is set up and can be run and saved.

    Args:
        job: What `quotetune.absorbing.run_absorbing` wrote.
        work: The directory of the checkpoints.
        report: Takes progress and notices.
    """

    def __init__(self, job: dict[str, Any], work: Path, report: Report) -> None:
        super().__init__(job, report)
        given = sft_options(job["sft"])
        self._sft = default_sft_options(given, lora=job["lora"] is not None) | given
        try:
            arguments = SFTConfig(
                output_dir=str(work), seed=job["seed"], disable_tqdm=True, **self._sft
            )
        except ValueError as error:
            raise QuotetuneError(f"absorb.sft: {' '.join(str(error).split())}") from error
        self.mixed = arguments.bf16 or arguments.fp16
        tokenizer = self.load_tokenizer()
        peft_config = None
        if job["lora"] is not None:
            peft_config = LoraConfig(**(default_lora_options() | lora_options(job["lora"])))
        self.trainer = AbsorbTrainer(
            model=self.load_model(ModelConfig(**job["model"])),
            args=arguments,
            train_dataset=Dataset.from_dict(
                tokenized(read_texts(Path(job["texts"])), tokenizer, arguments.max_length)
            ),
            processing_class=tokenizer,
            peft_config=peft_config,
            callbacks=[self.timer],
        )

    def save_weights(self, directory: Path) -> None:
        """Write the adapter, or the model with the adapter in it."""
        if not self.job["merge"]:
            super().save_weights(directory)
            return
        model = self.trainer.accelerator.unwrap_model(self.trainer.model)
        stored = model.dtype
        # In bf16 most of the adapter would be lost in rounding, twice.
        merged = model.float().merge_and_unload().to(stored)
        if self.trainer.accelerator.is_main_process:
            merged.save_pretrained(str(directory))
            self.trainer.processing_class.save_pretrained(str(directory))

    def record(self) -> dict[str, Any]:
        """Describe the training so far: what `training.json` holds beside the versions."""
        dataset = self.trainer.train_dataset
        return {
            **super().record(),
            "texts": len(dataset),
            "tokens": {"input": sum(map(len, dataset["input_ids"]))},
            "history": self.history(_LOGGED),
            "sft": self._sft,
        }
