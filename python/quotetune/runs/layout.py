"""The policies of a run, and what its config says of where things are.

A policy is named by what made it: `base`, the untouched model; `absorbed`, that model after
`absorb`; or `round-k`, that of round k.
"""

from pathlib import Path
from typing import Any

from quotetune.config import Config, ModelConfig
from quotetune.config.absorb import is_whole
from quotetune.runs.directory import PAIRS, RunDirectory

BASE = "base"
ABSORBED = "absorbed"


class Layout(RunDirectory):
    """The places of a run, and its policies, as its config has them.

    Args:
        config: The run's config.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config.run)
        self.config = config

    def pairs(self, number: int) -> Path:
        """Return a round's own pairs, as they are learned."""
        made = "pairs" if self.config.pairs.citations is None else "cited"
        return self.round(number) / made / PAIRS

    def measured(self, directory: Path) -> Path:
        """Return samples as they are measured: where ids are learned, without them."""
        return directory / ("samples" if self.config.pairs.citations is None else "uncited")

    def replays(self, number: int) -> bool:
        """Tell whether a round learns pairs of earlier rounds, too."""
        return number > 1 and any(self.config.replay[: number - 1])

    @property
    def origin(self) -> str:
        """Name the policy that the first round starts from: round 0."""
        return BASE if self.config.absorb is None else ABSORBED

    def start(self, number: int) -> str:
        """Name the policy that a round samples from and starts from."""
        return self.origin if number == 1 else f"round-{number - 1}"

    def number(self, policy: str) -> int:
        """Return a policy's round: 0 for what the first round starts from and what is before."""
        return 0 if policy in (BASE, ABSORBED) else int(policy.removeprefix("round-"))

    def policies(self) -> list[str]:
        """Name all policies, in the order in which they are trained."""
        rounds = [f"round-{number}" for number in range(1, self.config.rounds + 1)]
        return list(dict.fromkeys([BASE, self.origin, *rounds]))

    def adapter(self, policy: str) -> Path | None:
        """Return what training wrote of a policy; None for the base model."""
        return None if policy == BASE else self.trained(policy)

    def origin_adapter(self) -> Path | None:
        """Return the absorbed policy where it is an adapter that the rounds go on with."""
        config = self.config
        if config.absorb is None or is_whole(config.absorb, config.lora):
            return None
        return self.adapter(ABSORBED)

    def model(self, policy: str) -> ModelConfig:
        """Return the model that a policy's adapter lies on.

        Where the absorbed policy is a whole model, the rounds' adapters lie on that.
        """
        config = self.config
        if config.absorb is None or not is_whole(config.absorb, config.lora):
            return config.model
        if policy in (BASE, ABSORBED):
            return config.model
        path = str(self.adapter(ABSORBED))
        return config.model.model_copy(update={"path": path, "revision": None})

    def model_inputs(self, policy: str = BASE) -> dict[str, Path]:
        """A model's directory is an input; a name on the Hub is only a setting."""
        model = self.model(policy)
        if model != self.config.model:
            return {"the absorbed model": Path(model.path)}
        return model_input("model.path", model)

    def model_settings(self, policy: str) -> dict[str, Any]:
        """Return the model's keys as a stage's settings; the run may be moved with its models."""
        model = self.model(policy)
        path = {} if model == self.config.model else {"path": ABSORBED}
        return flat("model", model.model_dump() | path)

    def policy_inputs(self, policy: str) -> dict[str, Path]:
        """Return the files that a policy consists of."""
        adapter = self.adapter(policy)
        return self.model_inputs(policy) | ({} if adapter is None else {"the adapter": adapter})


def model_input(name: str, model: ModelConfig) -> dict[str, Path]:
    """A model's directory is an input; a name on the Hub is only a setting."""
    path = Path(model.path)
    return {name: path} if path.exists() else {}


def flat(name: str, block: dict[str, Any]) -> dict[str, Any]:
    """Return a block's keys as they are written with `--set`.

    Example:
        >>> flat("pairs", {"delta_quip": 0.1})
        {'pairs.delta_quip': 0.1}
    """
    return {f"{name}.{key}": value for key, value in block.items()}
