"""The file of pairs, `pairs.parquet`, which is written a part of the pairs at a time."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from quotetune.models.reasoning import Answer
from quotetune.pairing.pairs import Pair
from quotetune.runtime.row_groups import ROWS_TOGETHER, write_tables
from quotetune.sampling.parts import ANSWER_CHAR, ANSWER_TOKEN

# The columns of the pairs of a model that thinks.
_ANSWERS = [
    f"{side}_{name}" for side in ("chosen", "rejected") for name in (ANSWER_CHAR, ANSWER_TOKEN)
]


def write_pairs(path: Path, pairs: Iterable[Pair], *, thinks: bool) -> None:
    """Write pairs.

    Args:
        path: The file.
        pairs: The pairs in their order, of which some thousands are in memory at a time.
        thinks: Whether a side of any pair `has_thoughts`, so that the file says where the answers
            start.
    """
    import pyarrow as pa

    schema = _schema(thinks=thinks)
    rows = (_row(pair) for pair in pairs)
    some = iter(lambda: list(islice(rows, ROWS_TOGETHER)), [])
    write_tables(path, schema, (pa.Table.from_pylist(one, schema) for one in some))


def has_thoughts(pair: Pair) -> bool:
    """Tell whether an answer of a pair starts after thoughts."""
    sides = (pair.chosen.candidate.answer, pair.rejected.candidate.answer)
    return any(answer is not None and (answer.char or answer.token) for answer in sides)


def _schema(*, thinks: bool) -> Any:
    import pyarrow as pa

    tokens = pa.list_(pa.int32())
    columns = {
        "prompt_id": pa.string(),
        "chosen_sample": pa.int32(),
        "rejected_sample": pa.int32(),
        "chosen": pa.string(),
        "rejected": pa.string(),
        "chosen_quip": pa.float64(),
        "rejected_quip": pa.float64(),
        "prompt_token_ids": tokens,
        "chosen_token_ids": tokens,
        "rejected_token_ids": tokens,
        "chosen_length": pa.int32(),
        "rejected_length": pa.int32(),
        "chosen_win_rate": pa.float64(),
        "rejected_win_rate": pa.float64(),
        "rejected_prompt_id": pa.string(),
    }
    fields = [pa.field(name, kind, nullable=False) for name, kind in columns.items()]
    # A pair across prompts has no preference.
    fields.append(pa.field("preference", pa.float64()))
    if thinks:
        fields += [pa.field(name, pa.int32()) for name in _ANSWERS]
    return pa.schema(fields)


def _row(pair: Pair) -> dict[str, Any]:
    chosen, rejected = pair.chosen.candidate, pair.rejected.candidate
    return {
        "prompt_id": chosen.prompt_id,
        "chosen_sample": chosen.sample,
        "rejected_sample": rejected.sample,
        "chosen": chosen.response,
        "rejected": rejected.response,
        "chosen_quip": chosen.quip,
        "rejected_quip": rejected.quip,
        "prompt_token_ids": chosen.prompt_token_ids,
        "chosen_token_ids": chosen.token_ids,
        "rejected_token_ids": rejected.token_ids,
        "chosen_length": chosen.length,
        "rejected_length": rejected.length,
        "chosen_win_rate": pair.chosen.win_rate,
        "rejected_win_rate": pair.rejected.win_rate,
        "rejected_prompt_id": rejected.prompt_id,
        "preference": pair.preference,
        **_answer_row("chosen", chosen.answer),
        **_answer_row("rejected", rejected.answer),
    }


def _answer_row(side: str, answer: Answer | None) -> dict[str, int]:
    """Return where the answer of a side starts; only responses with an answer are paired."""
    assert answer is not None
    return {f"{side}_{ANSWER_CHAR}": answer.char, f"{side}_{ANSWER_TOKEN}": answer.token}
