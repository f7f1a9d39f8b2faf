"""The gold stage: write each prompt's reference as one more candidate, in the form of a sample."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.config import ModelConfig
from quotetune.errors import UsageError
from quotetune.models.reasoning import WHOLE, Answer, TokenMarks, marks_of
from quotetune.models.tokenizer import end_token, load_tokenizer
from quotetune.pairing.candidates import GOLD, candidate_parts
from quotetune.prompts.chat import text_token_ids
from quotetune.sampling.cut_text import CutText
from quotetune.sampling.parts import Row, answer_columns, part_path, schema

if TYPE_CHECKING:
    from quotetune.prompts.prompt import Prompt


def write_gold(
    prompts: Sequence["Prompt"], samples: Path, output: Path, *, model: ModelConfig, max_tokens: int
) -> None:
    """Write the references of prompts as candidates.

    A reference gets the tokens that the model would have had to generate: those of its text, and
    the end-of-text token. If the prompt opens thoughts, the end mark of these comes first. A
    reference that is longer than `max_tokens` is cut like a sample.

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

    references = _References(model, load_tokenizer(model), max_tokens)
    prompt_tokens = _prompt_tokens(samples)
    rows = [
        references.row(prompt, prompt_tokens[prompt.id])
        for prompt in prompts
        if prompt.reference and prompt.id in prompt_tokens
    ]
    if not rows:
        raise UsageError(
            "candidates.gold: no prompt has a reference: give the prompts one, or set it to false"
        )
    output.mkdir(parents=True, exist_ok=True)
    thinks = model.reasoning is not None
    pq.write_table(pa.Table.from_pylist(rows, schema(thinks=thinks)), part_path(output, 0))


class _References:
    """Writes references as rows of samples.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        max_tokens: The largest number of tokens of an answer.
    """

    def __init__(self, model: ModelConfig, tokenizer: Any, max_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._end = end_token(model, tokenizer)
        self._max_tokens = max_tokens
        self._marks = None
        marks = marks_of(model)
        if marks is not None:
            self._marks = TokenMarks(marks, tokenizer)
            self._no_thoughts = tokenizer(f"{marks.end}\n\n", add_special_tokens=False)["input_ids"]

    def row(self, prompt: "Prompt", prompt_token_ids: list[int]) -> Row:
        """Return the row of a prompt with a reference.

        Args:
            prompt: The prompt.
            prompt_token_ids: Its tokens.
        """
        text = prompt.reference or ""
        ids = _reference_tokens(prompt, text, prompt_token_ids, self._tokenizer)
        end = [] if self._end is None or len(ids) >= self._max_tokens else [self._end]
        if len(ids) > self._max_tokens:
            ids = ids[: self._max_tokens]
            text = CutText(self._tokenizer).text(ids, self._decode(ids))
        ids = [*ids, *end]
        answer: Answer | None = WHOLE
        if self._marks is not None:
            opened = self._marks.are_opened(prompt_token_ids)
            if opened:
                ids = [*self._no_thoughts, *ids]
                text = self._decode(self._no_thoughts) + text
            answer = self._marks.answer(ids, text, opened=opened)
        return {
            "prompt_id": prompt.id,
            "sample": GOLD,
            "response": text,
            "prompt_token_ids": prompt_token_ids,
            "token_ids": ids,
            "finish_reason": "stop" if end else "length",
            "seed": GOLD,
            **answer_columns(answer),
        }

    def _decode(self, ids: list[int]) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True))


def _reference_tokens(
    prompt: "Prompt", text: str, prompt_token_ids: list[int], tokenizer: Any
) -> list[int]:
    """Tokenise a reference as the continuation of its prompt.

    A reference to a text is tokenised together with it, so that a word's leading space is right. If
    a token would span both, or in a chat, the reference is tokenised alone.
    """
    if prompt.text is not None:
        together = text_token_ids(prompt.text + text, tokenizer)
        if together[: len(prompt_token_ids)] == prompt_token_ids:
            return together[len(prompt_token_ids) :]
    alone: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return alone


def _prompt_tokens(samples: Path) -> dict[str, list[int]]:
    import pyarrow.parquet as pq

    found = {}
    for part in candidate_parts(samples, None):
        for row in pq.read_table(part, columns=["prompt_id", "prompt_token_ids"]).to_pylist():
            found[row["prompt_id"]] = row["prompt_token_ids"]
    return found
