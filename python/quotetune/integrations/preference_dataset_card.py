"""The README.md of a dataset of pairs: its contents, and how each trainer reads it."""

import json
from collections.abc import Mapping
from typing import Any

_CARD = """\
---
pretty_name: Preference pairs by QUIP-Score
task_categories: [text-generation]
tags: [quotetune, preference, dpo, trl, axolotl, llama-factory]
---

# Preference pairs by QUIP-Score

{pairs:,} pairs from {prompts:,} prompts. The chosen responses have a mean QUIP of {chosen:.1%} and
{chosen_length:.0f} tokens, the rejected ones {rejected:.1%} and {rejected_length:.0f} tokens. QUIP
is the share of a response's character n-grams that occur verbatim in a corpus; `score_chosen` and
`score_rejected` are the QUIP of each side. The pairs were made with these settings (Zhang et al.
2025, [arXiv 2404.03862](https://arxiv.org/abs/2404.03862)):

```json
{settings}
```

{cut:,} chosen responses were cut at the max_tokens of sampling (`chosen_cut`). The trainers below
end every response with an end-of-text token, even a cut one. Drop these pairs if the model must not
learn to end there.

## TRL

```sh
trl dpo --model_name_or_path MODEL --dataset_name path/to/this/directory --output_dir OUT
```

## axolotl

```yaml
{axolotl}
```

## LLaMA-Factory

`dataset_info.json` is beside the data:

```yaml
stage: dpo
dataset_dir: path/to/this/directory
dataset: {name}
```
"""

_AXOLOTL_CHATS = """\
rl: dpo
datasets:
  - path: path/to/this/directory/messages.jsonl
    ds_type: json
    split: train
    type: chat_template.default
    field_messages: messages
    field_chosen: chosen
    field_rejected: rejected"""

_AXOLOTL_TEXTS = """\
rl: dpo
datasets:
  - path: path/to/this/directory/train.parquet
    ds_type: parquet
    split: train
    type:
      field_prompt: prompt
      field_chosen: chosen
      field_rejected: rejected
      prompt_format: "{prompt}"
      chosen_format: "{chosen}"
      rejected_format: "{rejected}\""""


def dataset_card(
    statistics: Mapping[str, Any], name: str, *, chats: bool, prompts: int, cut: int
) -> str:
    """Write the dataset card.

    Args:
        statistics: The contents of `pairs.json`.
        name: Name of the dataset in `dataset_info.json`.
        chats: Whether the prompts are chats.
        prompts: Number of prompts that have a pair.
        cut: Number of chosen responses that were cut.

    Returns:
        Markdown with the metadata block of the Hugging Face Hub.
    """
    return _CARD.format(
        pairs=statistics["pairs"],
        prompts=prompts,
        chosen=statistics["chosen"]["quip"],
        rejected=statistics["rejected"]["quip"],
        chosen_length=statistics["chosen"]["length"],
        rejected_length=statistics["rejected"]["length"],
        settings=json.dumps(
            statistics["settings"] | {"preference": statistics["preference"]}, indent=2, default=str
        ),
        cut=cut,
        axolotl=_AXOLOTL_CHATS if chats else _AXOLOTL_TEXTS,
        name=name,
    )
