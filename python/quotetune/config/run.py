"""The keys of a run's config: one YAML file describes a whole run, and nothing else does.

Paths are relative to the current directory, as on the command line.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import NonNegativeInt, PositiveInt

from quotetune.config.absorb import AbsorbConfig
from quotetune.config.block import Block, ModelConfig
from quotetune.config.evaluation import EvaluationConfig, evaluation_sampling
from quotetune.config.pairs import CandidatesConfig, PairsConfig
from quotetune.config.preference import PreferenceConfig
from quotetune.config.prompts import PromptsConfig
from quotetune.config.rounds import BestConfig, DriftConfig, Share
from quotetune.config.sampling import SamplingConfig


class Config(Block):
    """A run: from prompts to a model that quotes, and its evaluation."""

    run: Path
    """Directory of the run: everything it makes is there."""

    index: Path
    """The index of the corpus that is to be quoted, built by `quotetune build-index`."""

    seed: NonNegativeInt = 0
    """Seed of sampling, of the random partner and of training."""

    rounds: PositiveInt = 1
    """Rounds of sampling, pairing and training; each starts from the policy of the one before and
    has its own prompts."""

    reference: Literal["previous", "base"] = "previous"
    """What a later round's policy is held close to: that of the round before, or what the first
    round started from, which is the base model or, with `absorb`, the absorbed one."""

    replay: list[Share] = []
    """Pairs of earlier rounds that a round learns again: `[0.3, 0.15]` mixes in 30% of the pairs of
    the round before and 15% of those of the one before that (Rosset et al. 2024)."""

    best: BestConfig = BestConfig()
    """Which trained policy is kept as `best/`."""

    early_stop: bool = False
    """Stop after a round that is no better, by the criterion of `best`, than all that came before
    it, the model that the first round started from included."""

    absorb: AbsorbConfig | None = None
    """Continued pre-training on the corpus's documents before the first round; `null` leaves it
    out."""

    model: ModelConfig
    """The model to tune."""

    prompts: PromptsConfig
    """The prompts."""

    sampling: SamplingConfig = SamplingConfig()
    """How responses are drawn."""

    candidates: CandidatesConfig = CandidatesConfig()
    """What is ranked beside the samples."""

    preference: PreferenceConfig | None = None
    """Which response is preferred; `null` is QUIP alone, plain Quote-Tuning."""

    pairs: PairsConfig = PairsConfig()
    """How pairs are made."""

    lora: dict[str, Any] | None = None
    """Keys of `peft.LoraConfig`; `null` trains all weights."""

    dpo: dict[str, Any] = {}
    """Keys of `trl.DPOConfig`; all are open but those that the run itself sets."""

    launch: Path | None = None
    """A config file of `accelerate launch`, to train on several devices; `null` trains on one."""

    evaluation: EvaluationConfig = EvaluationConfig()
    """The evaluation."""

    drift: DriftConfig | None = None
    """Measure KL to the base model and the perplexity of other text; `null` leaves it out."""

    @property
    def evaluation_sampling(self) -> SamplingConfig:
        """How responses are drawn for the evaluation."""
        return evaluation_sampling(self.sampling, self.evaluation)
