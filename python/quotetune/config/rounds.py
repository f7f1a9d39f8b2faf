"""The keys of a config that are about several rounds: `replay`, `best`, `early_stop`, `drift`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from quotetune.config.block import Block
from quotetune.config.problem import Problem
from quotetune.metrics.metric import Better
from quotetune.metrics.table import EVALUATED, metric_named

Share = Annotated[float, Field(ge=0, le=1)]


def _evaluated(key: str) -> str:
    if key not in EVALUATED:
        keys = ", ".join(map(repr, EVALUATED))
        raise ValueError(f"is {key!r}: choose one of {keys}")
    return key


class BestConfig(Block):
    """Which trained policy is the best one, the absorbed one included; it is kept as `best/`."""

    criterion: Annotated[str, AfterValidator(_evaluated)] = "quip"
    """A metric of the evaluation on the held-out prompts (docs/metrics.md)."""

    prefer: Better | None = None
    """Which value of it is the better one; `null` takes the usual one: lower for perplexity,
    repetition, cut and the false-positive floor, higher for all others. `pairs.direction: unquote`
    turns round what measures quoting."""

    def preferred(self, direction: Literal["quote", "unquote"]) -> Better:
        """Say which value is the better one.

        Args:
            direction: `pairs.direction`.

        Example:
            >>> BestConfig(criterion="coverage").preferred("unquote")
            'lower'
        """
        return self.prefer or _usual(self.criterion, direction)


class DriftConfig(Block):
    """How far the policy has gone from the base model, measured after every round."""

    outside: Path | None = None
    """Text outside the corpus (`.jsonl` or `.parquet` with a column `text`, or a text file): its
    perplexity under each policy shows what the training has damaged. `null` leaves it out."""

    max_tokens: int = Field(default=8192, gt=0)
    """At most so many tokens of it."""


def round_problems(blocks: Mapping[str, Any]) -> list[Problem]:
    """Check what `rounds` and the keys about several rounds mean together.

    Args:
        blocks: The valid blocks and values of a config.

    Returns:
        The problems.

    Example:
        >>> print(*round_problems({"rounds": 1, "replay": [0.3]}))
        replay: is [0.3], and one round has none before it: set rounds to 2 or more
    """
    problems = []
    rounds, replay = blocks.get("rounds", 1), blocks.get("replay", [])
    best: BestConfig = blocks.get("best", BestConfig())
    if rounds == 1 and any(replay):
        text = f"is {replay}, and one round has none before it: set rounds to 2 or more"
        problems.append(Problem("replay", text))
    if rounds == 1 and blocks.get("early_stop"):
        problems.append(Problem("early_stop", "has nothing to stop: set rounds to 2 or more"))
    criterion = metric_named(best.criterion)
    on_demand = criterion.measured == "on demand" and "evaluation" in blocks
    if on_demand and getattr(blocks["evaluation"], best.criterion) is None:
        text = f"{best.criterion} is not measured: set evaluation.{best.criterion}"
        problems.append(Problem("best.criterion", text))
    if best.prefer and criterion.of_quotes and "pairs" in blocks:
        direction = blocks["pairs"].direction
        wanted = _usual(best.criterion, direction)
        if best.prefer != wanted:
            text = (
                f"is {best.prefer}, {best.criterion} measures quoting and pairs.direction is"
                f" {direction}: leave it out, or set it to {wanted}"
            )
            problems.append(Problem("best.prefer", text))
    return problems


def _usual(criterion: str, direction: str) -> Better:
    return metric_named(criterion).better_in(direction) or "higher"
