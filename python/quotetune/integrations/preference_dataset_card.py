"""The README.md of a dataset of pairs: what it is, and how each trainer reads it."""

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

{pairs:,} pairs of {prompts:,} prompts: QUIP {chosen:.1%} against {rejected:.1%}, at
{chosen_length:.0f} and {rejected_length:.0f} tokens. QUIP is the share of a response's character
n-grams that stand verbatim in a corpus; `score_chosen` and `score_rejected` are that of each side.
How the pairs were made (Zhang et al. 2025, [arXiv 2404.03862](https://arxiv.org/abs/2404.03862)):

```json
{settings}
```

{cut:,} chosen responses were cut at the sampling's max_tokens (`chosen_cut`). The trainers below
end every response with an end-of-text token, those too: drop them if the model is not to learn it.

## TRL

```sh
trl dpo --model_name_or_path MODEL --dataset_name path/to/this/directory --output_dir OUT
```

## axolotl

```yaml
{axolotl}
```

## LLaMA-Factory

`dataset_info.json` lies beside the data:

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


def dataset_card(statistics: Mapping[str, Any], name: str, *, chats: bool, cut: int) -> str:
    """Write the dataset card.

    Args:
        statistics: What `pairs.json` has.
        name: Name of the dataset in `dataset_info.json`.
        chats: Whether prompts are chats.
        cut: How many chosen responses were cut.

    Returns:
        Markdown with the metadata block of the Hugging Face Hub.
    """
    return _CARD.format(
        pairs=statistics["pairs"],
        prompts=statistics["prompts_with_pair"],
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
