"""`trl.DPOTrainer` for pairs whose token ids are known, because they were sampled."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
import trl.trainer.dpo_trainer as trl_dpo
from datasets import Dataset
from torch.utils.data import Sampler
from transformers import Trainer, TrainerCallback
from trl import DPOConfig, DPOTrainer

from quotetune.completion_log_probs import add_completion_head, can_score_completions
from quotetune.errors import QuotetuneError

_BATCHES_A_WINDOW = 32
_TRL_HEAD = trl_dpo.add_fused_lm_head


def add_head(model: Any, outputs: tuple[str, ...] = ("log_probs",)) -> None:
    """Add our head to a model where it is right and has what TRL asks for; else TRL's own."""
    if can_score_completions(model) and "log_sum_sq_probs" not in outputs:
        add_completion_head(model)
    else:
        _TRL_HEAD(model, outputs=outputs)


# The trainer's constructor adds the head and uses it at once, for the reference's log-probs; the
# module's name is the one place between the two where another head can be put.
trl_dpo.add_fused_lm_head = add_head


class LengthGroupedOrder(Sampler[int]):  # type: ignore[misc]
    """A random order in which the pairs of a batch are of about the same length.

    The order is a function of seed and epoch, so that a resumed training sees the same one. Pairs
    are shuffled, sorted by length within windows of some batches, and the batches of a window are
    shuffled again; neither batches nor steps drift from long to short.

    Args:
        lengths: Tokens of each pair.
        batch: Pairs a batch.
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
        window = self._batch * _BATCHES_A_WINDOW
        for start in range(0, len(order), window):
            rows = sorted(order[start : start + window], key=lambda row: self._lengths[row])
            batches = [rows[i : i + self._batch] for i in range(0, len(rows), self._batch)]
            # Only the last batch of all may be short.
            short = batches.pop() if len(batches[-1]) < self._batch else []
            for i in torch.randperm(len(batches), generator=generator).tolist():
                yield from batches[i]
            yield from short


class PreferenceTrainer(DPOTrainer):  # type: ignore[misc]
    """DPO on exact token ids.

    TRL makes the tokens of a pair from its text, which need not be those that were sampled, and
    ends every response with an end-of-text token. Here the tokens are given, and a response that
    was cut has no such token.

    Args:
        notice: Called with what should be known about the pairs.
        kwargs: Those of `trl.DPOTrainer`; `train_dataset` has the columns `prompt_ids`,
            `chosen_ids` and `rejected_ids`.
    """

    def __init__(self, *, notice: Callable[[str], None], **kwargs: Any) -> None:
        self._notice = notice
        self.order: LengthGroupedOrder | None = None
        super().__init__(**kwargs)
        self.add_callback(EpochOfOrder(self))

    def _prepare_dataset(
        self, dataset: Dataset, processing_class: Any, args: DPOConfig, dataset_name: str
    ) -> Dataset:
        if args.max_length is None:
            return dataset
        limit = args.max_length
        fitting = [i for i, ids in enumerate(dataset["prompt_ids"]) if len(ids) < limit]
        dropped = len(dataset) - len(fitting)
        remedy = f"raise dpo.max_length above {limit}"
        if not fitting:
            raise QuotetuneError(
                f"no pair to train on: every prompt fills dpo.max_length, {limit} tokens: {remedy}"
            )
        if dropped:
            self._notice(
                f"{dropped} of {len(dataset)} pairs left out, since their prompts alone fill"
                f" dpo.max_length: {remedy} to train on them"
            )
            dataset = dataset.select(fitting)
        truncated = sum(length > limit for length in longer_sides(dataset))
        if truncated:
            self._notice(
                f"{truncated} of {len(dataset)} pairs truncated to dpo.max_length: {remedy} to"
                " train on all of their tokens"
            )
        return dataset

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Any:
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        dataset = self.train_dataset if train_dataset is None else train_dataset
        self.order = LengthGroupedOrder(
            longer_sides(dataset), self.args.per_device_train_batch_size, self.args.seed
        )
        return self.order

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        # Not DPOTrainer's, which writes a model card into every checkpoint.
        Trainer._save_checkpoint(self, model, trial)


class EpochOfOrder(TrainerCallback):  # type: ignore[misc]
    """Tells a trainer's `order` its epoch: in a resumed epoch on several GPUs accelerate does not.

    Args:
        trainer: A trainer with an attribute `order`, a `LengthGroupedOrder` or None.
    """

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Set the order's epoch."""
        if self._trainer.order is not None:
            self._trainer.order.set_epoch(int(state.epoch or 0))


def longer_sides(dataset: Dataset) -> list[int]:
    """Return the tokens of each pair's longer side, prompt included."""
    columns = zip(
        dataset["prompt_ids"], dataset["chosen_ids"], dataset["rejected_ids"], strict=True
    )
    return [len(prompt) + max(len(chosen), len(rejected)) for prompt, chosen, rejected in columns]
