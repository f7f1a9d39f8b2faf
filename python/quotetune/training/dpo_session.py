"""A training by DPO: the policy, the reference model, and the trainer of both."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import LoraConfig, PeftConfig, set_peft_model_state_dict
from peft.utils import load_peft_weights
from trl import DPOConfig

from quotetune.config import ModelConfig
from quotetune.config.open_blocks import dpo_options, lora_options
from quotetune.errors import QuotetuneError
from quotetune.training.defaults import default_dpo_options, default_lora_options
from quotetune.training.preference_trainer import PreferenceTrainer
from quotetune.training.session import Report, TrainingSession

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


class DpoSession(TrainingSession):
    """A training by DPO that is set up and can be run and saved.

    Args:
        job: The job that `quotetune.training.run.train_in_child` wrote.
        work: The directory of the checkpoints.
        report: Called with progress and notices.
    """

    def __init__(self, job: dict[str, Any], work: Path, report: Report) -> None:
        super().__init__(job, report)
        given = dpo_options(job["dpo"])
        self._dpo = default_dpo_options(given, **self.trained_in()) | given
        arguments = self.make_arguments(DPOConfig, "dpo", self._dpo, work)
        policy, peft_config, reference, after = self._policy()
        self.trainer = PreferenceTrainer(
            notice=self.notice,
            model=policy,
            ref_model=reference,
            peft_config=peft_config,
            args=arguments,
            train_dataset=load_pairs(Path(job["pairs"]), work / "datasets"),
            processing_class=self.load_tokenizer(),
            callbacks=[self.timer],
            sharing=self.sharing,
        )
        after(self.trainer.model)

    def _policy(self) -> tuple[Any, Any, Any, Callable[[Any], None]]:
        """Load the policy and the reference model.

        Returns:
            The policy; the settings of a new adapter; the reference model; and a function to be
            called with the policy after the trainer has computed the reference model's log-probs.
            If the reference model is None, TRL takes a frozen copy of a loaded adapter, the model
            without a new adapter, or, before anything is trained, the model itself.
        """
        job = self.job

        def nothing(_: Any) -> None:
            return None

        model = self.load_model(ModelConfig(**job["model"]))
        if job["lora"] is not None:
            if job["adapter"] is None:
                options = default_lora_options() | lora_options(job["lora"])
                return model, LoraConfig(**options), None, nothing
            if job["reference"] == "previous":
                return self.load_adapter(model, job["adapter"]), None, None, nothing
            weights = load_peft_weights(job["adapter"], device="cpu")

            def load_adapter(policy: Any) -> None:
                set_peft_model_state_dict(policy, weights)

            if job["origin"] is not None:
                # As with `previous`, but the frozen copy is that of the first round's start.
                return self.load_adapter(model, job["origin"]), None, None, load_adapter
            # The reference model of a new adapter is the base model. The weights are loaded later.
            config = PeftConfig.from_pretrained(job["adapter"])
            config.inference_mode = False
            return model, config, None, load_adapter
        reference = None
        if job["reference"] == "base" and job["model"] != job["base"]:
            reference = self.load_model(ModelConfig(**job["base"])).requires_grad_(False)
        return model, None, reference, nothing

    def record(self) -> dict[str, Any]:
        """Return the content of `training.json`, except for the versions."""
        dataset = self.trainer.train_dataset
        return {
            **super().record(),
            "pairs": len(dataset),
            "tokens": {
                name.removesuffix("_ids"): sum(map(len, dataset[name]))
                for name in _COLUMNS.values()
            },
            "history": self.history(_LOGGED),
            "dpo": self._dpo,
        }


def load_pairs(path: Path, cache: Path) -> Dataset:
    """Read the token ids of the pairs.

    Args:
        path: The `pairs.parquet` of a round.
        cache: The directory that keeps the reference model's log-probs for a resumed training.

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
