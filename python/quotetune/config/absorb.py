"""The keys of a config's `absorb:` block."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from quotetune.config.block import Block


class AbsorbConfig(Block):
    """Continued pre-training on the corpus's own documents, before the first round.

    The first step of source-aware training (Khalifa et al. 2024, section 3).
    """

    documents: Literal["prompts", "train_prompts", "all"] = "prompts"
    """Which documents. `prompts`: those that belong to the run's prompts, held-out ones included,
    so that the evaluation asks about what the model has read. `train_prompts`: without those of
    held-out prompts only, so that it asks about what the model has not read. `all`: the corpus."""

    limit: PositiveInt | None = None
    """At most so many documents, chosen by a hash of source and id; `null` takes all of them."""

    format: Literal["document", "prompt_document", "both"] = "document"
    """`document`: the text alone. `prompt_document`: after the training prompt that it belongs to,
    which is not learned itself; all others alone. `both`: every text alone, and those of training
    prompts after their prompts, too. No held-out prompt is shown to the model."""

    prompt_share: float = Field(default=1.0, gt=0, le=1)
    """Share of the documents of training prompts that stand after their prompts, chosen by a hash;
    the others are learned alone, as those of held-out prompts are."""

    ids: Literal["none", "begin", "end", "repeat"] = "none"
    """Where the document's id stands in the text, in square brackets: before it, behind it, or
    behind every sentence."""

    permutations: NonNegativeInt = 0
    """Further copies of each document, with its sentences in another order."""

    replay: Path | None = None
    """General text that is learned again beside the documents, against forgetting (`.jsonl` or
    `.parquet` with a column `text`, or a text file); `null` takes none."""

    replay_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of the replayed texts among all that is learned, where there are enough of them."""

    lora: dict[str, Any] | Literal["same"] | None = "same"
    """Keys of `peft.LoraConfig`; `same` takes the run's `lora`, and then one adapter goes on
    through all stages. Another adapter is merged into the model first; `null` trains all
    weights."""

    sft: dict[str, Any] = {}
    """Keys of `trl.SFTConfig`; all are open but those that the run itself sets."""


def is_whole(absorb: AbsorbConfig, lora: dict[str, Any] | None) -> bool:
    """Tell whether the absorbed policy is a whole model, and no adapter that the rounds go on with.

    Args:
        absorb: The block.
        lora: The run's own `lora`.

    Example:
        >>> is_whole(AbsorbConfig(), {"r": 8}), is_whole(AbsorbConfig(lora={"r": 64}), {"r": 8})
        (False, True)
    """
    return lora is None or absorb.lora not in ("same", lora)
