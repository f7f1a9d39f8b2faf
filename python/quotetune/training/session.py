"""The common part of all trainings: model, trainer, progress, and output."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, TrainerCallback

from quotetune.config import ModelConfig
from quotetune.errors import QuotetuneError, reason_of
from quotetune.models.files import ADAPTER_CONFIG
from quotetune.models.load_adapter import with_adapter
from quotetune.models.quantization import keep_differentiable, quantization_settings
from quotetune.models.tokenizer import load_tokenizer
from quotetune.runtime.cpu import apply_in_child
from quotetune.training.defaults import trains_model_weights, weights_dtype
from quotetune.training.model_card import write_model_card
from quotetune.training.processes import Processes, batch, batch_problem, here, share
from quotetune.training.run import RECORD_NAME
from quotetune.training.shared_steps import Sharing, join

Report = Callable[[dict[str, Any]], None]


class TrainingSession:
    """A training that is set up and can be run and saved.

    A subclass makes the trainer, and says what is recorded and which entries of the log are kept.

    Args:
        job: The job that the parent process wrote.
        report: Called with progress and notices.
    """

    trainer: Any
    mixed: bool
    sharing: Sharing | None = None

    def __init__(self, job: dict[str, Any], report: Report) -> None:
        apply_in_child()
        self.job = job
        self.notices: list[str] = []
        self.timer = _Timer(report)
        self._report = report

    @property
    def lora(self) -> dict[str, Any] | None:
        """The settings of the adapter that is trained; None if all weights are.

        An adapter that is trained further keeps its own settings.
        """
        if self.job["adapter"] is None:
            lora: dict[str, Any] | None = self.job["lora"]
        else:
            settings = Path(self.job["adapter"]) / ADAPTER_CONFIG
            lora = json.loads(settings.read_text(encoding="utf-8"))
        return lora

    def notice(self, text: str) -> None:
        """Tell the user something about the data, and keep it for the record."""
        self.notices.append(text)
        self._report({"notice": text})

    def trained_in(self) -> dict[str, Any]:
        """Return what the defaults of a training depend on, besides its options."""
        lora = self.lora
        dtype = ModelConfig(**self.job["model"]).dtype if trains_model_weights(lora) else None
        return {"lora": lora is not None, "dtype": dtype}

    def make_arguments(self, kind: Any, block: str, options: dict[str, Any], work: Path) -> Any:
        """Make the trainer's arguments from a block of the config.

        Raises:
            QuotetuneError: TRL rejects the combination. The message names the block.
        """
        if (processes := here()) is not None:
            options = self._shared(options, block, processes)
        try:
            arguments = kind(
                output_dir=str(work), seed=self.job["seed"], disable_tqdm=True, **options
            )
        except ValueError as error:
            raise QuotetuneError(f"{block}: {reason_of(error)}") from error
        self.mixed = arguments.bf16 or arguments.fp16
        return arguments

    def _shared(self, options: dict[str, Any], block: str, processes: Processes) -> dict[str, Any]:
        """Join the processes that train together, and return the options of this one."""
        on_gpu = torch.accelerator.is_available()
        problem = batch_problem(block, options, processes, on_gpu=on_gpu)
        if problem is not None:
            raise QuotetuneError(str(problem))
        size, accumulated = batch(options, on_gpu=on_gpu)
        mine = share(size, accumulated, processes.count)
        assert mine is not None
        self.sharing = Sharing(processes, size, accumulated)
        join(processes, options)
        names = ("per_device_train_batch_size", "gradient_accumulation_steps")
        options = options | dict(zip(names, mine, strict=True))
        return options | {"fsdp": True} if processes.kind == "fsdp2" else options

    @property
    def is_sharded(self) -> bool:
        """Whether no process has the whole model."""
        return self.sharing is not None and self.sharing.processes.kind == "fsdp2"

    def train(self, checkpoint: Path | None) -> None:
        """Train to the end, from a checkpoint if one is given."""
        for parameter in self.trainer.model.parameters():
            # PEFT copies `modules_to_save` in the type of the model.
            if parameter.requires_grad and parameter.dtype in (torch.bfloat16, torch.float16):
                parameter.data = parameter.data.float()
        self.trainer.train(resume_from_checkpoint=checkpoint and str(checkpoint))

    def save(self, directory: Path, versions: dict[str, str]) -> None:
        """Write the adapter or model, tokenizer, model card and record.

        Args:
            directory: The directory to write. The leftovers of a killed training are removed.
            versions: Versions of the libraries, for the record.
        """
        is_first = self.trainer.accelerator.is_main_process
        if is_first and directory.exists():
            shutil.rmtree(directory)
        self.trainer.accelerator.wait_for_everyone()
        self.save_weights(directory)
        if not is_first:
            return
        # A pickle that only a resumed training would read.
        (directory / "training_args.bin").unlink(missing_ok=True)
        shutil.rmtree(directory / "ref", ignore_errors=True)
        record = self.record() | {"versions": versions}
        text = json.dumps(record, ensure_ascii=False, indent=1)
        (directory / RECORD_NAME).write_text(text, encoding="utf-8")
        write_model_card(directory, {})

    def save_weights(self, directory: Path) -> None:
        """Write the adapter or model and the tokenizer."""
        self.trainer.save_model(str(directory))

    def record(self) -> dict[str, Any]:
        """Return the content of `training.json`, except for the versions."""
        state = self.trainer.state
        peft_config = getattr(self.trainer.model, "peft_config", {}).get("default")
        return {
            "job": self.job,
            "steps": state.global_step,
            "epochs": state.epoch,
            "seconds_per_step": self.timer.seconds_per_step,
            "notices": self.notices,
            **({} if self.sharing is None else {"processes": asdict(self.sharing.processes)}),
            "lora": None if peft_config is None else plain(peft_config.to_dict()),
        }

    def history(self, logged: dict[str, str]) -> list[dict[str, float]]:
        """Return the log of the steps: the entries that are named, under their short names."""
        return [
            {short: entry[name] for name, short in logged.items() if name in entry}
            for entry in self.trainer.state.log_history
            if "loss" in entry
        ]

    def load_model(self, model: ModelConfig) -> Any:
        """Load a model, in the type that the training needs."""
        dtype = weights_dtype(model, lora=self.lora, mixed=self.mixed)
        loaded = AutoModelForCausalLM.from_pretrained(
            model.path,
            revision=model.revision,
            dtype=dtype,
            **quantization_settings(model, dtype),
            trust_remote_code=model.trust_remote_code,
            use_safetensors=True,
        )
        keep_differentiable(loaded)
        return loaded

    def load_adapter(self, model: Any, adapter: str) -> Any:
        """Put an adapter on a model, to be trained further.

        Raises:
            QuotetuneError: The model has no place for some of its weights.
        """
        policy = with_adapter(model, adapter, trainable=True)
        # A user's adapter may name a model elsewhere, and PEFT would look for it at every save.
        policy.peft_config["default"].base_model_name_or_path = self.job["model"]["path"]
        return policy

    def load_tokenizer(self) -> Any:
        """Load the tokenizer of the model that is trained."""
        return load_tokenizer(ModelConfig(**self.job["model"]))


class _Timer(TrainerCallback):  # type: ignore[misc]
    """Reports and times every step."""

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


def plain(options: dict[str, Any]) -> dict[str, Any]:
    """Return options as JSON values: sets as sorted lists, and other objects as text.

    Example:
        >>> plain({"modules": {"b", "a"}})
        {'modules': ['a', 'b']}
    """
    return {
        name: sorted(value)
        if isinstance(value, set)
        else json.loads(json.dumps(value, default=str))
        for name, value in options.items()
    }
