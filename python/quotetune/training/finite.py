"""Trainings that end where a loss, a gradient or a weight is not a finite number.

A training that diverged would otherwise go on to its end. The log of transformers hides that: it
replaces a loss of NaN by the mean of the losses before it (`logging_nan_inf_filter`).
"""

import math
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import Trainer, TrainerCallback

from quotetune.errors import QuotetuneError

# The scale of the loss starts at 2^16 and is halved at each skipped step. After 16 of them nothing
# is scaled any more, so what overflows then is not the scale's fault.
MOST_SKIPPED_STEPS = 20


class FiniteSteps(Trainer):  # type: ignore[misc]
    """Ends a trainer of TRL, which is a later base class, at the step that is not finite.

    It checks the loss of every batch, the gradient norm of every step, and the weights of every
    checkpoint. A step that a gradient scaler skipped (fp16) may have any gradient, but not 20 such
    steps in a row.
    """

    block: str
    """Block of the config whose keys the remedies name; a subclass sets it."""

    def __init__(self, **kwargs: Any) -> None:
        self._skipped = 0
        self._norm: float | None = None
        self._scale = 0.0
        super().__init__(**kwargs)
        self.add_callback(_AfterUpdate(self))

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """Do the forward and the backward pass of a batch, and check its loss."""
        loss = super().training_step(*args, **kwargs)
        if not math.isfinite(loss.item()):
            raise self._diverged(f"the loss is {loss.item()}", self.state.global_step + 1)
        return loss

    def _get_grad_norm(self, *args: Any, **kwargs: Any) -> Any:
        norm = super()._get_grad_norm(*args, **kwargs)
        self._scale = self._scale_of_loss()
        # DeepSpeed may know no norm.
        self._norm = None if norm is None else float(norm)
        return norm

    def check_update(self) -> None:
        """Check the gradient norm, once it is known whether the scaler skipped the step."""
        step = self.state.global_step + 1
        # A fused optimizer skips a step by itself. accelerate does not see that, but the scaler
        # then lowers its scale.
        lowered = self._scale_of_loss() < self._scale
        if lowered or self.accelerator.optimizer_step_was_skipped:
            self._skipped += 1
            if self._skipped == MOST_SKIPPED_STEPS:
                raise self._diverged(
                    f"the gradient overflowed in fp16 {self._skipped} steps in a row", step
                )
            return
        self._skipped = 0
        if self._norm is not None and not math.isfinite(self._norm):
            raise self._diverged(f"the gradient norm is {self._norm}", step)

    def _scale_of_loss(self) -> float:
        scaler = self.accelerator.scaler
        return 1.0 if scaler is None else float(scaler.get_scale())

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Write the weights, and remove them again if they are not finite."""
        super().save_model(output_dir, _internal_call)
        if not self.args.should_save or output_dir is None:
            return
        try:
            self.require_finite_weights(Path(output_dir))
        except QuotetuneError:
            shutil.rmtree(output_dir)
            raise

    def require_finite_weights(self, directory: Path) -> None:
        """Check the weights in a directory.

        Raises:
            QuotetuneError: They are not finite. The message names the step and a tensor.
        """
        tensor = tensor_that_is_not_finite(directory)
        if tensor is not None:
            raise self._diverged(f"the weights {tensor} are not finite", self.state.global_step)

    def _diverged(self, problem: str, step: int) -> QuotetuneError:
        place = f"step {step} of {self.state.max_steps}"
        return QuotetuneError(f"{place}: {problem}: {self._remedy()}")

    def _remedy(self) -> str:
        arguments, block = self.args, self.block
        rate = f"lower {block}.learning_rate (it is {arguments.learning_rate:g})"
        if arguments.fp16:
            return f"set {block}.bf16 instead of {block}.fp16, or {rate}"
        if self.state.global_step == 0:
            return (
                "nothing was learned before it, so check the weights that the training starts from,"
                " or set model.dtype to float32"
            )
        if not arguments.max_grad_norm or arguments.max_grad_norm < 0:
            return f"{rate}, or set {block}.max_grad_norm to 1"
        return f"{rate} or {block}.max_grad_norm (it is {arguments.max_grad_norm:g})"


class _AfterUpdate(TrainerCallback):  # type: ignore[misc]
    """Calls a trainer's `check_update` after each call of the optimizer."""

    def __init__(self, trainer: FiniteSteps) -> None:
        self._trainer = trainer

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._trainer.check_update()


def tensor_that_is_not_finite(directory: Path) -> str | None:
    """Return the name of a tensor that contains NaN or an infinity.

    Args:
        directory: A directory with safetensors files. Files that cannot be read are passed over:
            whoever loads them says so.

    Returns:
        The name; None if all weights are finite.
    """
    for path in sorted(directory.glob("*.safetensors")):
        try:
            with safe_open(path, framework="pt") as file:
                for name in file.keys():  # noqa: SIM118 - the file is no mapping
                    tensor = file.get_tensor(name)
                    if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                        return str(name)
        except SafetensorError:
            continue
    return None
