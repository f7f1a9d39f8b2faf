"""The README.md of a trained adapter or model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quotetune.metrics.table import metrics_of
from quotetune.rendering.markdown import markdown_table
from quotetune.runtime.whole_files import write_text
from quotetune.training.run import RECORD_NAME

_TEMPLATE = """\
---
{metadata}
---

# {title}

{what}

## How to load it

```python
{loading}
```
{numbers}
## Training

| | |
|---|---|
{facts}

Options of `trl.{trainer}`:

```json
{options}
```

Options of `peft.LoraConfig`:

```json
{lora}
```

Versions: {versions}.
"""

_QUOTE_TUNED = """\
{base} after quote-tuning. Preference pairs were made from its own responses, and the chosen one is
the one with the higher QUIP-Score (Zhang et al. 2025, [arXiv 2404.03862](https://arxiv.org/abs/2404.03862)).
The model was then trained on the pairs by DPO."""

_FINE_TUNED = """\
{base} after supervised fine-tuning on the chosen side of preference pairs, as a baseline of
quote-tuning (Zhang et al. 2025, [arXiv 2404.03862](https://arxiv.org/abs/2404.03862))."""

_ABSORBED = """\
{base} after continued pre-training on documents of the corpus that it will quote, before any
quote-tuning (Khalifa et al. 2024, [arXiv 2404.01019](https://arxiv.org/abs/2404.01019))."""

_LOAD_ADAPTER = """\
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained({base!r})
model = PeftModel.from_pretrained(model, "path/to/this/directory")
tokenizer = AutoTokenizer.from_pretrained("path/to/this/directory")"""

_LOAD_MODEL = """\
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("path/to/this/directory")
tokenizer = AutoTokenizer.from_pretrained("path/to/this/directory")"""


def write_model_card(directory: Path, metrics: Mapping[str, Mapping[str, float | None]]) -> None:
    """Write the model card of a trained adapter or model; an older one is replaced.

    Args:
        directory: The adapter or model, with its `training.json`.
        metrics: Metrics on held-out prompts by name, such as `base` and `round 1`; may be empty.
    """
    record = json.loads((directory / RECORD_NAME).read_text(encoding="utf-8"))
    write_text(directory / "README.md", model_card(record, metrics))


def model_card(
    record: dict[str, Any],
    metrics: Mapping[str, Mapping[str, float | None]],
    note: str = "",
    prompts: str = "Held-out",
) -> str:
    """Write the model card.

    Args:
        record: The content of `training.json`.
        metrics: Metrics by the name of their policy; may be empty.
        note: A note on the metrics.
        prompts: The kind of prompts that they were measured on.

    Returns:
        Markdown with the metadata block of the Hugging Face Hub.
    """
    job = record["job"]
    base = job["base"]["path"]
    start = job.get("base_adapter")
    adapter = job["lora"] is not None and not job.get("merge", False)
    dpo = job.get("method", "dpo") == "dpo"
    tags = ["quotetune", "dpo" if dpo else "sft", "trl", *(["lora"] if adapter else [])]
    metadata = [
        f"base_model: {json.dumps(base)}",
        f"library_name: {'peft' if adapter else 'transformers'}",
        "pipeline_tag: text-generation",
        f"tags: {json.dumps(tags)}",
    ]
    facts = {"Base model": base}
    if start:
        facts["Adapter of the base model"] = start
    facts["Started from"] = job["adapter"] or job["model"]["path"]
    if dpo:
        from_base = job["reference"] == "base"
        facts["Reference policy"] = (
            "the base model" if from_base else "the policy that it started from"
        )
        if from_base and job.get("origin"):
            made = "with its adapter" if job["origin"] == start else "after continued pre-training"
            facts["Reference policy"] = f"the base model {made}"
    done, what = ("quote-tuned", _QUOTE_TUNED) if dpo else ("absorbed", _ABSORBED)
    if dpo and record["dpo"].get("loss_type") in ("sft", ["sft"]):
        done, what = "fine-tuned", _FINE_TUNED
    facts |= {
        "Pairs" if dpo else "Texts": record["pairs" if dpo else "texts"],
        "Tokens per epoch": sum(record["tokens"].values()),
        "Steps": record["steps"],
        "Epochs": record["epochs"],
        "Seed": job["seed"],
    }
    if record["history"]:
        last = record["history"][-1]
        facts["Loss at the end"] = f"{last['loss']:.4f}"
        if dpo:
            facts["Reward accuracy at the end"] = f"{last['accuracy']:.3f}"
    return _TEMPLATE.format(
        metadata="\n".join(metadata),
        title=f"{base.rstrip('/').rpartition('/')[2]}, {done}",
        what=what.format(base=f"{base} with the adapter {start}" if start else base),
        loading=_LOAD_ADAPTER.format(base=base) if adapter else _LOAD_MODEL,
        numbers=_numbers(metrics, note, prompts),
        facts="\n".join(f"| {name} | {value} |" for name, value in facts.items()),
        trainer="DPOConfig" if dpo else "SFTConfig",
        options=json.dumps(record["dpo" if dpo else "sft"], indent=2),
        lora=json.dumps(record["lora"], indent=2),
        versions=", ".join(f"{name} {version}" for name, version in record["versions"].items()),
    )


def _numbers(metrics: Mapping[str, Mapping[str, float | None]], note: str, prompts: str) -> str:
    if not metrics:
        return ""
    rows = [["", *metrics]]
    for metric in metrics_of(metrics.values()):
        rows.append([metric.label, *(metric.show(row.get(metric.key)) for row in metrics.values())])
    said = f"\n{note}\n" if note else ""
    return f"\n## {prompts} prompts\n\n" + "\n".join(markdown_table(rows)) + f"\n{said}"


def merged_card(card: str, base: str) -> str:
    r"""Turn the card of an adapter into that of the model it was merged into.

    Args:
        card: The card of the adapter, as `model_card` wrote it.
        base: The model that the adapter belongs to.

    Example:
        >>> print(merged_card("library_name: peft\n\n## How to load it\n", "m"))
        library_name: transformers
        <BLANKLINE>
        The adapter is merged into the weights.
        <BLANKLINE>
        ## How to load it
        <BLANKLINE>
    """
    heading = "## How to load it\n"
    return (
        card.replace("library_name: peft", "library_name: transformers", 1)
        .replace(', "lora"]', "]", 1)
        .replace(_LOAD_ADAPTER.format(base=base), _LOAD_MODEL, 1)
        .replace(heading, f"The adapter is merged into the weights.\n\n{heading}", 1)
    )
