"""The keys of a config that say which response is preferred.

What they compute is in `quotetune.pairing.preference`; docs/preferences.md has the
formulas with their sources.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AllowInfNan,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from quotetune.config.block import Block, ModelConfig
from quotetune.config.sampling import SamplingConfig
from quotetune.metrics.criteria import OF_PREFERENCE
from quotetune.metrics.metric import Better

# An infinite one would be no share of anything.
Weight = Annotated[PositiveFloat, AllowInfNan(False)]
_JUDGE_SAMPLING = {"n": 1, "temperature": 0.0, "max_tokens": 16, "chunk_prompts": 1024}
_JUDGE_TEMPLATE = """Two answers to a prompt follow. Which one is better: more correct, more to \
the point, and better supported?

Prompt: {prompt}

Answer A: {first}

Answer B: {second}

Say [[A]] if answer A is better, and [[B]] if answer B is better. Say nothing else."""


class CriterionConfig(Block):
    """How much a criterion counts: w * sigmoid((s(y) - s(y')) / tau) of P(y > y')."""

    weight: Weight = 1.0
    """Its share of the preference. The weights of all criteria are divided by their sum."""

    tau: NonNegativeFloat | None = None
    """Temperature: a difference in the criterion of `tau` gives a preference of 73%. 0 is a vote:
    the better response gets all, of equal ones each a half. `null` takes the criterion's usual
    one."""

    prefer: Better | None = None
    """Which side is better; `null` takes the usual one: lower for repetition and perplexity, higher
    for all others. `pairs.direction: unquote` turns round what measures quoting."""


class LongQuotesConfig(CriterionConfig):
    """Coverage by long quotes: one long quote counts for more than many crumbs."""

    min_chars: list[PositiveInt] = Field(default=[50, 100, 200], min_length=1)
    """Characters of the shortest quotes that count. With several, the criterion is the mean of the
    coverages by quotes of at least so many."""


class PerplexityConfig(CriterionConfig):
    """Perplexity of the response, given its prompt, under a scoring model."""

    model: ModelConfig | None = None
    """The scoring model; `null` takes the run's own base model."""


class CallableConfig(Block):
    """A preference of your own."""

    function: str
    """`module:function`; the module is found from the current directory or where Python finds it.
    Called as `function(prompt, response, other)` with a `quotetune.prompts.Prompt` and two texts,
    it returns how probable it is, from 0 to 1, that the response is preferred to the other. It is
    made symmetric: (f(y, y') + 1 - f(y', y)) / 2."""

    weight: Weight = 1.0
    """Its share of the preference."""

    @field_validator("function")
    @classmethod
    def _names_a_function(cls, function: str) -> str:
        if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*", function):
            raise ValueError(f"is {function!r}: write module:function, as in my_module:prefer")
        return function


class JudgeConfig(Block):
    """A local model that is shown two answers, in both orders, and says which one is better."""

    weight: Weight = 1.0
    """Its share of the preference."""

    model: ModelConfig
    """The judge."""

    comparisons: PositiveInt | None = None
    """How many comparisons a prompt, each in both orders; `null` compares every two candidates.
    They are drawn by the run's seed; all candidates are in as many, as far as possible. Win rates
    are means over the comparisons that were made."""

    format: Literal["chat", "text"] = "chat"
    """Whether the question goes through the model's chat template."""

    template: str = _JUDGE_TEMPLATE
    """The question, with `{prompt}`, `{first}` and `{second}`. The judge is to say [[A]] or [[B]],
    or nothing but the letter; what is neither counts as undecided."""

    sampling: dict[str, Any] = {}
    """Keys of `sampling` for the judge. Unless given, it says one reply of at most 16 tokens at
    temperature 0; with `n` above 1 and a temperature, its preference is the share of its votes."""

    @model_validator(mode="after")
    def _asks_what_can_be_answered(self) -> Self:
        places = {"{prompt}", "{first}", "{second}"}
        missing = sorted(place for place in places if place not in self.template)
        if missing:
            raise ValueError(f"there is no {missing[0]} in the template: put it where it belongs")
        return self

    @property
    def drawn(self) -> SamplingConfig:
        """How the judge's replies are drawn."""
        return SamplingConfig(**{**_JUDGE_SAMPLING, **self.sampling})


class PreferenceConfig(Block):
    """A preference P(y > y') as a weighted sum of criteria; those that are `null` do not count."""

    quip: CriterionConfig | None = None
    """QUIP. Alone it is plain Quote-Tuning."""

    on_topic_quip: CriterionConfig | None = None
    """QUIP of which only n-grams in the prompt's own `documents` count."""

    long_quotes: LongQuotesConfig | None = None
    """Share of the characters that are inside long quotes."""

    rarity: CriterionConfig | None = None
    """How rare the quoted n-grams are in the corpus: the mean of -ln(count / total) over them."""

    length: CriterionConfig | None = None
    """Tokens without the end-of-text token."""

    reference_similarity: CriterionConfig | None = None
    """ROUGE-L against the prompt's `reference`."""

    repetition: CriterionConfig | None = None
    """Share of the word 4-grams that stood in the response before."""

    perplexity: PerplexityConfig | None = None
    """Perplexity under a scoring model."""

    judge: JudgeConfig | None = None
    """A model that compares two answers. Of n candidates it is asked n * (n - 1) times a prompt,
    unless `comparisons` bounds that."""

    callables: dict[str, CallableConfig] = {}
    """Preferences of your own, by a name for the statistics."""

    @model_validator(mode="after")
    def _has_a_criterion(self) -> Self:
        if not self.scored and self.judge is None and not self.callables:
            names = ", ".join([*OF_PREFERENCE, "judge", "callables"])
            raise ValueError(f"names no criterion: give one of {names}, as in quip: {{}}")
        taken = sorted({*OF_PREFERENCE, "judge"} & set(self.callables))
        if taken:
            raise ValueError(f"callables has {taken[0]}, which is a criterion: rename it")
        return self

    @property
    def scored(self) -> dict[str, CriterionConfig]:
        """The criteria in use that give every response a number."""
        found = {name: getattr(self, name) for name in OF_PREFERENCE}
        return {name: criterion for name, criterion in found.items() if criterion is not None}

    @property
    def weights(self) -> dict[str, float]:
        """The weights of all criteria in use, which sum to 1."""
        given = {name: criterion.weight for name, criterion in self.scored.items()}
        if self.judge is not None:
            given["judge"] = self.judge.weight
        given |= {name: own.weight for name, own in self.callables.items()}
        total = sum(given.values())
        return {name: weight / total for name, weight in given.items()}
