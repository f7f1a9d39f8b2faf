"""The policies of a run, and the places of its files that depend on its config.

A policy is named by what made it: `base`, the original model with `model.adapter`, if there is one;
`absorbed`, that policy after `absorb`; or `round-k`, that of round k.
"""

from pathlib import Path
from typing import Any

from quotetune.config import Config, ModelConfig
from quotetune.config.absorb import is_whole
from quotetune.runs.directory import PAIRS, ROUND, RunDirectory, on_dev, round_name

BASE = "base"
ABSORBED = "absorbed"


class Layout(RunDirectory):
    """The places and the policies of a run, as its config determines them.

    Args:
        config: The run's config.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config.run)
        self.config = config

    def pairs(self, number: int) -> Path:
        """Return the file of a round's own pairs, as they are learned."""
        made = "pairs" if self.config.pairs.citations is None else "cited"
        return self.round(number) / made / PAIRS

    def measured(self, directory: Path) -> Path:
        """Return the samples that are measured: without ids, if ids are learned."""
        return directory / ("samples" if self.config.pairs.citations is None else "uncited")

    def unguided(self, evaluation: str) -> Path:
        """Return the samples that a policy draws without a guide in an evaluation."""
        guided = self.config.evaluation_sampling.guide is not None
        return self.evaluation(evaluation) / ("unguided" if guided else "samples")

    @property
    def has_dev(self) -> bool:
        """Whether choices are made on development prompts, and not on the held-out ones."""
        return self.config.prompts.dev_fraction is not None

    def deciding(self, policy: str) -> str:
        """Name the evaluation of a policy whose numbers decide: on development prompts, if any."""
        return on_dev(policy) if self.has_dev else policy

    def deciding_metrics(self, policy: str) -> Path:
        """Return the metrics of the evaluation of a policy whose numbers decide."""
        return self.metrics(self.deciding(policy))

    def replays(self, number: int) -> bool:
        """Tell whether a round also learns pairs of earlier rounds."""
        return number > 1 and any(self.config.replay[: number - 1])

    @property
    def origin(self) -> str:
        """The policy that the first round starts from."""
        return BASE if self.config.absorb is None else ABSORBED

    def start(self, number: int) -> str:
        """Name the policy that a round samples from, and whose training it continues."""
        return self.origin if number == 1 else round_name(number - 1)

    def number(self, policy: str) -> int:
        """Return the round of a policy; 0 for those before the first round."""
        return 0 if policy in (BASE, ABSORBED) else int(policy.removeprefix(ROUND))

    def policies(self) -> list[str]:
        """Name all policies, in the order in which they are trained."""
        rounds = [round_name(number) for number in range(1, self.config.rounds + 1)]
        return list(dict.fromkeys([BASE, self.origin, *rounds]))

    def adapter(self, policy: str) -> Path | None:
        """Return the adapter or whole model of a policy; None for a base model without adapter."""
        return self.config.model.adapter if policy == BASE else self.trained(policy)

    def origin_adapter(self) -> Path | None:
        """Return the adapter that the first round trains further; None if it makes a new one."""
        config = self.config
        if config.absorb is not None and is_whole(config.absorb, config.lora):
            return None
        return self.adapter(self.origin)

    def model(self, policy: str) -> ModelConfig:
        """Return the model that a policy's adapter belongs to.

        If the absorbed policy is a whole model, it is the model of the rounds' adapters.
        """
        config = self.config
        if config.absorb is None or not is_whole(config.absorb, config.lora):
            return config.model
        if policy in (BASE, ABSORBED):
            return config.model
        path = str(self.adapter(ABSORBED))
        return config.model.model_copy(update={"path": path, "revision": None})

    def model_inputs(self, policy: str = BASE) -> dict[str, Path]:
        """Return the model if it is a directory; a name on the Hub is only a setting."""
        model = self.model(policy)
        if model != self.config.model:
            return {"the absorbed model": Path(model.path)}
        return model_input("model.path", model)

    def model_settings(self, policy: str) -> dict[str, Any]:
        """Return the model's keys as settings, which stay the same when the run is moved."""
        model = self.model(policy)
        path = {} if model == self.config.model else {"path": ABSORBED}
        return flat("model", model.model_dump() | path)

    def policy_inputs(self, policy: str) -> dict[str, Path]:
        """Return the files that make up a policy."""
        adapter = self.adapter(policy)
        name = "model.adapter" if policy == BASE else "the adapter"
        return self.model_inputs(policy) | ({} if adapter is None else {name: adapter})


def model_input(name: str, model: ModelConfig) -> dict[str, Path]:
    """Return the model if it is a directory; a name on the Hub is only a setting."""
    path = Path(model.path)
    return {name: path} if path.exists() else {}


def flat(name: str, block: dict[str, Any]) -> dict[str, Any]:
    """Return a block's keys as they are written with `--set`.

    Example:
        >>> flat("pairs", {"delta_quip": 0.1})
        {'pairs.delta_quip': 0.1}
    """
    return {f"{name}.{key}": value for key, value in block.items()}
