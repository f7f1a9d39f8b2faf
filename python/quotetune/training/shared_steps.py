"""Trainers whose steps are shared by several processes, with DDP or FSDP2, also on a CPU."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from accelerate.data_loader import SeedableRandomSampler
from accelerate.utils import DistributedType
from torch.distributed.tensor import DTensor
from torch.utils.data import DataLoader, RandomSampler
from transformers import Trainer

from quotetune.errors import QuotetuneError
from quotetune.runtime.ranks import RENDEZVOUS
from quotetune.training.checkpoints import MADE_BY
from quotetune.training.processes import Processes
from quotetune.training.rank_batches import (
    FILLING,
    WEIGHT,
    PartCollator,
    RankBatches,
    RowsOfParts,
)


@dataclass(frozen=True)
class Sharing:
    """How processes share the steps of a training.

    Attributes:
        processes: The processes.
        size: Rows per batch of one process.
        accumulated: Batches per step of one process.
    """

    processes: Processes
    size: int
    accumulated: int


def join(processes: Processes, options: Mapping[str, Any]) -> None:
    """Let this process find the others, by a file and not by a port.

    Args:
        processes: The processes.
        options: The options of the training.
    """
    default = "gloo"
    if torch.accelerator.is_available() and not options.get("use_cpu", False):
        device = torch.accelerator.current_accelerator().type
        backend = torch.distributed.get_default_backend_for_device(device)
        default = f"cpu:gloo,{device}:{backend}"
    torch.distributed.init_process_group(
        options.get("ddp_backend") or default,
        init_method=f"file://{os.environ[RENDEZVOUS]}",
        rank=int(os.environ["RANK"]),
        world_size=processes.count,
        timeout=timedelta(seconds=int(options.get("ddp_timeout", 1800))),
    )


class SharedSteps(Trainer):  # type: ignore[misc]
    """Lets several processes do the steps of one process with a trainer of TRL.

    TRL's trainer is a later base class. Each process gets a part of the batches of every step.

    Args:
        sharing: How the steps are shared; None if they are not.
        kwargs: Arguments of the trainer.
    """

    loss_per_token = False
    """Whether the loss is divided by the number of tokens of the whole step; a subclass says so."""

    def __init__(self, *, sharing: Sharing | None = None, **kwargs: Any) -> None:
        self.sharing = sharing
        super().__init__(**kwargs)

    @property
    def batch_of_one_process(self) -> int:
        """Rows per batch, if one process does all steps."""
        size: int = self.args.per_device_train_batch_size
        return size if self.sharing is None else self.sharing.size

    def create_accelerator_and_postprocess(self) -> None:
        """Make the accelerator, which shards weights on a CPU as well."""
        sharded = self.sharing is not None and self.sharing.processes.kind == "fsdp2"
        state = PartialState()
        if sharded and state.distributed_type == DistributedType.MULTI_CPU:
            # accelerate 1.15 looks for FSDP only where it found GPUs, and would silently train
            # with DDP. Nothing else follows from this type: the device stays a CPU.
            PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU
        super().create_accelerator_and_postprocess()
        if not sharded:
            return
        if not self.accelerator.is_fsdp2:
            raise QuotetuneError("FSDP2 is not available to accelerate: train with launch: ddp")
        plugin = self.accelerator.state.fsdp_plugin
        if plugin.mixed_precision_policy is not None:
            from torch.distributed.fsdp import MixedPrecisionPolicy

            # accelerate would also add up gradients and round log-probs in bf16, which are float32
            # in one process.
            plugin.mixed_precision_policy = MixedPrecisionPolicy(
                param_dtype=plugin.mixed_precision_policy.param_dtype, reduce_dtype=torch.float32
            )

    def _prepare_for_training(self, *args: Any, **kwargs: Any) -> Any:
        prepared = super()._prepare_for_training(*args, **kwargs)
        if self.sharing is not None and self.sharing.processes.kind == "fsdp2":
            for name, weight in self.model.named_parameters():
                if not isinstance(weight, DTensor) or not any(
                    placement.is_shard() for placement in weight.placements
                ):
                    raise QuotetuneError(f"FSDP2 did not shard {name}: train with launch: ddp")
            self.model.base_model.register_forward_hook(self._require_gathered_head)
        return prepared

    def _require_gathered_head(self, *_: Any) -> None:
        # TRL would gather a head that FSDP2 has not. Then each process keeps its own gradient of
        # it, and nothing adds them up. FSDP2 has gathered it with the last norm, if it knows that.
        weight = self.model.get_output_embeddings().weight
        if isinstance(weight, DTensor) and weight.requires_grad:
            raise QuotetuneError(
                "FSDP2 does not gather the head of this model in time: train with launch: ddp"
            )

    def get_train_dataloader(self) -> DataLoader:
        """Return the batches of this process."""
        if self.sharing is None:
            return super().get_train_dataloader()
        arguments, sharing = self.args, self.sharing
        dataset = self._remove_unused_columns(self.train_dataset, description="Training")
        order = self._order_of_one_process(dataset)
        if hasattr(order, "set_epoch"):
            # `EpochOfOrder` sets its epoch, because accelerate has no part in this loader.
            self.order = order
        batches = RankBatches(
            order,
            len(dataset),
            size=sharing.size,
            accumulated=sharing.accumulated,
            part=arguments.per_device_train_batch_size,
            ranks=sharing.processes.count,
            rank=arguments.process_index,
            drop_last=arguments.dataloader_drop_last,
        )
        return DataLoader(
            RowsOfParts(dataset),
            batch_sampler=batches,
            collate_fn=PartCollator(self.data_collator),
            num_workers=arguments.dataloader_num_workers,
            pin_memory=arguments.dataloader_pin_memory,
            persistent_workers=arguments.dataloader_persistent_workers,
            multiprocessing_context=arguments.dataloader_multiprocessing_context,
            prefetch_factor=arguments.dataloader_prefetch_factor,
        )

    def _order_of_one_process(self, dataset: Any) -> Any:
        order = self._get_train_sampler(dataset)
        if isinstance(order, RandomSampler):
            # As accelerate does for one process, so that the order is the same.
            return SeedableRandomSampler(
                data_source=order.data_source,
                replacement=order.replacement,
                num_samples=order._num_samples,
                generator=torch.Generator(),
                data_seed=self.args.data_seed,
            )
        return order

    def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the loss of a batch, or of a part of one with the weight of the part."""
        weight, filling = inputs.pop(WEIGHT, None), inputs.pop(FILLING, False)
        if weight is None:
            return super().compute_loss(model, inputs, *args, **kwargs)
        accelerator = self.accelerator
        gather = accelerator.gather
        accelerator.gather = lambda values: _gathered(values, gather, left_out=filling)
        try:
            loss = super().compute_loss(model, inputs, *args, **kwargs)
        finally:
            del accelerator.gather
        return loss if self.loss_per_token else loss * weight

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        if self.sharing is not None and self.args.should_save:
            directory = Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"
            directory.mkdir(exist_ok=True)
            made_by = {
                "launch": self.sharing.processes.kind,
                "processes": self.sharing.processes.count,
            }
            (directory / MADE_BY).write_text(json.dumps(made_by), encoding="utf-8")
        super()._save_checkpoint(model, trial)

    def _save_rng_state(self, output_dir: str) -> None:
        super()._save_rng_state(output_dir)
        if self.sharing is not None:
            # The file that makes a checkpoint whole comes next.
            self.accelerator.wait_for_everyone()


def _gathered(
    values: Any, gather: Callable[[torch.Tensor], torch.Tensor], *, left_out: bool
) -> Any:
    """Gather the rows of all processes, which may have different numbers of them.

    accelerate takes them to have equally many.

    Args:
        values: A tensor, or a tuple or list of tensors, of this process.
        gather: Gathers tensors of one shape.
        left_out: Whether the rows of this process are left out.
    """
    if isinstance(values, tuple | list):
        return type(values)(_gathered(value, gather, left_out=left_out) for value in values)
    rows = torch.atleast_1d(values)
    kept = rows[:0] if left_out else rows
    counts = gather(torch.tensor([len(kept)], device=rows.device)).tolist()
    padded = rows.new_zeros((max(counts), *rows.shape[1:]))
    padded[: len(kept)] = kept
    parts = gather(padded).split(max(counts))
    return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])
