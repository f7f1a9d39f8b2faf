"""The stages that train the policy of a round: mix in earlier pairs, and train by DPO."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.errors import QuotetuneError, UsageError
from quotetune.metrics.row_names import SFT
from quotetune.runs.directory import PAIRS, round_name
from quotetune.runs.layout import Layout, flat
from quotetune.runs.stage import Stage
from quotetune.runtime.console import progress, say

if TYPE_CHECKING:
    from quotetune.training.run import TrainingProgress

# Keys of `dpo` and `sft` that change the log or the checkpoints, and not what is learned.
_KEYS_WITHOUT_EFFECT = {
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


def stages(layout: Layout, number: int) -> list[Stage]:
    """Return the stages that train a round's policy."""
    mixes = layout.replays(number)
    return [*([mix(layout, number)] if mixes else []), train(layout, number)]


def learned(block: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of a `dpo:` or `sft:` block that change what is learned.

    Example:
        >>> learned({"beta": 0.1, "logging_steps": 1})
        {'beta': 0.1}
    """
    return {key: value for key, value in block.items() if key not in _KEYS_WITHOUT_EFFECT}


def mix(layout: Layout, number: int) -> Stage:
    """Mix pairs of earlier rounds into those of a round."""
    config = layout.config
    shares = config.replay[: number - 1]
    first = number - len(shares)
    earlier = {before: layout.pairs(before) for before in range(first, number)}

    def make(result: Path) -> None:
        from quotetune.pairing.replay import mix_pairs

        counts = mix_pairs(layout.pairs(number), earlier, shares, result, seed=config.seed)
        counted = ", ".join(f"{count} of {name}" for name, count in counts.items())
        say(f"  pairs to learn: {counted}")

    settings = {"replay": shares, "seed": config.seed}
    inputs = {"the pairs": layout.pairs(number)}
    inputs |= {f"the pairs of round {before}": path for before, path in earlier.items()}
    return Stage(f"{round_name(number)}/replay", layout.replay(number), settings, inputs, make)


def train(layout: Layout, number: int) -> Stage:
    """Train on the pairs of a round."""
    pairs = layout.replay(number) / PAIRS if layout.replays(number) else layout.pairs(number)
    return _trained(layout, round_name(number), number, pairs, layout.config.dpo_of(number))


def sft(layout: Layout) -> Stage:
    """Train on the chosen side of the pairs of round 1 alone, as a baseline."""
    of_pairs = ("loss_weights", "label_smoothing", "use_weighting")
    block = {key: value for key, value in layout.config.dpo_of(1).items() if key not in of_pairs}
    return _trained(layout, SFT, 1, layout.pairs(1), block | {"loss_type": ["sft"]})


def _trained(
    layout: Layout, policy: str, number: int, pairs: Path, options: dict[str, Any]
) -> Stage:
    """Train a policy.

    Args:
        layout: The layout of the run.
        policy: The policy's name.
        number: The round from whose start it starts.
        pairs: The pairs.
        options: The keys of `trl.DPOConfig`.
    """
    config = layout.config
    start = layout.start(number)
    name = f"{policy}/train"
    origin = layout.origin_adapter() if config.reference == "base" else None

    def make(result: Path) -> None:
        from quotetune.training.run import run_training

        with named(name), progress(name, "steps") as report:
            run_training(
                pairs,
                result,
                work=layout.run / policy / "training",
                model=layout.model(start),
                adapter=layout.adapter(start),
                reference=config.reference,
                origin=origin,
                base_adapter=config.model.adapter,
                lora=config.lora,
                dpo=options,
                seed=config.seed,
                launch=config.launch,
                processes=config.processes,
                progress=lambda now: report(now.done, now.steps, _losses(now)),
                notice=lambda text: say(f"  {text}"),
            )

    settings: dict[str, Any] = {
        **layout.model_settings(start),
        **({"lora": None} if config.lora is None else flat("lora", config.lora)),
        **flat("dpo", learned(options)),
        "seed": config.seed,
    }
    inputs = {"the pairs": pairs, **layout.policy_inputs(start)}
    if number > 1:
        settings["reference"] = config.reference
        if origin is not None:
            inputs["the reference"] = origin
    if isinstance(config.launch, Path):  # its number of processes scales the batch
        inputs["launch"] = config.launch
    return Stage(name, layout.trained(policy), settings, inputs, make)


@contextmanager
def named(stage: str) -> Iterator[None]:
    """Put a stage's name in front of the message of an error in it."""
    try:
        yield
    except UsageError:
        raise
    except QuotetuneError as error:
        raise QuotetuneError(f"{stage}: {error}") from error


def _losses(now: "TrainingProgress") -> str:
    if now.loss is None:
        return ""
    if now.margin is None or now.accuracy is None:
        return f"loss {now.loss:.3f}"
    return f"loss {now.loss:.3f}, margin {now.margin:.2f}, accuracy {now.accuracy:.2f}"
