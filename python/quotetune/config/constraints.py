"""The keys of a config's block `pairs.constraints:`, one for each criterion."""

from typing import Annotated, Self

from pydantic import AllowInfNan, Field, NonNegativeFloat, PositiveFloat, model_validator

from quotetune.config.block import Block, ModelConfig


class ConstraintConfig(Block):
    """Bounds on a criterion, all of which a pair must keep.

    They do not apply to a response without a value, such as one to a prompt without a reference.
    """

    left_out_if_null = ("relative_change", "top_share", "worst_chosen")

    worse_by: NonNegativeFloat | None = None
    """Largest difference to the chosen side's disadvantage. With 0 the chosen side is at least as
    good as the rejected one."""

    relative_change: PositiveFloat | None = None
    """Bound on the difference of the two sides, as a share of the smaller absolute value. The
    difference must be below it."""

    top_share: float | None = Field(default=None, gt=0, le=1)
    """Share of the prompt's responses that may be paired, those with the best values: from the
    quantile 1 - `top_share` on."""

    worst_chosen: Annotated[float, AllowInfNan(False)] | None = None
    """Worst value that the chosen side may have. It is the lowest one, or the highest one if lower
    is better."""

    @model_validator(mode="after")
    def _has_a_bound(self) -> Self:
        bounds = ("worse_by", "relative_change", "top_share", "worst_chosen")
        if all(getattr(self, name) is None for name in bounds):
            raise ValueError(f"has no bound: set one of {', '.join(bounds)}")
        return self


class ModelConstraintConfig(ConstraintConfig):
    """Bounds on a criterion that a scoring model measures."""

    model: ModelConfig | None = None
    """Scoring model; `null` takes that of the same criterion in `preference`, or the run's base
    model."""


class BartScoreConstraintConfig(ConstraintConfig):
    """Bounds on BARTScore against the prompt's reference."""

    model: ModelConfig = ModelConfig(path="facebook/bart-large-cnn")
    """Encoder-decoder model."""


class ConstraintsConfig(Block):
    """Bounds on the values of the two sides of a pair, by criterion.

    docs/preferences.md has the criteria. Their usual direction counts, which
    `pairs.direction: unquote` reverses for those that measure quoting.
    """

    left_out_if_null = (
        "quip",
        "on_topic_quip",
        "long_quotes",
        "rarity",
        "length",
        "answer_recall",
        "repetition",
        "answerability",
    )

    quip: ConstraintConfig | None = None
    """QUIP."""

    on_topic_quip: ConstraintConfig | None = None
    """QUIP in which only n-grams of the prompt's own `documents` count."""

    long_quotes: ConstraintConfig | None = None
    """Share of characters that are inside long quotes; `preference.long_quotes` says how long."""

    rarity: ConstraintConfig | None = None
    """Rarity of the quoted n-grams in the corpus."""

    length: ConstraintConfig | None = None
    """Number of tokens without the end-of-text token."""

    reference_similarity: ConstraintConfig | None = None
    """ROUGE-L against the prompt's reference."""

    answer_recall: ConstraintConfig | None = None
    """Whether the response contains one of the prompt's `answers`: 1 or 0."""

    repetition: ConstraintConfig | None = None
    """Share of word 4-grams that occur earlier in the response."""

    perplexity: ModelConstraintConfig | None = None
    """Perplexity under a scoring model."""

    answerability: ModelConstraintConfig | None = None
    """Mean log-likelihood of the question's words that the response does not contain."""

    bart_score: BartScoreConstraintConfig | None = None
    """BARTScore against the prompt's reference."""
