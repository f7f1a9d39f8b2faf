"""The keys of a config's `preference:` block.

`quotetune.pairing.preference` computes the preference, and docs/preferences.md has the formulas
with their sources.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AllowInfNan,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    field_serializer,
    field_validator,
    model_validator,
)

from quotetune.config.block import Block, ModelConfig
from quotetune.config.sampling import PLACES, SamplingConfig
from quotetune.metrics.criteria import OF_PREFERENCE
from quotetune.metrics.metric import Better

# An infinite weight would make every share of the preference NaN or 0.
Weight = Annotated[PositiveFloat, AllowInfNan(False)]
_JUDGE_SAMPLING = {"n": 1, "temperature": 0.0, "max_tokens": 16, "chunk_prompts": 1024}
_JUDGE_TEMPLATE = """Two answers to a prompt follow. Which one is better: more correct, more to \
the point, and better supported?

Prompt: {prompt}

Answer A: {first}

Answer B: {second}

Say [[A]] if answer A is better, and [[B]] if answer B is better. Say nothing else."""


class CriterionConfig(Block):
    """A criterion's part of P(y > y'): w * sigmoid((s(y) - s(y')) / tau)."""

    weight: Weight = 1.0
    """Share of the preference. The weights of all criteria are divided by their sum."""

    tau: NonNegativeFloat | None = None
    """Temperature: a difference of `tau` in the criterion gives a preference of 73%. 0 is a vote:
    the better of two responses gets the whole weight, and equal ones get half each. `null` takes
    the criterion's usual temperature."""

    prefer: Better | None = None
    """Better value; `null` takes the usual one: lower for repetition and perplexity, higher for all
    others. `pairs.direction: unquote` reverses the criteria that measure quoting."""


class LongQuotesConfig(CriterionConfig):
    """Coverage by long quotes: one long quote counts more than many short ones."""

    min_chars: list[PositiveInt] = Field(default=[50, 100, 200], min_length=1)
    """Characters of the shortest quotes that count. With several values, the criterion is the mean
    of the coverages, one for each value."""


class PerplexityConfig(CriterionConfig):
    """Perplexity of a response, given its prompt, under a scoring model."""

    model: ModelConfig | None = None
    """Scoring model; `null` takes the run's own base model, without `model.adapter`."""


class AnswerabilityConfig(CriterionConfig):
    """Log-likelihood of the question's words that a response lacks, under a scoring model."""

    model: ModelConfig | None = None
    """Scoring model; `null` takes the run's own base model, without `model.adapter`."""


class CallableConfig(Block):
    """Your own preference."""

    function: str
    """`module:function`. The module is searched for in the current directory first, and then where
    Python finds modules. The function is called as `function(prompt, response, other)` with a
    `quotetune.prompts.Prompt` and two texts, and returns the probability, from 0 to 1, that the
    response is preferred to the other. It is made symmetric: (f(y, y') + 1 - f(y', y)) / 2."""

    weight: Weight = 1.0
    """Share of the preference."""

    @field_validator("function")
    @classmethod
    def _names_a_function(cls, function: str) -> str:
        if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*", function):
            raise ValueError(f"is {function!r}: write module:function, as in my_module:prefer")
        return function


class JudgeConfig(Block):
    """A local model that sees two answers, in both orders, and says which one is better."""

    weight: Weight = 1.0
    """Share of the preference."""

    model: ModelConfig
    """Model that judges."""

    comparisons: PositiveInt | None = None
    """Number of comparisons per prompt, each in both orders; `null` compares every two candidates.
    The run's seed draws them, so that all candidates are in equally many, as far as possible. Win
    rates are means over the comparisons that were made."""

    format: Literal["chat", "text"] = "chat"
    """Whether the question goes through the model's chat template."""

    template: str = _JUDGE_TEMPLATE
    """Question to the judge, with `{prompt}`, `{first}` and `{second}`. The judge must say [[A]] or
    [[B]], or only the letter. Any other reply counts as undecided."""

    sampling: dict[str, Any] = {}
    """Keys of `sampling` for the judge. By default it gives one reply of at most 16 tokens at
    temperature 0. With `n` above 1 and a temperature, its preference is the share of its votes."""

    @model_validator(mode="after")
    def _template_has_all_places(self) -> Self:
        places = {"{prompt}", "{first}", "{second}"}
        missing = sorted(place for place in places if place not in self.template)
        if missing:
            raise ValueError(f"the template has no {missing[0]}: add it")
        return self

    @field_serializer("sampling")
    def _without_places(self, sampling: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in sampling.items() if key not in PLACES}

    @property
    def all_sampling(self) -> SamplingConfig:
        """All settings of the sampling of the judge's replies, with those that have defaults."""
        return self.sampling_beside({})

    def sampling_beside(self, places: Mapping[str, Any]) -> SamplingConfig:
        """Return all settings of the sampling of the judge's replies.

        Args:
            places: Where the run samples (`SamplingConfig.places`), unless the judge says where.
        """
        return SamplingConfig(**{**_JUDGE_SAMPLING, **places, **self.sampling})


class PreferenceConfig(Block):
    """A preference P(y > y'): a weighted sum of the criteria that are not `null`."""

    quip: CriterionConfig | None = None
    """QUIP. As the only criterion, it is plain Quote-Tuning."""

    on_topic_quip: CriterionConfig | None = None
    """QUIP in which only n-grams of the prompt's own `documents` count."""

    long_quotes: LongQuotesConfig | None = None
    """Share of characters that are inside long quotes."""

    rarity: CriterionConfig | None = None
    """Rarity of the quoted n-grams in the corpus: the mean of -ln(count / total) over them."""

    length: CriterionConfig | None = None
    """Number of tokens without the end-of-text token."""

    reference_similarity: CriterionConfig | None = None
    """ROUGE-L against the prompt's `reference`."""

    answer_recall: CriterionConfig | None = None
    """Whether the response contains one of the prompt's `answers`: 1 or 0."""

    repetition: CriterionConfig | None = None
    """Share of word 4-grams that occur earlier in the response."""

    perplexity: PerplexityConfig | None = None
    """Perplexity under a scoring model."""

    answerability: AnswerabilityConfig | None = None
    """Mean log-likelihood of the question's words that the response does not contain, given the
    response."""

    judge: JudgeConfig | None = None
    """Model that compares two answers. It gets n * (n - 1) questions per prompt with n candidates,
    unless `comparisons` bounds them."""

    callables: dict[str, CallableConfig] = {}
    """Your own preferences, each under a name for the statistics."""

    @model_validator(mode="after")
    def _has_a_criterion(self) -> Self:
        if not self.scored and self.judge is None and not self.callables:
            names = ", ".join([*OF_PREFERENCE, "judge", "callables"])
            raise ValueError(f"has no criterion: set one of {names}, as in quip: {{}}")
        taken = sorted({*OF_PREFERENCE, "judge"} & set(self.callables))
        if taken:
            raise ValueError(f"callables has {taken[0]}, which is a criterion: rename it")
        return self

    @property
    def scored(self) -> dict[str, CriterionConfig]:
        """The criteria in use that give each response a number."""
        found = {name: getattr(self, name) for name in OF_PREFERENCE}
        return {name: criterion for name, criterion in found.items() if criterion is not None}

    @property
    def weights(self) -> dict[str, float]:
        """The weights of all criteria in use; their sum is 1."""
        given = {name: criterion.weight for name, criterion in self.scored.items()}
        if self.judge is not None:
            given["judge"] = self.judge.weight
        given |= {name: own.weight for name, own in self.callables.items()}
        total = sum(given.values())
        return {name: weight / total for name, weight in given.items()}
