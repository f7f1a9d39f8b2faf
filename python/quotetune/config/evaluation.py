"""The keys of a config's `evaluation:` block."""

from typing import Any, Literal

from pydantic import PositiveInt

from quotetune.config.block import Block, ModelConfig
from quotetune.config.measures import LmEvalConfig, MauveConfig, PerplexityModel
from quotetune.config.sampling import SamplingConfig


class EvaluationConfig(Block):
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
