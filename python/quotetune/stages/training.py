"""The stage that trains a round's policy on its pairs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.console import progress, say
from quotetune.stage import Stage
from quotetune.stages.layout import Layout, flat

if TYPE_CHECKING:
    from quotetune.training import TrainingProgress

# Keys of `dpo` that change what is logged or how often is saved, not what is learned.
_DPO_KEYS_WITHOUT_EFFECT = {
    "log_level",
    "logging_first_step",
    "logging_steps",
    "logging_strategy",
    "project",
    "report_to",
    "run_name",
    "save_steps",
    "save_strategy",
    "save_total_limit",
    "trackio_space_id",
}


def train(layout: Layout, number: int) -> Stage:
    """Train on the pairs of a round."""
    config = layout.config
    pairs = layout.round(number) / "pairs" / "pairs.parquet"
    name = f"round-{number}/train"

    def make(result: Path) -> None:
        from quotetune.training import run_training

        with progress(name, "steps") as report:
            run_training(
                pairs,
                result,
                work=layout.round(number) / "training",
                model=config.model,
                adapter=layout.adapter(layout.start(number)),
                reference=config.reference,
                lora=config.lora,
                dpo=config.dpo,
                seed=config.seed,
                launch=config.launch,
                progress=lambda now: report(now.done, now.steps, _losses(now)),
                notice=lambda text: say(f"  {text}"),
            )

    settings: dict[str, Any] = {
        **flat("model", config.model.model_dump()),
        **({"lora": None} if config.lora is None else flat("lora", config.lora)),
        **flat(
            "dpo",
            {k: v for k, v in config.dpo.items() if k not in _DPO_KEYS_WITHOUT_EFFECT},
        ),
        "seed": config.seed,
    }
    if number > 1:
        settings["reference"] = config.reference
    inputs = {"the pairs": pairs, **layout.policy_inputs(layout.start(number))}
    if config.launch is not None:  # the number of processes scales the batch
        inputs["launch"] = config.launch
    return Stage(name, layout.round(number) / "adapter", settings, inputs, make)


def _losses(now: "TrainingProgress") -> str:
    if now.loss is None:
        return ""
    return f"loss {now.loss:.3f}, margin {now.margin:.2f}, accuracy {now.accuracy:.2f}"
