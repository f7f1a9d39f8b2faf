"""`trl.DPOTrainer` for pairs whose token ids are known, because they were sampled."""

from collections.abc import Callable
from typing import Any

import trl.trainer.dpo_trainer as trl_dpo
from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from quotetune.errors import QuotetuneError
from quotetune.runtime.plural import counted
from quotetune.training.completion_log_probs import use_in
from quotetune.training.finite import FiniteSteps
from quotetune.training.length_grouping import LengthGrouped
from quotetune.training.shared_steps import SharedSteps

use_in(trl_dpo)


class PreferenceTrainer(FiniteSteps, SharedSteps, LengthGrouped, DPOTrainer):  # type: ignore[misc]
    """DPO on exact token ids.

    TRL tokenises the text of a pair, which need not give the tokens that were sampled, and ends
    every response with an end-of-text token. Here the tokens are given, and a response that was cut
    has no such token.

    Args:
        notice: Called with notices about the pairs.
        kwargs: Arguments of `trl.DPOTrainer`. `train_dataset` has the columns `prompt_ids`,
            `chosen_ids` and `rejected_ids`.
    """

    block = "dpo"

    def __init__(self, *, notice: Callable[[str], None], **kwargs: Any) -> None:
        self._notice = notice
        super().__init__(**kwargs)

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
                f"{dropped} of {counted(len(dataset), 'pair')} left out, because the prompt alone"
                f" fills dpo.max_length: {remedy} to train on them"
            )
            dataset = dataset.select(fitting)
        truncated = sum(length > limit for length in longer_sides(dataset))
        if truncated:
            self._notice(
                f"{truncated} of {counted(len(dataset), 'pair')} truncated to dpo.max_length:"
                f" {remedy} to train on all of their tokens"
            )
        return dataset

    def lengths(self, dataset: Dataset) -> list[int]:
        """Return the number of tokens in each pair's longer side."""
        return longer_sides(dataset)


def longer_sides(dataset: Dataset) -> list[int]:
    """Return the number of tokens in each pair's longer side, prompt included."""
    columns = zip(
        dataset["prompt_ids"], dataset["chosen_ids"], dataset["rejected_ids"], strict=True
    )
    return [len(prompt) + max(len(chosen), len(rejected)) for prompt, chosen, rejected in columns]
