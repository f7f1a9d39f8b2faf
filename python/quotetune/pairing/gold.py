"""The gold stage: write each prompt's reference as one more candidate, in the form of a sample."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.config import ModelConfig
from quotetune.errors import UsageError
from quotetune.pairing.candidates import GOLD, candidate_parts
from quotetune.prompts.chat import text_token_ids
from quotetune.sampling.cut_text import CutText
from quotetune.sampling.parts import Row, part_path, schema

if TYPE_CHECKING:
    from quotetune.prompts.prompt import Prompt


def write_gold(
    prompts: Sequence["Prompt"], samples: Path, output: Path, *, model: ModelConfig, max_tokens: int
) -> None:
    """Write the references of prompts as candidates.

    A reference gets the tokens that the model would have had to generate: those of its text, and
    the end-of-text token. A reference that is longer than `max_tokens` is cut like a sample.

    Args:
        prompts: The prompts; one without a reference gets no candidate.
        samples: Directory of the samples' parts, which has the tokens of the prompts.
        output: Directory that gets `part-00000.parquet`.
        model: The model, for its tokenizer and its end-of-text token.
        max_tokens: `sampling.max_tokens`.

    Raises:
        UsageError: No prompt has a reference.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from quotetune.models.tokenizer import end_token, load_tokenizer

    tokenizer = load_tokenizer(model)
    end = end_token(model, tokenizer)
    shown = _prompt_tokens(samples)
    rows = [
        _sample_row(prompt, shown[prompt.id], tokenizer, end, max_tokens)
        for prompt in prompts
        if prompt.reference and prompt.id in shown
    ]
    if not rows:
        raise UsageError(
            "candidates.gold: no prompt has a reference: give the prompts one, or set it to false"
        )
    output.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema()), part_path(output, 0))


def _sample_row(
    prompt: "Prompt", shown: list[int], tokenizer: Any, end: int | None, max_tokens: int
) -> Row:
    text = prompt.reference or ""
    ids = _reference_tokens(prompt, text, shown, tokenizer)
    cut = end is None or len(ids) >= max_tokens
    if len(ids) > max_tokens:
        ids = ids[:max_tokens]
        text = CutText(tokenizer).text(ids, tokenizer.decode(ids, skip_special_tokens=True))
    return {
        "prompt_id": prompt.id,
        "sample": GOLD,
        "response": text,
        "prompt_token_ids": shown,
        "token_ids": ids if cut else [*ids, end],
        "finish_reason": "length" if cut else "stop",
        "seed": GOLD,
    }


def _reference_tokens(prompt: "Prompt", text: str, shown: list[int], tokenizer: Any) -> list[int]:
    """Tokenise a reference as the continuation of its prompt.

    A reference to a text is tokenised together with it, so that a word's leading space is right. If
    a token would span both, or in a chat, the reference is tokenised alone.
    """
    if prompt.text is not None:
        together = text_token_ids(prompt.text + text, tokenizer)
        if together[: len(shown)] == shown:
            return together[len(shown) :]
    alone: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return alone


def _prompt_tokens(samples: Path) -> dict[str, list[int]]:
    import pyarrow.parquet as pq

    shown = {}
    for part in candidate_parts(samples, None):
        for row in pq.read_table(part, columns=["prompt_id", "prompt_token_ids"]).to_pylist():
            shown[row["prompt_id"]] = row["prompt_token_ids"]
    return shown
