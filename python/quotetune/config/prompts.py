"""The keys of a config's `prompts:` block."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PositiveInt, field_validator, model_validator

from quotetune.config.block import Block


class ContextConfig(Block):
    """Passages in the prompt, from which the model answers.

    They become the prompt's `documents`, against which on-topic QUIP is measured.
    """

    source: Literal["documents", "given", "bm25"] = "documents"
    """Source of the passages. `documents`: the prompt's own documents, with the text that the index
    contains. `given`: the prompts' column `context`, a text or a list of texts. `bm25`: the corpus,
    searched by Okapi BM25 (Robertson et al. 1994) with the prompt as the query."""

    passages: PositiveInt = 1
    """Number of passages per prompt at most."""

    max_chars: PositiveInt | None = None
    """Characters after which a passage is cut, at the end of a sentence if there is one; `null`
    takes passages whole."""

    template: str = "{context}\n\n{prompt}"
    """Text of passages and prompt. `{context}` is replaced by the passages, with an empty line
    between them, and `{prompt}` by the prompt with its own template."""

    @field_validator("template")
    @classmethod
    def _template_has_both(cls, template: str) -> str:
        missing = [name for name in ("{context}", "{prompt}") if name not in template]
        if missing:
            raise ValueError(f"has no {missing[0]}: add it")
        return template

    @property
    def brings_documents(self) -> bool:
        """Whether a prompt gets its documents with its passages; otherwise it must have them."""
        return self.source != "documents"


class PromptsConfig(Block):
    """The source of the prompts, the text that the model sees of them, and their split."""

    left_out_if_null = ("split_by",)

    path: Path
    """JSONL or Parquet file with `prompt` (a text or chat messages), and optionally `id`,
    `reference`, `topic`, `documents` (a list of `{source, id}`) and `answers` (a list of texts).
    Further columns are kept."""

    format: Literal["chat", "text"] = "chat"
    """Kind of prompt. `chat`: the prompt is a user's turn and goes through the model's chat
    template. `text`: the model continues the prompt."""

    system: str | None = None
    """System message of every chat that has none."""

    template: str = "{prompt}"
    """Text around a prompt that is a text; `{prompt}` is replaced by the prompt. Chat messages are
    left as they are."""

    prefix_tokens: PositiveInt | None = None
    """Tokens of each text that the model sees and continues; `null` shows it the whole text. The
    next `sampling.max_tokens` tokens become the reference, unless the prompt has its own. A text
    without more tokens than these is left out."""

    heldout_fraction: float = Field(default=0.1, gt=0, lt=1)
    """Share of the prompts that are evaluated and never trained on."""

    salt: str = "heldout"
    """Part of the hash that puts a prompt on one side of the split. It is separate from `seed`, so
    that runs with different seeds have the same held-out prompts."""

    split_by: str | None = None
    """Column of the prompts, such as `title`: prompts with the same value are on the same side of
    the split, so that questions about one article are not in training and held out. `null` splits
    by the prompts themselves."""

    train_limit: PositiveInt | None = None
    """Number of training prompts per round, those of the lowest hashes first; `null` takes all, in
    equal parts for each round."""

    heldout_limit: PositiveInt | None = None
    """Number of held-out prompts, those of the lowest hashes; `null` takes all."""

    dev_fraction: float | None = Field(default=None, gt=0, lt=1)
    """Share of the prompts that are for development: `best`, `early_stop` and `analyze data-size`
    look at them instead of the held-out prompts, and nothing is trained on them. `null` makes no
    such split, and those choices are made on the held-out prompts."""

    dev_limit: PositiveInt | None = None
    """Number of development prompts, those of the highest hashes; `null` takes all."""

    context: ContextConfig | None = None
    """Passages that every prompt gets; `null` gives it none."""

    @field_validator("template")
    @classmethod
    def _template_has_the_prompt(cls, template: str) -> str:
        if "{prompt}" not in template:
            raise ValueError("has no {prompt}: add it")
        return template

    @model_validator(mode="after")
    def _the_sides_of_the_split_are_apart(self) -> Self:
        if self.dev_fraction is None and self.dev_limit is not None:
            raise ValueError(
                "dev_limit is set, but there are no development prompts: set dev_fraction, or"
                " remove dev_limit"
            )
        if self.heldout_fraction + (self.dev_fraction or 0) >= 1:
            raise ValueError(
                f"heldout_fraction {self.heldout_fraction:g} and dev_fraction"
                f" {self.dev_fraction:g} leave nothing to train on: lower one of them"
            )
        return self

    @model_validator(mode="after")
    def _only_chats_have_system_messages(self) -> Self:
        if self.format == "text" and self.system is not None:
            raise ValueError(
                "system is for chats, but format is text: remove system, or set format to chat"
            )
        if self.format == "chat" and self.prefix_tokens is not None:
            raise ValueError(
                "prefix_tokens is for texts, but format is chat: remove prefix_tokens, or set"
                " format to text"
            )
        return self
