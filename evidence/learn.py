"""What tuning can learn from a guide: `python -m evidence.learn --help`.

All arms start from the base model and see the same training prompts. `sft` learns only the best
response to each, so it makes fewer steps. They are compared without and with a guide on development
prompts, which no run holds out and no arm trains on.
"""

import argparse
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from evidence.sampled import sampled
from quotetune import Index
from quotetune.config import Config, GuideConfig
from quotetune.config.validation import load_config
from quotetune.decoding.guidance import Guidance
from quotetune.evaluation.sample_metrics import evaluate_tables
from quotetune.measures.responses import highest
from quotetune.measures.scoring_models import ScoringModels
from quotetune.metrics.printing import print_table
from quotetune.models.tokenizer import load_tokenizer
from quotetune.prompts.prompt import Prompt
from quotetune.prompts.split import read_sources, split_prompts
from quotetune.runtime.console import say
from quotetune.runtime.whole_files import write_json

_ROWS = 8


@dataclass(frozen=True)
class Example:
    """A response to learn from, as token ids."""

    prompt: list[int]
    response: list[int]


@dataclass(frozen=True)
class Campaign:
    """What all arms have in common."""

    config: Config
    prompts: list[Prompt]
    dev: list[Prompt]
    strength: float
    n: int
    epochs: int
    rate: float
    work: Path


def main() -> None:
    """Draw, train the arms that are asked for, and compare them."""
    options = _options()
    config = load_config(options.config)
    settings = config.prompts.model_copy(update={"train_limit": options.prompts + options.dev})
    sources = read_sources(settings, config.model, config.sampling.max_tokens)
    [drawn] = split_prompts(sources, settings, 1).rounds
    campaign = Campaign(
        config,
        drawn[: options.prompts],
        drawn[options.prompts :],
        options.strength,
        options.n,
        options.epochs,
        options.rate,
        options.work,
    )
    index = Index.open(config.index)
    guided = _sample(campaign, campaign.prompts, "guided", None, options.strength, options.n)
    tables: dict[str, Any] = {}
    for strength in (0.0, 4.0):
        name = f"base, guide {strength:g}" if strength else "base"
        tables[name] = _sample(campaign, campaign.dev, name, None, strength, 4)
    for arm in options.arms:
        adapter = campaign.work / f"{arm}-{options.rate:g}-{options.epochs}"
        if not adapter.exists():
            _train(campaign, arm, _examples(arm, guided, index), adapter)
        for strength in (0.0, 4.0):
            name = adapter.name + (f", guide {strength:g}" if strength else "")
            tables[name] = _sample(campaign, campaign.dev, name, adapter, strength, 4)
    rows = evaluate_tables(campaign.dev, tables, index, ScoringModels(), campaign.work)
    metrics = {name: row.metrics for name, row in rows.items()}
    write_json(campaign.work / f"metrics-{'-'.join(options.arms)}.json", metrics)
    print_table(metrics)


def _sample(
    campaign: Campaign,
    prompts: Sequence[Prompt],
    name: str,
    adapter: Path | None,
    strength: float,
    n: int,
) -> Any:
    place = campaign.work / "samples" / name.replace(" ", "-")
    guide = GuideConfig(strength=strength, end="plain") if strength else None
    changes = {"n": n, "guide": guide}
    drawn = sampled(campaign.config, prompts, place, changes, adapter=adapter, round=1)
    say(f"{name}: drawn")
    return drawn


def _examples(arm: str, samples: Any, index: Index) -> list[Example]:
    """Choose the responses of an arm: all, or the best one to each prompt by QUIP."""
    if arm == "sft":
        quip = [0.0 if math.isnan(q) else q for q in index.quip(samples["response"].to_pylist())]
        samples = highest(samples, quip)
    columns = ["prompt_token_ids", "token_ids"]
    return [
        Example(row["prompt_token_ids"], row["token_ids"])
        for row in samples.select(columns).to_pylist()
    ]


def _train(campaign: Campaign, arm: str, examples: list[Example], output: Path) -> None:
    torch.manual_seed(0)
    config = campaign.config
    tokenizer = load_tokenizer(config.model)
    base = AutoModelForCausalLM.from_pretrained(config.model.path, dtype=torch.bfloat16)
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", **(config.lora or {})))
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=campaign.rate, weight_decay=0.0)
    guidance = Guidance(config.index, tokenizer, GuideConfig())
    batches = list(_batches(examples, campaign.epochs))
    for step, batch in enumerate(batches):
        share = (1 + math.cos(math.pi * step / len(batches))) / 2
        for group in optimizer.param_groups:
            group["lr"] = campaign.rate * min(1.0, (step + 1) / (0.1 * len(batches))) * share
        loss = _loss(model, batch, _LOSSES[arm], guidance, campaign)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if step % 10 == 0:
            say(f"{arm}: step {step + 1} of {len(batches)}, loss {loss.item():.3f}")
    model.save_pretrained(output)


def _batches(examples: list[Example], epochs: int) -> Iterator[list[Example]]:
    for epoch in range(epochs):
        order = list(examples)
        random.Random(epoch).shuffle(order)
        yield from (order[i : i + _ROWS] for i in range(0, len(order), _ROWS))


def _loss(
    model: Any, batch: list[Example], of_logits: Any, guidance: Guidance, campaign: Campaign
) -> torch.Tensor:
    """Return the loss of a batch: the mean over the tokens of its responses."""
    width = max(len(one.prompt) + len(one.response) for one in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    mask = torch.zeros(len(batch), width, dtype=torch.long)
    places: list[tuple[int, int]] = []
    for row, one in enumerate(batch):
        whole = one.prompt + one.response
        ids[row, : len(whole)] = torch.tensor(whole)
        mask[row, : len(whole)] = 1
        first = len(one.prompt) - 1
        places += [(row, first + i) for i in range(len(one.response))]
    rows, columns = (torch.tensor(side) for side in zip(*places, strict=True))

    def logits() -> torch.Tensor:
        given: torch.Tensor = model(input_ids=ids, attention_mask=mask).logits
        return given[rows, columns].float()

    def guided() -> torch.Tensor:
        with torch.no_grad(), model.disable_adapter():
            given = logits()
        responses = []
        for one in batch:
            for end in range(len(one.response)):
                response = guidance.response(strength=campaign.strength)
                response.follow(one.response[:end])
                responses.append(response)
        guidance.steer(given, range(len(responses)), responses)
        return given

    targets = ids[rows, columns + 1]
    loss: torch.Tensor = of_logits(logits(), guided, targets, campaign.config.sampling.temperature)
    return loss


def _sft(logits: torch.Tensor, _: Any, targets: torch.Tensor, __: float) -> torch.Tensor:
    return F.cross_entropy(logits, targets)


def _distil(
    logits: torch.Tensor, guided: Callable[[], torch.Tensor], _: torch.Tensor, temperature: float
) -> torch.Tensor:
    """Return KL(guided base model || student) at the temperature of sampling."""
    wanted = (guided() / temperature).log_softmax(-1)
    own = (logits / temperature).log_softmax(-1)
    return F.kl_div(own, wanted, reduction="batchmean", log_target=True)


_LOSSES = {"sft": _sft, "sft_all": _sft, "distil": _distil}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m evidence.learn", description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("configs/demo.yaml"))
    parser.add_argument("--arms", nargs="+", default=["sft", "distil"], choices=list(_LOSSES))
    parser.add_argument("--prompts", type=int, default=300)
    parser.add_argument("--dev", type=int, default=120)
    parser.add_argument("--n", type=int, default=2)
    parser.add_argument("--strength", type=float, default=8.0)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rate", type=float, default=4e-4)
    parser.add_argument("--work", type=Path, default=Path("runs/evidence/learn"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
