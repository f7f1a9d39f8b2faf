"""Where things are in a run's directory, and which policies there are.

A policy is named by what made it: `base`, the untouched model, or `round-k`, that of round k.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quotetune.config import Config

BASE = "base"


@dataclass(frozen=True)
class Layout:
    """The places of a run.

    Attributes:
        config: The run's config.
    """

    config: Config

    def round(self, number: int) -> Path:
        """Return the directory of a round."""
        return self.config.run / f"round-{number}"

    def evaluation(self, policy: str) -> Path:
        """Return the directory of a policy's evaluation."""
        return self.config.run / "evaluation" / policy

    @property
    def heldout(self) -> Path:
        """The held-out prompts."""
        return self.config.run / "prompts" / "heldout.parquet"

    def start(self, number: int) -> str:
        """Name the policy that a round samples from and starts from."""
        return BASE if number == 1 else f"round-{number - 1}"

    def adapter(self, policy: str) -> Path | None:
        """Return what training wrote of a policy; None for the base model."""
        return None if policy == BASE else self.config.run / policy / "adapter"

    def model_inputs(self) -> dict[str, Path]:
        """A model's directory is an input; a name on the Hub is only a setting."""
        path = Path(self.config.model.path)
        return {"model.path": path} if path.exists() else {}

    def policy_inputs(self, policy: str) -> dict[str, Path]:
        """Return the files that a policy consists of."""
        adapter = self.adapter(policy)
        return self.model_inputs() | ({} if adapter is None else {"the adapter": adapter})


def flat(name: str, block: dict[str, Any]) -> dict[str, Any]:
    """Return a block's keys as they are written with `--set`.

    Example:
        >>> flat("pairs", {"delta_quip": 0.1})
        {'pairs.delta_quip': 0.1}
    """
    return {f"{name}.{key}": value for key, value in block.items()}
