"""The keys of a config's `prompts.context:` block."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, PositiveInt, field_validator


class ContextConfig(BaseModel):
    """Grounded answers: the prompt carries the passages that it is to be answered from.

    They become the prompt's `documents`, which on-topic QUIP is measured against.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

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
