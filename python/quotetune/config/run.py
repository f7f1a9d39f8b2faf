"""The keys at the top of a run's config. One YAML file describes a whole run.

Paths are relative to the current directory, as on the command line.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import PositiveInt, field_serializer

from quotetune.config.absorb import AbsorbConfig
from quotetune.config.block import Block, RunModelConfig, Seed
from quotetune.config.evaluation import EvaluationConfig, evaluation_sampling
from quotetune.config.pairs import CandidatesConfig, PairsConfig
from quotetune.config.preference import PreferenceConfig
from quotetune.config.prompts import PromptsConfig
from quotetune.config.rounds import BestConfig, DpoBlocks, DriftConfig, Share, dpo_by_key
from quotetune.config.sampling import SamplingConfig


class Config(Block):
    """A run: from prompts to a model that quotes, and its evaluation."""

    run: Path
    """Directory of the run, which gets all files that the run makes."""

    index: Path
    """Index of the corpus that the model learns to quote, built by `quotetune build-index`; or a
    `.json` list of indexes, which are opened as one."""

    seed: Seed = 0
    """Seed of sampling, of the random partner, of training and, without `evaluation.seed`, of the
    evaluation."""

    rounds: PositiveInt = 1
    """Number of rounds of sampling, pairing and training. Each starts from the policy of the round
    before and has its own prompts."""

    reference: Literal["previous", "base"] = "previous"
    """Reference model of a later round, to which DPO keeps the policy close. `previous`: the policy
    of the round before. `base`: the policy that the first round started from, which is the base
    model with `model.adapter`, if there is one, or, with `absorb`, the absorbed one."""

    replay: list[Share] = []
    """Shares of the pairs of earlier rounds that a round learns again. `[0.3, 0.15]` mixes in 30%
    of the pairs of the round before, and 15% of those of the one before that (Rosset et al.
    2024)."""

    best: BestConfig = BestConfig()
    """Choice of the trained policy that `best/` contains."""

    early_stop: bool = False
    """Whether to stop after a round whose policy is no better, by the criterion of `best`, than all
    policies before it and the model that the first round started from."""

    absorb: AbsorbConfig | None = None
    """Continued pre-training on the corpus's documents before the first round; `null` leaves it
    out."""

    model: RunModelConfig
    """Base model, the same for sampling and for training."""

    prompts: PromptsConfig
    """Prompts and their split."""

    sampling: SamplingConfig = SamplingConfig()
    """Sampling of responses."""

    candidates: CandidatesConfig = CandidatesConfig()
    """Candidates that are ranked together with the samples."""

    preference: PreferenceConfig | None = None
    """Preference that ranks candidates; `null` is QUIP alone, plain Quote-Tuning."""

    pairs: PairsConfig = PairsConfig()
    """Pairs from the candidates."""

    lora: dict[str, Any] | None = None
    """Keys of `peft.LoraConfig`; `null` trains all weights."""

    dpo: DpoBlocks = {}
    """Keys of `trl.DPOConfig`: all but those that the run itself sets. A list has such a block for
    each round, in order, as DNO changes the learning rate and beta from round to round."""

    launch: Literal["ddp", "fsdp2"] | Path | None = None
    """Training in several processes on this machine. `ddp`: each has the whole model. `fsdp2`: each
    has a shard of every weight. A path names a config file of `accelerate launch`; `null` trains in
    one process."""

    processes: PositiveInt | None = None
    """Number of processes of `ddp` and `fsdp2`; `null` is one per GPU. They share the batch of each
    step, so the run goes on with another number."""

    evaluation: EvaluationConfig = EvaluationConfig()
    """Evaluation on the held-out prompts, and on the development prompts if there are any."""

    drift: DriftConfig | None = None
    """Measurement of KL to the base model and of the perplexity of other text; `null` leaves it
    out."""

    @field_serializer("model")
    def _with_adapter(self, model: RunModelConfig) -> dict[str, Any]:
        """Keep the adapter in a config that is written to be read again."""
        adapter = {} if model.adapter is None else {"adapter": str(model.adapter)}
        return model.model_dump() | adapter

    def dpo_of(self, number: int) -> dict[str, Any]:
        """Return the block `dpo` of a round, counted from 1."""
        return self.dpo[number - 1] if isinstance(self.dpo, list) else self.dpo

    @property
    def dpo_blocks(self) -> dict[str, dict[str, Any]]:
        """The blocks of `dpo` by their keys in messages: one for all rounds, or one for each."""
        return dpo_by_key(self.dpo)

    @property
    def evaluation_sampling(self) -> SamplingConfig:
        """The sampling of the evaluation."""
        return evaluation_sampling(self.sampling, self.evaluation)

    @property
    def best_of_n(self) -> int | None:
        """The number of the base model's responses of which a baseline takes the best."""
        wanted = self.evaluation.best_of_n
        return self.sampling.drawn if wanted == "training" else wanted

    @property
    def evaluation_seed(self) -> int:
        """The seed of the evaluation."""
        return self.seed if self.evaluation.seed is None else self.evaluation.seed
