"""Grounding: put passages into prompts, for the model to answer from."""

import re
from collections.abc import Sequence
from dataclasses import replace

from quotetune.config.prompts import ContextConfig
from quotetune.corpus.index import Index
from quotetune.corpus.results import Document
from quotetune.errors import UsageError
from quotetune.prompts.prompt import Prompt
from quotetune.prompts.retrieval import retrieve

Identity = tuple[str, str]
_SENTENCE_END = re.compile(r"[.!?](?=\s)")


def ground(
    prompts: Sequence[Prompt], settings: ContextConfig, index: Index, queries: Sequence[str]
) -> list[Prompt]:
    """Put passages into prompts.

    Args:
        prompts: The prompts.
        settings: The config's `prompts.context:` block.
        index: The index of the corpus.
        queries: The search query of each prompt.

    Returns:
        The prompts with their passages; the documents of a prompt are those of its passages.

    Raises:
        UsageError: A prompt has no passage.
    """
    match settings.source:
        case "documents":
            found = [_own_documents(prompt, index) for prompt in prompts]
        case "given":
            found = [_given(prompt, index) for prompt in prompts]
        case "bm25":
            found = retrieve(index, queries, settings.passages)
    return [
        _with_passages(prompt, passages[: settings.passages], settings)
        for prompt, passages in zip(prompts, found, strict=True)
    ]


def check_passages(prompts: Sequence[Prompt], settings: ContextConfig) -> None:
    """Check that every prompt has the documents or the context that its passages come from.

    Raises:
        UsageError: A prompt has none.
    """
    for prompt in prompts:
        if settings.source == "documents" and not prompt.documents:
            raise UsageError(
                f"prompt {prompt.id}: it has no documents, and prompts.context.source is documents:"
                " give it documents, or set prompts.context.source to bm25"
            )
        if settings.source == "given" and not _texts(prompt):
            raise UsageError(
                f"prompt {prompt.id}: it has no context, and prompts.context.source is given: give"
                " it a column context with a text or a list of texts"
            )


def shorten(text: str, max_chars: int | None) -> str:
    """Cut a passage, after the last sentence that ends within the limit if there is one.

    Example:
        >>> shorten("One is here. Two is there.", 20)
        'One is here.'
    """
    if max_chars is None or len(text) <= max_chars:
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text[: max_chars + 1])]
    return text[: ends[-1]] if ends else text[:max_chars]


def _own_documents(prompt: Prompt, index: Index) -> list[Document]:
    return [index.document(*name) for name in prompt.documents or ()]


def _given(prompt: Prompt, index: Index) -> list[Document]:
    """Take the passages that the prompt gives, and find the documents that they come from."""
    return [Document(*(document_of(text, index) or ("", "")), text=text) for text in _texts(prompt)]


def document_of(passage: str, index: Index) -> Identity | None:
    """Find the document that a passage comes from.

    Args:
        passage: The passage.
        index: The index of the corpus.

    Returns:
        The source and id of the first document that contains the passage's longest quote, or None
        if that quote is less than half of the passage.
    """
    quotes = index.trace(passage, max_documents=1)
    longest = max(quotes, key=lambda quote: quote.end - quote.start, default=None)
    if longest is None or 2 * (longest.end - longest.start) < len(passage):
        return None
    return longest.documents[0].source, longest.documents[0].id


def given_passages(prompt: Prompt, settings: ContextConfig) -> list[str]:
    """Return the passages of a prompt's own column `context` as the model sees them.

    Example:
        >>> texts = ["One is here.", " ", "Two is there."]
        >>> prompt = Prompt("a", text="?", extra={"context": texts})
        >>> given_passages(prompt, ContextConfig(source="given", passages=2, max_chars=12))
        ['One is here.', 'Two is there']
    """
    return [shorten(text, settings.max_chars) for text in _texts(prompt)[: settings.passages]]


def _texts(prompt: Prompt) -> list[str]:
    context = prompt.extra.get("context")
    texts = [context] if isinstance(context, str) else context
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return []
    return [text for text in texts if text.strip()]


def _with_passages(prompt: Prompt, passages: Sequence[Document], settings: ContextConfig) -> Prompt:
    shown = [shorten(passage.text, settings.max_chars) for passage in passages]
    context = "\n\n".join(shown)

    def around(text: str) -> str:
        # Not one replacement after the other: a passage may contain "{prompt}".
        before, _, rest = settings.template.partition("{context}")
        filled = [part.replace("{prompt}", text) for part in (before, rest)]
        return context.join(filled)

    known = [(passage.source, passage.id) for passage in passages if passage.id]
    documents = known or prompt.documents
    if prompt.messages is None:
        text = around(prompt.text or "")
        return replace(prompt, text=text, documents=documents, passages=shown)
    *earlier, last = prompt.messages
    messages = [*earlier, {**last, "content": around(last["content"])}]
    return replace(prompt, messages=messages, documents=documents, passages=shown)
