"""What the steps from samples to pairs read of a config."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from quotetune.config import CandidatesConfig, ModelConfig, PairsConfig, PreferenceConfig
from quotetune.errors import UsageError
from quotetune.metrics.criteria import CRITERIA

if TYPE_CHECKING:
    from quotetune.config import Config


@dataclass(frozen=True)
class RankingConfig:
    """The config of ranking candidates and pairing them.

    Attributes:
        index: The index of the corpus.
        model: The base model; None if there is none, as for `quotetune pair`.
        candidates: What is ranked beside the samples.
        preference: Which response is preferred; None is QUIP alone.
        pairs: How pairs are made.
        seed: The run's seed.
        max_tokens: Where a reference is cut.
    """

    index: Path
    model: ModelConfig | None
    candidates: CandidatesConfig
    preference: PreferenceConfig | None
    pairs: PairsConfig
    seed: int
    max_tokens: int

    @classmethod
    def of_run(cls, config: "Config") -> Self:
        """Take it from a run's config."""
        return cls(
            index=config.index,
            model=config.model,
            candidates=config.candidates,
            preference=config.preference,
            pairs=config.pairs,
            seed=config.seed,
            max_tokens=config.sampling.max_tokens,
        )

    @property
    def measures(self) -> list[str]:
        """What is measured of every candidate, beside `quip` and `length`."""
        used = set() if self.preference is None else set(self.preference.scored)
        negatives, constraints = self.pairs.negatives, self.pairs.constraints
        if negatives is not None and negatives.repetition is not None:
            used.add("repetition")
        if constraints is not None:
            used |= {name for name, bound in constraints if bound is not None}
        return sorted(name for name in used if CRITERIA[name].known_from is None)

    @property
    def needs_prompts(self) -> bool:
        """Whether the prompts themselves are read, not only what was sampled from them."""
        preference = self.preference
        compares = preference is not None and (preference.judge or preference.callables)
        measured = any("prompts" in CRITERIA[name].reads for name in self.measures)
        return bool(self.candidates.gold or compares or measured)

    def model_of(self, measure: str) -> ModelConfig | None:
        """Return the model that a measure takes; None for one that takes none.

        Raises:
            UsageError: It takes one, and none is named.
        """
        if "model" not in CRITERIA[measure].reads:
            return None
        constraints = self.pairs.constraints
        if measure == "bart_score":
            assert constraints is not None and constraints.bart_score is not None
            return constraints.bart_score.model
        blocks = (
            None if self.preference is None else self.preference.perplexity,
            None if constraints is None else constraints.perplexity,
        )
        named = [block.model for block in blocks if block is not None and block.model is not None]
        model = named[0] if named else self.model
        if model is None:
            raise UsageError(
                "preference.perplexity.model: name the model under which it is computed"
            )
        return model
