"""The keys of a config for several rounds: `replay`, `best`, `early_stop`, `dpo`, `drift`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from quotetune.config.block import Block
from quotetune.config.problem import Problem, in_round
from quotetune.metrics.metric import Better
from quotetune.metrics.table import EVALUATED, metric_named

Share = Annotated[float, Field(ge=0, le=1)]
BY_ROUND = "[rounds]"


def _kind(value: Any) -> str:
    return BY_ROUND if isinstance(value, list) else "[block]"


# The tags choose the type that a wrong value is reported for. Messages leave tags in brackets out.
DpoBlocks = Annotated[
    Annotated[dict[str, Any], Tag("[block]")] | Annotated[list[dict[str, Any]], Tag(BY_ROUND)],
    Discriminator(_kind),
]


def dpo_by_key(dpo: dict[str, Any] | list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the blocks of `dpo` by their keys in messages.

    Example:
        >>> dpo_by_key({"beta": 0.1})
        {'dpo': {'beta': 0.1}}
        >>> dpo_by_key([{"beta": 0.1}, {}])
        {'dpo.round-1': {'beta': 0.1}, 'dpo.round-2': {}}
    """
    if isinstance(dpo, dict):
        return {"dpo": dpo}
    return {in_round("dpo", number): block for number, block in enumerate(dpo, start=1)}


def _evaluated(key: str) -> str:
    if key not in EVALUATED:
        keys = ", ".join(map(repr, EVALUATED))
        raise ValueError(f"is {key!r}: choose one of {keys}")
    return key


class BestConfig(Block):
    """Choice of the best trained policy, which `best/` contains. The absorbed one is among them."""

    criterion: Annotated[str, AfterValidator(_evaluated)] = "quip"
    """Metric of the evaluation by which policies are compared (docs/metrics.md): that on the
    development prompts (`prompts.dev_fraction`), or on the held-out prompts if there are none."""

    prefer: Better | None = None
    """Better value of the metric; `null` takes the usual one: lower for perplexity, repetition, cut
    and the false-positive floor, higher for all others. `pairs.direction: unquote` reverses the
    metrics that measure quoting."""

    def preferred(self, direction: Literal["quote", "unquote"]) -> Better:
        """Return which value is better.

        Args:
            direction: `pairs.direction`.

        Example:
            >>> BestConfig(criterion="coverage").preferred("unquote")
            'lower'
        """
        return self.prefer or _usual(self.criterion, direction)


class DriftConfig(Block):
    """Distance of the policy from the base model, measured after every round.

    The base model includes `model.adapter`, if there is one.
    """

    outside: Path | None = None
    """Text outside the corpus: `.jsonl` or `.parquet` with a column `text`, or a text file. Its
    perplexity under each policy shows what the training has damaged. `null` leaves it out."""

    max_tokens: int = Field(default=8192, gt=0)
    """Number of tokens of `outside` that are used at most."""


def round_problems(blocks: Mapping[str, Any]) -> list[Problem]:
    """Check `rounds` together with the keys for several rounds.

    Args:
        blocks: The valid blocks and values of a config.

    Returns:
        The problems.

    Example:
        >>> print(*round_problems({"rounds": 1, "replay": [0.3]}))
        replay: is [0.3], but there is only one round: set rounds to 2 or more
    """
    problems = []
    rounds, replay = blocks.get("rounds", 1), blocks.get("replay", [])
    best: BestConfig = blocks.get("best", BestConfig())
    if rounds == 1 and any(replay):
        text = f"is {replay}, but there is only one round: set rounds to 2 or more"
        problems.append(Problem("replay", text))
    if rounds == 1 and blocks.get("early_stop"):
        problems.append(
            Problem("early_stop", "is set, but there is only one round: set rounds to 2 or more")
        )
    dpo = blocks.get("dpo")
    if isinstance(dpo, list) and "rounds" in blocks and len(dpo) != rounds:
        text = f"is a list of {len(dpo)}, but rounds is {rounds}: give one block per round, or one"
        problems.append(Problem("dpo", f"{text} for all rounds without a list"))
    criterion = metric_named(best.criterion)
    on_demand = criterion.measured == "on demand" and "evaluation" in blocks
    if on_demand and getattr(blocks["evaluation"], best.criterion) is None:
        text = f"{best.criterion} is not measured: set evaluation.{best.criterion}"
        problems.append(Problem("best.criterion", text))
    if best.prefer and criterion.of_quotes and "pairs" in blocks:
        direction = blocks["pairs"].direction
        usual = _usual(best.criterion, direction)
        if best.prefer != usual:
            text = (
                f"is {best.prefer}, but {best.criterion} measures quoting and pairs.direction is"
                f" {direction}: remove it, or set it to {usual}"
            )
            problems.append(Problem("best.prefer", text))
    return problems


def _usual(criterion: str, direction: str) -> Better:
    return metric_named(criterion).better_in(direction) or "higher"
