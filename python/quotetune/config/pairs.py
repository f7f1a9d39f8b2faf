"""The keys of a config's blocks `candidates:` and `pairs:`."""

from typing import Any, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    field_validator,
    model_validator,
)

from quotetune.config.block import Block, ModelConfig


class CandidatesConfig(Block):
    """What is ranked beside the samples."""

    gold: bool = False
    """Rank the prompt's `reference` among its samples, as DNO does with a teacher's response."""


class NegativesConfig(Block):
    """Responses that are rejected whatever they quote."""

    repetition: float | None = Field(default=None, gt=0, le=1)
    """A sample that repeats at least this share of its word 4-grams loses every comparison: it is
    never chosen, and `delta_quip` is not asked of a pair that rejects it."""

    cross_prompt: NonNegativeInt = 0
    """Further pairs for every prompt that has one: the same chosen response, and rejected is the
    response of highest QUIP to another prompt, drawn at random among those of fitting length."""


class ConstraintConfig(Block):
    """A bound on how much worse the chosen side may be than the rejected one."""

    worse_by: NonNegativeFloat
    """The largest difference to the chosen side's disadvantage. A pair of which a side has no
    value, as of a prompt without reference, is not held to it."""


class PerplexityConstraintConfig(ConstraintConfig):
    """Bounds how much higher the chosen side's perplexity may be."""

    model: ModelConfig | None = None
    """The scoring model; `null` takes that of `preference.perplexity`, or the run's base model."""


class BartScoreConstraintConfig(ConstraintConfig):
    """Bounds how much lower the chosen side's BARTScore against the reference may be."""

    model: ModelConfig = ModelConfig(path="facebook/bart-large-cnn")
    """An encoder-decoder model."""


class ConstraintsConfig(Block):
    """What the chosen side of a pair must not pay for its preference."""

    perplexity: PerplexityConstraintConfig | None = None
    """Perplexity under a scoring model."""

    reference_similarity: ConstraintConfig | None = None
    """ROUGE-L against the prompt's reference."""

    bart_score: BartScoreConstraintConfig | None = None
    """BARTScore against the prompt's reference."""


class CitationsConfig(Block):
    """Responses that end with the ids of the documents they quote, as in `... [Ice]`."""

    most: PositiveInt = 3
    """At most so many ids a response; it is the k of Hits@k, too."""


class PairsConfig(Block):
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
        # `true` is a block of defaults.
        return ({} if value else None) if isinstance(value, bool) else value

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
