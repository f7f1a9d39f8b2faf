"""Pairs as a dataset for other trainers: TRL, axolotl and LLaMA-Factory.

TRL's preference format has a list of messages on each side. axolotl's `chat_template.default` and
LLaMA-Factory's ShareGPT ranking format have one message on each side. So the dataset has two files
with the same pairs.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from quotetune.errors import QuotetuneError
from quotetune.integrations.preference_dataset_card import dataset_card
from quotetune.runs.directory import PAIR_STATISTICS, PAIRS
from quotetune.sampling.parts import JOB_NAME

NAME = "quotetune_pairs"
_SIDES = ("chosen", "rejected")
_Row = dict[str, Any]


def write_preference_dataset(directory: Path, samples: Path) -> bool:
    """Write `dataset/` beside the pairs of `quotetune pair`.

    - `train.parquet`: `prompt`, `chosen`, `rejected` (lists of messages; texts if the prompts are
      not chats), `score_chosen` and `score_rejected` (QUIP), `chosen_cut` and `rejected_cut`
      (whether the response was cut at max_tokens), `preference` (P(chosen > rejected); null
      between answers to different prompts), `prompt_id`.
    - `messages.jsonl`, if the prompts are chats: `messages`, and `chosen` and `rejected` as one
      message each.
    - `dataset_info.json`, for LLaMA-Factory, and `README.md`, the dataset card.

    Args:
        directory: Directory of `pairs.parquet` and `pairs.json`.
        samples: Directory of the samples, whose `job.json` has the prompts.

    Returns:
        Whether the dataset was written. Samples that quotetune did not draw have no `job.json`, and
        then there is no dataset.

    Raises:
        QuotetuneError: `job.json` lacks a prompt of the pairs.
    """
    job = samples / JOB_NAME
    if not job.exists():
        return False
    prompts = {prompt["id"]: prompt for prompt in json.loads(job.read_text("utf-8"))["prompts"]}
    rows = list(_rows(directory / PAIRS, prompts, job))
    chats = isinstance(rows[0]["prompt"], list)
    output = directory / "dataset"
    output.mkdir()
    _write_parquet(output / "train.parquet", rows)
    if chats:
        _write_lines(output / "messages.jsonl", [_one_message_a_side(row) for row in rows])
    info = json.dumps({NAME: _llama_factory_entry(chats)}, indent=2)
    (output / "dataset_info.json").write_text(info + "\n", encoding="utf-8")
    statistics = json.loads((directory / PAIR_STATISTICS).read_text("utf-8"))
    card = dataset_card(
        statistics,
        NAME,
        chats=chats,
        # Those with a pair of their own, and those with pairs across prompts alone.
        prompts=len({row["prompt_id"] for row in rows}),
        cut=sum(row["chosen_cut"] for row in rows),
    )
    (output / "README.md").write_text(card, encoding="utf-8")
    return True


def _rows(pairs: Path, prompts: dict[str, _Row], job: Path) -> Iterator[_Row]:
    import pyarrow.parquet as pq

    for pair in pq.read_table(pairs).to_pylist():
        prompt = prompts.get(pair["prompt_id"])
        if prompt is None:
            raise QuotetuneError(
                f"{job}: prompt {pair['prompt_id']!r} is missing, though it has samples: sample"
                " again"
            )
        chat = prompt["messages"] is not None
        yield {
            "prompt": prompt["messages"] if chat else prompt["text"],
            **{side: _side(pair[side], chat) for side in _SIDES},
            **{f"score_{side}": pair[f"{side}_quip"] for side in _SIDES},
            # A response that is not cut has an end-of-text token, which its length leaves out.
            **{
                f"{side}_cut": len(pair[f"{side}_token_ids"]) == pair[f"{side}_length"]
                for side in _SIDES
            },
            "preference": pair["preference"],
            "prompt_id": pair["prompt_id"],
        }


def _side(response: str, chat: bool) -> Any:
    return [{"role": "assistant", "content": response}] if chat else response


def _one_message_a_side(row: _Row) -> _Row:
    sides = {side: row[side][0] for side in _SIDES}
    rest = {name: value for name, value in row.items() if name not in ("prompt", *sides)}
    return {"messages": row["prompt"], **sides, **rest}


def _llama_factory_entry(chats: bool) -> _Row:
    """Describe the dataset as LLaMA-Factory's data/README.md specifies: ShareGPT or Alpaca."""
    sides = {side: side for side in _SIDES}
    if not chats:
        return {
            "file_name": "train.parquet",
            "ranking": True,
            "columns": {"prompt": "prompt"} | sides,
        }
    return {
        "file_name": "messages.jsonl",
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {"messages": "messages"} | sides,
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
            "system_tag": "system",
        },
    }


def _write_parquet(path: Path, rows: list[_Row]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    text = pa.list_(message) if isinstance(rows[0]["prompt"], list) else pa.string()
    kinds = {
        "prompt": text,
        "chosen": text,
        "rejected": text,
        "score_chosen": pa.float64(),
        "score_rejected": pa.float64(),
        "chosen_cut": pa.bool_(),
        "rejected_cut": pa.bool_(),
        "preference": pa.float64(),
        "prompt_id": pa.string(),
    }
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(list(kinds.items()))), path)


def _write_lines(path: Path, rows: list[_Row]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
