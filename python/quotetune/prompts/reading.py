"""Read files of prompts, JSONL or Parquet; every message about a row names its line."""

import hashlib
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.corpus.records import format_of, objects
from quotetune.errors import QuotetuneWarning, UsageError
from quotetune.prompts.answers import answer_items
from quotetune.prompts.content import content_text, is_empty
from quotetune.prompts.grounding import given_passages
from quotetune.prompts.prefix import Cut
from quotetune.prompts.prompt import Message, Prompt
from quotetune.runtime.jsonl import is_unicode
from quotetune.runtime.plural import counted

if TYPE_CHECKING:
    from quotetune.config import PromptsConfig

_MESSAGE_KEYS = ("role", "content")
_NAMED = ("prompt", "id", "reference", "topic", "documents", "answers")


@dataclass(frozen=True)
class SourcePrompt:
    """A prompt, with its content as the input has it; this or the group decides the split.

    Attributes:
        prompt: The prompt as the model sees it.
        content: The input's text, or its messages as JSON, without template and system message.
        group: Its value of `prompts.split_by`; None if it is on its own.
    """

    prompt: Prompt
    content: str
    group: str | None = None


def read_prompts(
    path: Path, settings: "PromptsConfig", cut: Cut | None = None
) -> list[SourcePrompt]:
    """Read a file of prompts.

    If two prompts differ only in case and white space, only the first is read. But one question
    about two passages, which the rows give, is two prompts. A text that is too short to be cut is
    left out, and a warning counts them.

    Args:
        path: JSONL or Parquet; JSONL may be compressed.
        settings: The format, template and system message.
        cut: Function that cuts a text into the prompt and its reference; None for whole texts.

    Returns:
        The prompts in the order of the file.

    Raises:
        UsageError: A line is not a prompt, or two prompts have the same id; the message names
            the line.
    """
    prompts: list[SourcePrompt] = []
    first_with_id: dict[str, str] = {}
    asked: set[tuple[str, str]] = set()
    short: list[str] = []
    for where, row in _rows(path):
        source = _prompt_of_row(where, row, settings, cut)
        if source is None:
            short.append(where)
            continue
        key = (content_key(source.content), _passages_of(source.prompt, settings))
        if key in asked:
            continue
        asked.add(key)
        if row.get("id") is None and source.prompt.id in first_with_id:
            own = _checked_id(where, None, source.content + key[1])
            source = replace(source, prompt=replace(source.prompt, id=own))
        other = first_with_id.setdefault(source.prompt.id, where)
        if other != where:
            raise UsageError(
                f"{where}: the id {source.prompt.id} is also that of {other}: give every prompt its"
                " own, or leave the ids out"
            )
        prompts.append(source)
    if short:
        warnings.warn(
            f"{counted(len(short), 'text')} of at most {settings.prefix_tokens} tokens"
            f" (prompts.prefix_tokens) left out, the first at {short[0]}",
            QuotetuneWarning,
            stacklevel=2,
        )
        if not prompts:
            raise UsageError(f"{path}: every text is too short: lower prompts.prefix_tokens")
    if not prompts:
        raise UsageError(f"{path}: there are no prompts: write one per line")
    return prompts


def _passages_of(prompt: Prompt, settings: "PromptsConfig") -> str:
    """Return what decides which passages a row itself gives to its prompt; empty if none does."""
    context = settings.context
    if context is None or context.source == "bm25":
        return ""
    if context.source == "documents":
        return json.dumps((prompt.documents or [])[: context.passages], ensure_ascii=False)
    return json.dumps([content_key(text) for text in given_passages(prompt, context)])


def content_key(content: str) -> str:
    r"""Return a key that is the same for prompts that differ only in case and white space.

    Example:
        >>> content_key("What is  Rust?\n") == content_key("what is rust?")
        True
    """
    return " ".join(content.casefold().split())


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the place of each row, for messages, and its columns."""
    if path.is_file() and format_of(path) not in ("jsonl", "parquet"):
        raise UsageError(f"{path}: prompts are read from JSONL and Parquet: convert the file")
    for where, row in objects(path, UsageError):
        if not is_unicode(json.dumps(row, ensure_ascii=False, default=str)):
            raise UsageError(f"{where}: a lone surrogate, which is not valid Unicode: fix the line")
        yield where, row


def _prompt_of_row(
    where: str, row: dict[str, Any], settings: "PromptsConfig", cut: Cut | None
) -> SourcePrompt | None:
    content = row.get("prompt")
    if content is None:
        near = ", ".join(row) or "no keys"
        raise UsageError(f"{where}: no prompt (the row has {near}): name the column prompt")
    text: str | None = None
    messages: list[Message] | None = None
    if isinstance(content, str):
        if not content.strip():
            raise UsageError(f"{where}: the prompt is empty: write one, or delete the line")
        parts = (content, None) if cut is None else cut(content)
        if parts is None:
            return None
        shown, rest = parts
        if row.get("reference") is None:
            row["reference"] = rest
        question = shown
        text = settings.template.replace("{prompt}", shown)
        if settings.format == "chat":
            messages, text = [{"role": "user", "content": text}], None
    elif settings.format == "text":
        raise UsageError(
            f"{where}: the prompt is not a text, and prompts.format is text: write a text, or set"
            " prompts.format to chat"
        )
    else:
        messages = _checked_messages(where, content)
        question = messages[-1]["content"]
        content = json.dumps(messages, ensure_ascii=False)
    if messages is not None and settings.system is not None and messages[0]["role"] != "system":
        messages = [{"role": "system", "content": settings.system}, *messages]
    prompt = Prompt(
        id=_checked_id(where, row.get("id"), content),
        text=text,
        messages=messages,
        reference=_checked_text(where, row, "reference"),
        topic=_checked_text(where, row, "topic"),
        documents=_checked_documents(where, row.get("documents")),
        answers=_checked_answers(where, row.get("answers")),
        question=question,
        extra={name: value for name, value in row.items() if name not in _NAMED},
    )
    return SourcePrompt(prompt, content, _group(where, row, settings.split_by))


def _group(where: str, row: dict[str, Any], column: str | None) -> str | None:
    if column is None:
        return None
    if row.get(column) is None:
        raise UsageError(f"{where}: no {column}: give every prompt one, or unset prompts.split_by")
    return str(row[column])


def _checked_messages(where: str, content: Any) -> list[Message]:
    messages: list[Message] = []
    for number, message in enumerate(content if isinstance(content, list) else []):
        place = f"{where}: message {number + 1} of the prompt"
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            messages = []
            break
        more = [key for key in message if key not in _MESSAGE_KEYS and not is_empty(message[key])]
        if more:
            raise UsageError(
                f"{place} has {', '.join(more)}, which a prompt cannot contain: write what it says"
                " into its content, or leave the row out"
            )
        messages.append(
            {"role": message["role"], "content": content_text(message.get("content"), place)}
        )
    if not messages or messages[-1]["role"] != "user":
        raise UsageError(
            f"{where}: the prompt is neither a text nor a list of chat messages that ends with the"
            ' user\'s: write [{"role": "user", "content": "..."}]'
        )
    return messages


def _checked_id(where: str, value: Any, content: str) -> str:
    if value is None:
        return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise UsageError(
            f"{where}: the id {value!r} is neither a text nor an integer: write one of these, or"
            " leave it out"
        )
    return str(value)


def _checked_text(where: str, row: dict[str, Any], name: str) -> str | None:
    value = row.get(name)
    if value is None or isinstance(value, str):
        return value
    raise UsageError(f"{where}: {name} is {value!r}, not a text: write a text or null")


def _checked_answers(where: str, value: Any) -> list[str] | None:
    if value is None:
        return None
    texts = answer_items(value)
    if texts is None or not all(isinstance(answer, str) for answer in texts):
        raise UsageError(
            f"{where}: answers is {value!r}, not a list of texts: write such a list, or rename it"
        )
    return texts


def _checked_documents(where: str, value: Any) -> list[tuple[str, str]] | None:
    if value is None:
        return None
    try:
        return [(str(item["source"]), str(item["id"])) for item in value]
    except (TypeError, KeyError) as error:
        raise UsageError(
            f'{where}: documents is not a list of {{"source": ..., "id": ...}}: write such a list'
        ) from error
