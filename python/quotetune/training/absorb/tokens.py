"""The tokens and labels of the texts that are absorbed, as the trainer takes them."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from quotetune.errors import QuotetuneError
from quotetune.prompts.chat import prompt_token_ids, text_token_ids
from quotetune.prompts.prompt import Prompt
from quotetune.training.absorb.texts import AbsorbText

_ROWS = 1000  # of a batch
_IGNORED = -100  # the label of a token that is not learned


def tokenized(
    texts: Iterable[AbsorbText],
    tokenizer: Any,
    max_length: int | None,
    variables: Mapping[str, Any] | None = None,
) -> Iterator[tuple[list[int], list[int]]]:
    """Turn texts into tokens and labels.

    A text ends with the end-of-text token. The prompt before it, if it has one, is not learned. A
    text that is too long continues in another row, without its prompt.

    Args:
        texts: The texts.
        tokenizer: The model's tokenizer.
        max_length: Largest number of tokens per row; None for no limit.
        variables: Variables of the chat template.

    Yields:
        The tokens and the labels of each row.

    Raises:
        QuotetuneError: `max_length` leaves no room for any text.
    """
    begin = text_token_ids("", tokenizer)
    begin = [] if begin == [tokenizer.eos_token_id] else begin
    if max_length is not None and max_length <= len(begin):
        raise QuotetuneError(
            f"absorb.sft.max_length is {max_length}, too short for any text: set it to at least"
            f" {len(begin) + 1}"
        )
    for text in texts:
        before = begin
        if text.prompt is not None:
            before = prompt_token_ids(Prompt("", **text.prompt), tokenizer, variables)
        ids = tokenizer(text.text, add_special_tokens=False)["input_ids"]
        ids = [*ids, tokenizer.eos_token_id]
        while ids:
            room = len(ids) if max_length is None else max_length - len(before)
            if room > 0:
                yield [*before, *ids[:room]], [_IGNORED] * len(before) + ids[:room]
                ids = ids[room:]
            before = begin


def write_rows(path: Path, rows: Iterator[tuple[list[int], list[int]]]) -> None:
    """Write rows as an Arrow stream, which `datasets` maps into memory.

    Args:
        path: The file.
        rows: What `tokenized` yields, the columns `input_ids` and `labels`.
    """
    import pyarrow as pa

    ids = pa.list_(pa.int64())
    schema = pa.schema([("input_ids", ids), ("labels", ids)])
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
        while some := list(islice(rows, _ROWS)):
            columns = [pa.array(column, ids) for column in zip(*some, strict=True)]
            stream.write_batch(pa.record_batch(columns, schema))
