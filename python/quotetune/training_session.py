"""One training: the policy, its reference, the trainer over them, and what is kept of it."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import LoraConfig, PeftConfig, PeftModel, set_peft_model_state_dict
from peft.utils import load_peft_weights
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import DPOConfig

from quotetune.cpu import apply_in_child
from quotetune.errors import QuotetuneError
from quotetune.model_card import write_model_card
from quotetune.preference_trainer import PreferenceTrainer
from quotetune.sampling.settings import ModelConfig
from quotetune.training import RECORD_NAME
from quotetune.training_defaults import default_dpo_options, default_lora_options, weights_dtype
from quotetune.training_options import dpo_options, lora_options

_COLUMNS = {
    "prompt_token_ids": "prompt_ids",
    "chosen_token_ids": "chosen_ids",
    "rejected_token_ids": "rejected_ids",
}
_LOGGED = {
    "step": "step",
    "epoch": "epoch",
    "loss": "loss",
    "rewards/margins": "margin",
    "rewards/accuracies": "accuracy",
    "rewards/chosen": "reward_chosen",
    "rewards/rejected": "reward_rejected",
    "learning_rate": "learning_rate",
    "grad_norm": "grad_norm",
}


class TrainingSession:
    """A training that is set up and can be run and saved.

    Args:
        job: What `quotetune.training.run_training` wrote.
        work: The directory of the checkpoints.
        report: Takes progress and notices.
    """

    def __init__(
        self, job: dict[str, Any], work: Path, report: Callable[[dict[str, Any]], None]
    ) -> None:
        apply_in_child()
        self._job = job
        self._notices: list[str] = []
        lora = job["lora"] is not None
        self._dpo = default_dpo_options(dpo_options(job["dpo"]), lora=lora)
        self._dpo |= dpo_options(job["dpo"])
        try:
            arguments = DPOConfig(
                output_dir=str(work), seed=job["seed"], disable_tqdm=True, **self._dpo
            )
        except ValueError as error:
            raise QuotetuneError(f"dpo: {' '.join(str(error).split())}") from error
        self._mixed = arguments.bf16 or arguments.fp16
        self._timer = _Timer(report)

        def notice(text: str) -> None:
            self._notices.append(text)
            report({"notice": text})

        policy, peft_config, reference, after = self._policy()
        self.trainer = PreferenceTrainer(
            notice=notice,
            model=policy,
            ref_model=reference,
            peft_config=peft_config,
            args=arguments,
            train_dataset=load_pairs(Path(job["pairs"]), work / "datasets"),
            processing_class=self._tokenizer(),
            callbacks=[self._timer],
        )
        after(self.trainer.model)

    def train(self, checkpoint: Path | None) -> None:
        """Train to the end, from a checkpoint on if one is given."""
        self.trainer.train(resume_from_checkpoint=checkpoint and str(checkpoint))

    def save(self, directory: Path, versions: dict[str, str]) -> None:
        """Write the adapter or model, tokenizer, model card and record.

        Args:
            directory: Where to; what a killed training left there is removed.
            versions: Versions of the libraries, for the record.
        """
        is_first = self.trainer.accelerator.is_main_process
        if is_first and directory.exists():
            shutil.rmtree(directory)
        self.trainer.accelerator.wait_for_everyone()
        self.trainer.save_model(str(directory))
        if not is_first:
            return
        # A pickle that only a resumed training would read.
        (directory / "training_args.bin").unlink()
        shutil.rmtree(directory / "ref", ignore_errors=True)
        text = json.dumps(self.record(versions), ensure_ascii=False, indent=1)
        (directory / RECORD_NAME).write_text(text, encoding="utf-8")
        write_model_card(directory, {})

    def _policy(self) -> tuple[Any, Any, Any, Callable[[Any], None]]:
        """Load what is trained and what it is held close to.

        Returns:
            The policy; the settings of a new adapter; a model to be the reference; and what is to
            be done to the policy after the trainer has taken the reference's log-probs. Without a
            model to be the reference, TRL takes a frozen copy of a loaded adapter, the model
            without a new adapter, or, before anything is trained, the model itself.
        """
        job = self._job

        def nothing(_: Any) -> None:
            return None

        model = self._load(ModelConfig(**job["model"]))
        if job["lora"] is not None:
            if job["adapter"] is None:
                options = default_lora_options() | lora_options(job["lora"])
                return model, LoraConfig(**options), None, nothing
            if job["reference"] == "previous":
                policy = PeftModel.from_pretrained(model, job["adapter"], is_trainable=True)
                return policy, None, None, nothing
            # A new adapter's reference is the base model; the adapter's weights come after it.
            config = PeftConfig.from_pretrained(job["adapter"])
            config.inference_mode = False
            weights = load_peft_weights(job["adapter"], device="cpu")

            def load_adapter(policy: Any) -> None:
                set_peft_model_state_dict(policy, weights)

            return model, config, None, load_adapter
        reference = None
        if job["reference"] == "base" and job["model"] != job["base"]:
            reference = self._load(ModelConfig(**job["base"])).requires_grad_(False)
        return model, None, reference, nothing

    def _load(self, model: ModelConfig) -> Any:
        return AutoModelForCausalLM.from_pretrained(
            model.path,
            revision=model.revision,
            dtype=weights_dtype(model, lora=self._job["lora"] is not None, mixed=self._mixed),
            trust_remote_code=model.trust_remote_code,
            use_safetensors=True,
        )

    def _tokenizer(self) -> Any:
        model = ModelConfig(**self._job["model"])
        return AutoTokenizer.from_pretrained(
            model.path, revision=model.revision, trust_remote_code=model.trust_remote_code
        )

    def record(self, versions: dict[str, str]) -> dict[str, Any]:
        """Describe the training so far: what `training.json` holds."""
        state = self.trainer.state
        dataset = self.trainer.train_dataset
        peft_config = getattr(self.trainer.model, "peft_config", {}).get("default")
        return {
            "job": self._job,
            "pairs": len(dataset),
            "tokens": {
                name.removesuffix("_ids"): sum(map(len, dataset[name]))
                for name in _COLUMNS.values()
            },
            "steps": state.global_step,
            "epochs": state.epoch,
            "seconds_per_step": self._timer.seconds_per_step,
            "notices": self._notices,
            "history": [
                {short: entry[name] for name, short in _LOGGED.items() if name in entry}
                for entry in state.log_history
                if "loss" in entry
            ],
            "dpo": self._dpo,
            "lora": None if peft_config is None else _plain(peft_config.to_dict()),
            "versions": versions,
        }


class _Timer(TrainerCallback):  # type: ignore[misc]
    """Reports every step, and takes the time."""

    def __init__(self, report: Callable[[dict[str, Any]], None]) -> None:
        self._report = report
        self._logs: dict[str, float] = {}
        self._start = 0.0
        self._first = 0
        self.seconds_per_step: float | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._start = time.monotonic()
        self._first = state.global_step
        self._tell(state)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.seconds_per_step = (time.monotonic() - self._start) / (state.global_step - self._first)
        self._tell(state)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **_: Any) -> None:
        if "loss" in logs:
            self._logs = logs
            self._tell(state)

    def _tell(self, state: Any) -> None:
        self._report(
            {
                "steps": state.max_steps,
                "done": state.global_step,
                "loss": self._logs.get("loss"),
                "margin": self._logs.get("rewards/margins"),
                "accuracy": self._logs.get("rewards/accuracies"),
                "seconds_per_step": self.seconds_per_step,
            }
        )


def load_pairs(path: Path, cache: Path) -> Dataset:
    """Read the token ids of the pairs.

    Args:
        path: The `pairs.parquet` of a round.
        cache: Where the reference's log-probs are kept, for a resumed training.

    Returns:
        The columns `prompt_ids`, `chosen_ids` and `rejected_ids`.

    Raises:
        QuotetuneError: There is no pair in the file.
    """
    import pyarrow.parquet as pq

    if pq.read_metadata(path).num_rows == 0:
        raise QuotetuneError(
            f"{path}: no pair to train on: lower pairs.delta_quip, raise pairs.delta_length, or"
            " sample more responses (sampling.n)"
        )
    dataset = Dataset.from_parquet(str(path), cache_dir=str(cache), columns=list(_COLUMNS))
    return dataset.rename_columns(_COLUMNS)


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """Return options as JSON can hold them: sets as sorted lists, and what has no form as text."""
    return {
        name: sorted(value)
        if isinstance(value, set)
        else json.loads(json.dumps(value, default=str))
        for name, value in options.items()
    }
