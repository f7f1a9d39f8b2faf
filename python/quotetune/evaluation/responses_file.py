"""Read responses of any origin: directories of sample parts, and JSONL files."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quotetune.corpus.records import objects
from quotetune.errors import UsageError
from quotetune.evaluation.sample_metrics import text_table
from quotetune.prompts.prompt import Prompt
from quotetune.prompts.reading import content_key
from quotetune.runtime.jsonl import is_unicode
from quotetune.runtime.plural import counted


def read_responses_file(path: Path, prompts: Sequence[Prompt]) -> Any:
    """Read responses to prompts.

    Args:
        path: A directory that `quotetune sample` wrote, or a JSONL file. Each line is an object
            with `response` and either the prompt's `id` (or `prompt_id`) or the `prompt` itself,
            as its text or the last message of its chat.
        prompts: The prompts.

    Returns:
        A table of samples. Several responses to one prompt are its samples, in the order of the
        file. Prompts without a response are left out.

    Raises:
        UsageError: There is no such file, or a line does not respond to any of the prompts.
    """
    if path.is_dir():
        from quotetune.sampling.parts import part_paths, read_samples

        if not part_paths(path):
            raise UsageError(f"{path}: no sample parts: sample first, or correct the path")
        return read_samples(path)
    ids = {prompt.id for prompt in prompts}
    by_content = {content_key(prompt.last_message): prompt.id for prompt in prompts}
    rows: list[tuple[str, int, str | None]] = []
    seen: Counter[str] = Counter()
    for where, row in objects(path, UsageError):
        response = row.get("response")
        if not isinstance(response, str) or not is_unicode(response):
            raise UsageError(f'{where}: no text under the key "response": put the response there')
        name = _prompt_id(where, row, ids, by_content)
        rows.append((name, seen[name], response))
        seen[name] += 1
    if not rows:
        raise UsageError(f"{path}: no responses: write one per line")
    return text_table(rows)


def _prompt_id(where: str, row: dict[str, Any], ids: set[str], by_content: dict[str, str]) -> str:
    for key in ("id", "prompt_id"):
        if key in row:
            if str(row[key]) not in ids:
                raise UsageError(
                    f"{where}: {key} {row[key]!r} is not among the {counted(len(ids), 'prompt')}:"
                    " evaluate with the prompts that were sampled"
                )
            return str(row[key])
    asked = row.get("prompt")
    if isinstance(asked, list) and asked and isinstance(asked[-1], dict):
        asked = asked[-1].get("content")
    if not isinstance(asked, str):
        raise UsageError(f'{where}: neither "id" nor "prompt" names a prompt: add one of them')
    found = by_content.get(content_key(asked))
    if found is None:
        raise UsageError(
            f"{where}: its prompt is not among the {counted(len(by_content), 'prompt')} as the"
            " model saw them: evaluate with the prompts that were sampled, or give ids"
        )
    return found
