"""The part of a config that the steps from samples to pairs read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from quotetune.config import CandidatesConfig, ModelConfig, PairsConfig, PreferenceConfig
from quotetune.config.preference import LongQuotesConfig
from quotetune.errors import UsageError
from quotetune.metrics.criteria import CRITERIA

if TYPE_CHECKING:
    from quotetune.config import Config


@dataclass(frozen=True)
class RankingConfig:
    """Settings for ranking candidates and pairing them.

    A run's config has them all, and `quotetune pair` collects them from its options.

    Attributes:
        index: The index of the corpus.
        model: The base model; None if `quotetune pair` got none.
        candidates: Candidates that are ranked together with the samples.
        preference: The preference that ranks candidates; None is QUIP alone.
        pairs: Settings of the pairs.
        seed: The run's seed.
        max_tokens: Tokens after which a reference is cut.
        places: Where the run samples; see `SamplingConfig.places`.
    """

    index: Path
    model: ModelConfig | None
    candidates: CandidatesConfig
    preference: PreferenceConfig | None
    pairs: PairsConfig
    seed: int
    max_tokens: int
    places: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_run(cls, config: "Config") -> Self:
        """Take the settings from a run's config."""
        return cls(
            index=config.index,
            model=config.model,
            candidates=config.candidates,
            preference=config.preference,
            pairs=config.pairs,
            seed=config.seed,
            max_tokens=config.sampling.max_tokens,
            places=config.sampling.places,
        )

    @property
    def measures(self) -> list[str]:
        """The measures of every candidate that have a stage, in alphabetical order."""
        used = set() if self.preference is None else set(self.preference.scored)
        negatives, constraints = self.pairs.negatives, self.pairs.constraints
        if negatives is not None and negatives.repetition is not None:
            used.add("repetition")
        if constraints is not None:
            used |= {name for name, bound in constraints if bound is not None}
        return sorted(name for name in used if CRITERIA[name].known_from is None)

    @property
    def needs_prompts(self) -> bool:
        """Whether ranking reads the prompts themselves, and not only their samples."""
        preference = self.preference
        compares = preference is not None and (preference.judge or preference.callables)
        measured = any("prompts" in CRITERIA[name].reads for name in self.measures)
        return bool(self.candidates.gold or compares or measured)

    @property
    def min_chars(self) -> list[int]:
        """Characters of the shortest quotes that the measure `long_quotes` counts."""
        quotes = None if self.preference is None else self.preference.long_quotes
        return (quotes or LongQuotesConfig()).min_chars

    def model_of(self, measure: str) -> ModelConfig | None:
        """Return the model of a measure; None for a measure without one.

        Raises:
            UsageError: The measure needs a model, and none is named.
        """
        if "model" not in CRITERIA[measure].reads:
            return None
        constraints = self.pairs.constraints
        if measure == "bart_score":
            assert constraints is not None and constraints.bart_score is not None
            return constraints.bart_score.model
        blocks = (
            None if self.preference is None else getattr(self.preference, measure),
            None if constraints is None else getattr(constraints, measure, None),
        )
        named = [block.model for block in blocks if block is not None and block.model is not None]
        model = named[0] if named else self.model
        if model is None:
            raise UsageError(
                f"preference.{measure}.model: missing, and there is no base model: set it"
            )
        return model
