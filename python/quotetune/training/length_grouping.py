"""Batches of rows of about the same length, for all our trainers."""

from collections.abc import Iterator
from typing import Any

import torch
from datasets import Dataset
from torch.utils.data import Sampler
from transformers import Trainer, TrainerCallback

_BATCHES_PER_WINDOW = 32


class LengthGroupedOrder(Sampler[int]):  # type: ignore[misc]
    """A random order in which the rows of a batch have about the same length.

    The order is a function of seed and epoch, so that a resumed training sees the same one. Rows
    are shuffled and then sorted by length within windows of 32 batches. The batches of a window are
    shuffled again, so that lengths do not drift in the course of an epoch.

    Args:
        lengths: Number of tokens in each row.
        batch: Rows per batch.
        seed: The seed.
    """

    def __init__(self, lengths: list[int], batch: int, seed: int) -> None:
        self._lengths = lengths
        self._batch = batch
        self._seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch whose order comes next."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + self.epoch)
        order = torch.randperm(len(self), generator=generator).tolist()
        window = self._batch * _BATCHES_PER_WINDOW
        for start in range(0, len(order), window):
            rows = sorted(order[start : start + window], key=lambda row: self._lengths[row])
            batches = [rows[i : i + self._batch] for i in range(0, len(rows), self._batch)]
            # Only the very last batch may be short.
            short = batches.pop() if len(batches[-1]) < self._batch else []
            for i in torch.randperm(len(batches), generator=generator).tolist():
                yield from batches[i]
            yield from short


class EpochOfOrder(TrainerCallback):  # type: ignore[misc]
    """Sets the epoch of a trainer's `order`; accelerate does not if it resumes on several GPUs.

    Args:
        trainer: A trainer with an attribute `order`, a `LengthGroupedOrder` or None.
    """

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Set the order's epoch."""
        if self._trainer.order is not None:
            self._trainer.order.set_epoch(int(state.epoch or 0))


class LengthGrouped(Trainer):  # type: ignore[misc]
    """Adds batches of about the same length to a trainer of TRL, which is the next base class.

    They are used if `train_sampling_strategy` is `group_by_length`. A subclass says how long the
    rows are.
    """

    def __init__(self, **kwargs: Any) -> None:
        self.order: Any = None
        super().__init__(**kwargs)
        self.add_callback(EpochOfOrder(self))

    @property
    def batch_of_one_process(self) -> int:
        """Rows per batch."""
        size: int = self.args.per_device_train_batch_size
        return size

    def lengths(self, dataset: Dataset) -> list[int]:
        """Return the number of tokens in each row."""
        raise NotImplementedError

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Any:
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        dataset = self.train_dataset if train_dataset is None else train_dataset
        batch = self.batch_of_one_process
        self.order = LengthGroupedOrder(self.lengths(dataset), batch, self.args.seed)
        return self.order

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        # The method of TRL's trainer would write a model card into every checkpoint.
        Trainer._save_checkpoint(self, model, trial)
