"""The keys of a config's `prompts:` block."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PositiveInt, field_validator, model_validator

from quotetune.config.block import Block


class ContextConfig(Block):
    """Grounded answers: the prompt carries the passages that it is to be answered from.

    They become the prompt's `documents`, which on-topic QUIP is measured against.
    """

    source: Literal["documents", "given", "bm25"] = "documents"
    """Where passages come from. `documents`: the prompt's own documents, by the text that the index
    holds. `given`: the prompts' column `context`, a text or a list of texts. `bm25`: the corpus, by
    Okapi BM25 (Robertson et al. 1994) with the prompt as the query."""

    passages: PositiveInt = 1
    """At most so many passages a prompt."""

    max_chars: PositiveInt | None = None
    """Cut each passage to so many characters, at the end of a sentence if there is one; `null`
    takes passages whole."""

    template: str = "{context}\n\n{prompt}"
    """How passages and prompt stand together; `{context}` is replaced by the passages with an empty
    line between them, `{prompt}` by the prompt with its own template."""

    @field_validator("template")
    @classmethod
    def _template_has_both(cls, template: str) -> str:
        missing = [name for name in ("{context}", "{prompt}") if name not in template]
        if missing:
            raise ValueError(f"there is no {missing[0]} in it: put it where it belongs")
        return template

    @property
    def brings_documents(self) -> bool:
        """Whether a prompt gets its documents with its passages; else it must have them."""
        return self.source != "documents"


class PromptsConfig(Block):
    """Where prompts come from, what the model is shown of them, and how they are split."""

    path: Path
    """JSONL or Parquet with `prompt` (a text or chat messages), and optionally `id`, `reference`,
    `topic` and `documents` (a list of `{source, id}`); further columns travel along."""

    format: Literal["chat", "text"] = "chat"
    """`chat`: the prompt is a user's turn and goes through the model's chat template; `text`: the
    model continues it."""

    system: str | None = None
    """A system message before every chat that has none of its own."""

    template: str = "{prompt}"
    """Text around a prompt that is a text; `{prompt}` is replaced by it. Chat messages are taken
    as they are."""

    prefix_tokens: PositiveInt | None = None
    """Open-ended completion: show the model this many tokens of each text only. What follows, as
    much as `sampling.max_tokens`, becomes the reference, unless the prompt has its own."""

    heldout_fraction: float = Field(default=0.1, gt=0, lt=1)
    """Share of the prompts that are never trained on, but evaluated."""

    salt: str = "heldout"
    """Goes into the hash of a prompt that decides on which side of the split it is. It is apart
    from `seed`, so that runs with different seeds have the same held-out prompts."""

    train_limit: PositiveInt | None = None
    """Training prompts a round, those of the lowest hashes first; `null` takes all, in equal parts
    for each round."""

    heldout_limit: PositiveInt | None = None
    """Held-out prompts to be evaluated, those of the lowest hashes; `null` takes all."""

    context: ContextConfig | None = None
    """The passages that every prompt is to be answered from; `null` gives it none."""

    @field_validator("template")
    @classmethod
    def _template_has_the_prompt(cls, template: str) -> str:
        if "{prompt}" not in template:
            raise ValueError("there is no {prompt} in it: put {prompt} where the prompt belongs")
        return template

    @model_validator(mode="after")
    def _only_chats_have_system_messages(self) -> Self:
        if self.format == "text" and self.system is not None:
            raise ValueError(
                "system is for chats, and format is text: remove system, or set format to chat"
            )
        if self.format == "chat" and self.prefix_tokens is not None:
            raise ValueError(
                "prefix_tokens is for texts, and format is chat: remove prefix_tokens, or set"
                " format to text"
            )
        return self
