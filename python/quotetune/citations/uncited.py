"""Samples without the ids at their ends, from which QUIP and all other measures are computed."""

from pathlib import Path
from typing import Any

from quotetune.citations.form import split_citations
from quotetune.citations.tokens import tokens_of_start
from quotetune.config import ModelConfig
from quotetune.models.tokenizer import end_token, load_tokenizer
from quotetune.sampling.parts import Row, part_paths


def write_uncited(samples: Path, output: Path, model: ModelConfig) -> int:
    """Copy samples without the ids at the ends of their responses.

    The text of a response that was cut among its ids was complete. Without them it counts as one
    that the model ended.

    Args:
        samples: Directory of the samples' parts.
        output: Directory that gets parts of the same names.
        model: The model, for its tokenizer and its end-of-text token.

    Returns:
        The number of responses that had ids.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    tokens = _Tokens(model)
    output.mkdir(parents=True, exist_ok=True)
    count = 0
    for part in part_paths(samples):
        table = pq.read_table(part)
        rows = table.to_pylist()
        stripped = [tokens.without_citations(row) for row in rows]
        count += sum(new is not old for new, old in zip(stripped, rows, strict=True))
        pq.write_table(pa.Table.from_pylist(stripped, table.schema), output / part.name)
    return count


class _Tokens:
    """Tokens of the model; the tokenizer is loaded when the first response has ids."""

    def __init__(self, model: ModelConfig) -> None:
        self._model = model
        self._tokenizer: Any = None
        self._end: int | None = None

    def without_citations(self, row: Row) -> Row:
        """Return a row of samples without ids; the same one if it has none."""
        text, _ = split_citations(row["response"], cut=row["finish_reason"] == "length")
        if text == row["response"]:
            return row
        if self._tokenizer is None:
            self._load()
        ids = tokens_of_start(row["token_ids"], text, self._tokenizer)
        end = self._end_of(row)
        return row | {
            "response": text,
            "token_ids": ids if end is None else [*ids, end],
            "finish_reason": row["finish_reason"] if end is None else "stop",
        }

    def _load(self) -> None:
        self._tokenizer = load_tokenizer(self._model)
        self._end = end_token(self._model, self._tokenizer)

    def _end_of(self, row: Row) -> int | None:
        """Return the end-of-text token that the model gave, or else its usual one."""
        last: int = row["token_ids"][-1]
        is_end = row["finish_reason"] == "stop" and last in self._tokenizer.all_special_ids
        return last if is_end else self._end
