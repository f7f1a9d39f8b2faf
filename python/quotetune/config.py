"""The keys of a run's config: one YAML file describes a whole run, and nothing else does.

Paths are relative to the current directory, as on the command line.
"""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    field_validator,
    model_validator,
)

from quotetune.config_absorb import AbsorbConfig
from quotetune.config_citations import CitationsConfig, switched
from quotetune.config_context import ContextConfig
from quotetune.config_measures import LmEvalConfig, MauveConfig, PerplexityModel
from quotetune.config_preference import (
    CandidatesConfig,
    ConstraintsConfig,
    NegativesConfig,
    PreferenceConfig,
)
from quotetune.config_rounds import BestConfig, DriftConfig, Share
from quotetune.sampling.settings import ModelConfig, SamplingConfig


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class PromptsConfig(_Block):
    """Where prompts come from, what the model is shown of them, and how they are split."""

    path: Path
    """JSONL or Parquet with `prompt` (a text or chat messages), and optionally `id`, `reference`,
    `topic` and `documents` (a list of `{source, id}`); further columns travel along."""

    format: Literal["chat", "text"] = "chat"
    """`chat`: the prompt is a user's turn and goes through the model's chat template; `text`: the
    model continues it."""

    system: str | None = None
    """A system message before every chat that has none of its own."""

    template: str = "{prompt}"
    """Text around a prompt that is a text; `{prompt}` is replaced by it. Chat messages are taken
    as they are."""

    prefix_tokens: PositiveInt | None = None
    """Open-ended completion: show the model this many tokens of each text only. What follows, as
    much as `sampling.max_tokens`, becomes the reference, unless the prompt has its own."""

    heldout_fraction: float = Field(default=0.1, gt=0, lt=1)
    """Share of the prompts that are never trained on, but evaluated."""

    salt: str = "heldout"
    """Goes into the hash of a prompt that decides on which side of the split it is. It is apart
    from `seed`, so that runs with different seeds have the same held-out prompts."""

    train_limit: PositiveInt | None = None
    """Training prompts a round, those of the lowest hashes first; `null` takes all, in equal parts
    for each round."""

    heldout_limit: PositiveInt | None = None
    """Held-out prompts to be evaluated, those of the lowest hashes; `null` takes all."""

    context: ContextConfig | None = None
    """The passages that every prompt is to be answered from; `null` gives it none."""

    @field_validator("template")
    @classmethod
    def _template_has_the_prompt(cls, template: str) -> str:
        if "{prompt}" not in template:
            raise ValueError("there is no {prompt} in it: put {prompt} where the prompt belongs")
        return template

    @model_validator(mode="after")
    def _only_chats_have_system_messages(self) -> Self:
        if self.format == "text" and self.system is not None:
            raise ValueError(
                "system is for chats, and format is text: remove system, or set format to chat"
            )
        if self.format == "chat" and self.prefix_tokens is not None:
            raise ValueError(
                "prefix_tokens is for texts, and format is chat: remove prefix_tokens, or set"
                " format to text"
            )
        return self


class PairsConfig(_Block):
    """How preference pairs are made of the responses to a prompt (Zhang et al. 2025, section 3).

    A pair (chosen, rejected) is valid if the chosen side is preferred: if its QUIP is higher by
    more than `delta_quip`, its win rate by at least `margin`, and the lengths differ by at most
    `delta_length`. The rules rank responses by win rate, or by QUIP if there is no `preference`.
    """

    rule: Literal[
        "average", "first_fit", "random_partner", "widest_gap", "west_of_n", "large_margin"
    ] = "random_partner"
    """Which valid pair. `average`: the highest mean QUIP of both sides (the paper's text).
    `first_fit`: the first in the order of QUIP (the paper's algorithm). `random_partner`: the
    response of highest QUIP that has a valid partner, with a partner drawn at random; a gap of
    exactly `delta_quip` is enough (the released code). `widest_gap`: the same response, with its
    valid partner of lowest QUIP. `west_of_n`: the widest gap in win rate, no response in two pairs
    (West-of-N). `large_margin`: all valid pairs, which takes a `margin` (DNO)."""

    delta_quip: NonNegativeFloat | None = 0.1
    """Gap in QUIP, as a fraction, that a valid pair must exceed; `null` asks for none, as where the
    preference is about something else."""

    delta_length: NonNegativeFloat = 0.1
    """Largest difference in tokens, relative to the shorter response."""

    margin: float | None = Field(default=None, ge=0, le=1)
    """Gap in win rate that a valid pair must have; `null` asks for none."""

    pairs_per_prompt: PositiveInt | None = None
    """At most so many pairs a prompt; `null` is one, and all for `large_margin`."""

    quantile: float | None = Field(default=None, ge=0, lt=1)
    """Keep the pairs whose preference P(chosen > rejected) is at least this quantile of those of
    all prompts: 0.5 keeps the more certain half. `null` keeps all."""

    direction: Literal["quote", "unquote"] = "quote"
    """`quote` prefers the higher QUIP, `unquote` the lower one: the same rule on negated QUIP, and
    on every other criterion that measures quoting."""

    negatives: NegativesConfig | None = None
    """Responses that are rejected whatever they quote."""

    constraints: ConstraintsConfig | None = None
    """What the chosen side must not pay for its preference."""

    citations: CitationsConfig | None = None
    """Train on responses that end with the ids of the documents they quote, and measure the ids
    that the model gives; `true` takes the defaults, `null` or `false` leaves ids out."""

    @field_validator("citations", mode="before")
    @classmethod
    def _citations_may_be_switched(cls, value: Any) -> Any:
        return switched(value)

    @model_validator(mode="after")
    def _citations_are_of_quotes(self) -> Self:
        if self.citations is not None and self.direction == "unquote":
            raise ValueError(
                "citations name what the preferred response quotes, and direction unquote prefers"
                " the one that quotes less: remove citations, or set direction to quote"
            )
        return self

    @model_validator(mode="after")
    def _a_large_margin_is_stated(self) -> Self:
        if self.rule == "large_margin" and self.margin is None:
            raise ValueError("rule large_margin takes all pairs with a margin: set pairs.margin")
        return self

    @property
    def most_pairs(self) -> int | None:
        """The most pairs that a prompt may give; None for all."""
        if self.pairs_per_prompt is None and self.rule != "large_margin":
            return 1
        return self.pairs_per_prompt


class EvaluationConfig(_Block):
    """How the model is evaluated on the held-out prompts, before and after."""

    sampling: dict[str, Any] = {}
    """Keys of `sampling` that differ here. `n` is 1 unless it is given; with more, the metrics
    are means over all responses."""

    best_of_n: PositiveInt | None = None
    """Yardstick: the base model's response of highest QUIP among so many; `null` leaves it out."""

    baselines: list[Literal["according_to"]] = []
    """Further rows. `according_to`: the base model, asked by its system message to answer from the
    sources that it was trained on (Weller et al. 2024)."""

    perplexity: PerplexityModel | None = None
    """The model under which the responses' perplexity is computed: a causal one, with the keys of
    `model`; `base` takes the run's own base model, `null` leaves it out."""

    bart_score: ModelConfig | None = None
    """The encoder-decoder model of BARTScore, with the keys of `model`; `null` leaves it out."""

    mauve: MauveConfig | None = None
    """MAUVE against the references; `{}` takes the defaults, `null` leaves it out."""

    reward_accuracy: bool = False
    """Whether to measure how many held-out preference pairs the tuned model gets right: pairs made
    by the run's own rule of the held-out prompts' responses, of which there must be two or more."""

    lm_eval: LmEvalConfig | None = None
    """Benchmarks of general ability, before and after; `null` leaves them out."""


class Config(_Block):
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


def evaluation_sampling(sampling: SamplingConfig, evaluation: EvaluationConfig) -> SamplingConfig:
    """Return the run's sampling with the evaluation's differences; one response a prompt.

    Raises:
        pydantic.ValidationError: The differences are no valid keys or values of `sampling`.

    Example:
        >>> run = SamplingConfig(n=8, max_tokens=64)
        >>> drawn = evaluation_sampling(run, EvaluationConfig(sampling={"max_tokens": 128}))
        >>> drawn.n, drawn.max_tokens
        (1, 128)
    """
    return SamplingConfig(**{**sampling.model_dump(), "n": 1, **evaluation.sampling})


__all__ = [
    "CandidatesConfig",
    "Config",
    "EvaluationConfig",
    "ModelConfig",
    "PairsConfig",
    "PreferenceConfig",
    "PromptsConfig",
    "SamplingConfig",
    "evaluation_sampling",
]
