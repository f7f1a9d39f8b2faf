"""The keys of a config's `absorb:` block."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from quotetune.config.block import Block


class AbsorbConfig(Block):
    """Continued pre-training on documents of the corpus, before the first round.

    This is the first step of source-aware training (Khalifa et al. 2024, section 3).
    """

    documents: Literal["prompts", "train_prompts", "all"] = "prompts"
    """Documents to learn. `prompts`: those that belong to the run's prompts, including held-out
    ones, so that the evaluation asks about documents that the model has read. `train_prompts`:
    those that belong to no held-out or development prompt, so that it asks about documents that the
    model has not read. `all`: the whole corpus."""

    limit: PositiveInt | None = None
    """Number of documents at most, chosen by a hash of source and id; `null` takes all of them."""

    format: Literal["document", "prompt_document", "both"] = "document"
    """Form of each text. `document`: the document alone. `prompt_document`: the document after the
    training prompt that it belongs to, which is not learned itself; a document without such a
    prompt is alone. `both`: every document alone, and again after its training prompt if it has
    one. The model never sees a held-out or a development prompt."""

    prompt_share: float = Field(default=1.0, gt=0, le=1)
    """Share of the documents of training prompts that are learned after their prompts, chosen by a
    hash. The others are learned alone, as the documents of held-out prompts are."""

    ids: Literal["none", "begin", "end", "repeat"] = "none"
    """Place of the document's id, in square brackets. `begin`: before the text. `end`: after the
    text. `repeat`: after every sentence."""

    permutations: NonNegativeInt = 0
    """Number of further copies of each document, with its sentences in another order."""

    replay: Path | None = None
    """General text that is learned together with the documents, against forgetting: `.jsonl` or
    `.parquet` with a column `text`, or a text file. `null` takes none."""

    replay_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of replayed texts among all learned texts, if there are enough of them."""

    lora: dict[str, Any] | Literal["same"] | None = "same"
    """Keys of `peft.LoraConfig`. `same` takes the run's `lora`; all stages then train one adapter.
    A different adapter is merged into the model before the first round. `null` trains all
    weights."""

    sft: dict[str, Any] = {}
    """Keys of `trl.SFTConfig`: all but those that the run itself sets."""


def is_whole(absorb: AbsorbConfig, lora: dict[str, Any] | None) -> bool:
    """Tell whether the absorbed policy is a whole model, not an adapter that the rounds train on.

    Args:
        absorb: The block.
        lora: The run's own `lora`.

    Example:
        >>> is_whole(AbsorbConfig(), {"r": 8}), is_whole(AbsorbConfig(lora={"r": 64}), {"r": 8})
        (False, True)
    """
    return lora is None or absorb.lora not in ("same", lora)
