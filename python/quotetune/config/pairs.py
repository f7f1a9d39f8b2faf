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

from quotetune.config.block import Block
from quotetune.config.constraints import ConstraintsConfig


class CandidatesConfig(Block):
    """Candidates that are ranked together with the samples."""

    gold: bool = False
    """Whether to rank the prompt's `reference` among its samples, as DNO does with a teacher's
    response."""


class CrossPromptConfig(Block):
    """Cross-prompt pairs of Quote-Tuning's released code, for each prompt without a pair."""

    trials: PositiveInt = 100
    """Number of other prompts that are drawn at most. The first that fits makes the pair."""


class NegativesConfig(Block):
    """Responses that are rejected whatever they quote."""

    left_out_if_null = ("cross_prompt",)

    repetition: float | None = Field(default=None, gt=0, le=1)
    """Share of repeated word 4-grams from which on a sample loses every comparison. It is never
    chosen, and a pair that rejects it needs no gap of `delta_quip`. `null` leaves this out."""

    cross_prompt: CrossPromptConfig | None = None
    """One pair for a prompt that has none. It chooses the prompt's first sample, and rejects the
    first sample of another prompt, drawn at random, whose QUIP is higher by at least `delta_quip`
    and whose length fits (the released code). `{}` takes the defaults; `null` leaves it out."""

    best_of_other_prompts: NonNegativeInt = 0
    """Number of further pairs for every prompt that has a pair. They have the same chosen response,
    and reject another prompt's response of highest QUIP, drawn at random among those of fitting
    length. Before `cross_prompt` was the released rule, it was this number."""

    @field_validator("cross_prompt", mode="before")
    @classmethod
    def _is_no_number_of_pairs(cls, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int):
            return value
        if value == 0:
            return None
        raise ValueError(
            f"is {value}, a number of pairs, which best_of_other_prompts is now: rename the key, or"
            " write cross_prompt: {} for the rule of the released code"
        )


class CitationsConfig(Block):
    """Ids of the quoted documents at the end of responses, as in `... [Ice]`."""

    most: PositiveInt = 3
    """Number of ids per response at most. It is also the k of Hits@k."""


class PairsConfig(Block):
    """Preference pairs from the responses to a prompt (Zhang et al. 2025, section 3).

    A pair (chosen, rejected) is valid if the chosen side's QUIP is higher by more than
    `delta_quip`, its win rate is higher by at least `margin`, and the lengths differ by at most
    `delta_length`. The rules rank responses by win rate, or by QUIP if there is no `preference`.
    """

    left_out_if_null = ("own_margin",)

    rule: Literal[
        "average", "first_fit", "random_partner", "widest_gap", "west_of_n", "large_margin"
    ] = "random_partner"
    """Choice among the valid pairs. `average`: the highest mean QUIP of both sides (the paper's
    text). `first_fit`: the first in the order of QUIP (the paper's algorithm). `random_partner`:
    the response of highest QUIP that has a valid partner, with partners drawn at random; the next
    response is chosen only if these are fewer than `pairs_per_prompt`. A gap of exactly
    `delta_quip` is enough (the released code). `widest_gap`: the same response, with its valid
    partner of lowest QUIP. `west_of_n`: the widest gap in win rate, with no response in two
    pairs (West-of-N). `large_margin`: all valid pairs; it needs a `margin` (DNO)."""

    delta_quip: NonNegativeFloat | None = 0.1
    """Gap in QUIP, as a fraction, that a valid pair must exceed. `null` needs none; set it if the
    preference is not about QUIP."""

    delta_length: NonNegativeFloat = 0.1
    """Largest difference in tokens, relative to the shorter response."""

    margin: float | None = Field(default=None, ge=0, le=1)
    """Gap in win rate that a valid pair must have; `null` needs none."""

    own_margin: float | None = Field(default=None, ge=0, le=1)
    """Gap in win rate that is enough where the chosen side is the policy's own sample. `margin`
    then holds for references (`candidates.gold`). `null` takes `margin` for all (DNO)."""

    pairs_per_prompt: PositiveInt | None = None
    """Number of pairs per prompt at most; `null` is one, or all for `large_margin`."""

    quantile: float | None = Field(default=None, ge=0, lt=1)
    """Quantile of the preferences P(chosen > rejected) of all prompts below which pairs are
    dropped. 0.5 keeps the more certain half; `null` keeps all."""

    direction: Literal["quote", "unquote"] = "quote"
    """Preferred direction of quoting. `quote` prefers the higher QUIP. `unquote` prefers the lower
    one: it negates QUIP and every other criterion that measures quoting."""

    negatives: NegativesConfig | None = None
    """Responses that are rejected whatever they quote."""

    constraints: ConstraintsConfig | None = None
    """Bounds on the values of the two sides of a pair."""

    citations: CitationsConfig | None = None
    """Training on responses that end with the ids of the documents they quote, and a measurement
    of the ids that the model then gives. `true` takes the defaults; `null` or `false` leaves ids
    out."""

    @field_validator("citations", mode="before")
    @classmethod
    def _citations_may_be_switched(cls, value: Any) -> Any:
        # `true` is a block of defaults.
        return ({} if value else None) if isinstance(value, bool) else value

    @model_validator(mode="after")
    def _citations_name_quoted_documents(self) -> Self:
        if self.citations is not None and self.direction == "unquote":
            raise ValueError(
                "citations name the documents that the chosen response quotes, but direction"
                " unquote chooses the response that quotes less: remove citations, or set direction"
                " to quote"
            )
        return self

    @model_validator(mode="after")
    def _a_large_margin_is_stated(self) -> Self:
        if self.rule == "large_margin" and self.margin is None:
            raise ValueError("rule large_margin needs a margin: set pairs.margin")
        return self

    @model_validator(mode="after")
    def _the_margin_of_own_samples_is_the_smaller_one(self) -> Self:
        if self.own_margin is not None and self.margin is None:
            raise ValueError("own_margin needs a margin, for references: set pairs.margin")
        if (
            self.own_margin is not None
            and self.margin is not None
            and self.own_margin > self.margin
        ):
            raise ValueError(
                f"own_margin is {self.own_margin}, above the margin {self.margin} of references:"
                " lower it, or leave it out"
            )
        return self

    @property
    def most_pairs(self) -> int | None:
        """The highest number of pairs of a prompt; None for all."""
        if self.pairs_per_prompt is None and self.rule != "large_margin":
            return 1
        return self.pairs_per_prompt
