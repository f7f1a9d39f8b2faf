"""The keys of a config's `evaluation:` block."""

from typing import Any, Literal

from pydantic import PositiveInt

from quotetune.config.block import Block, ModelConfig, Seed
from quotetune.config.measures import LmEvalConfig, MauveConfig, PerplexityModel
from quotetune.config.sampling import SamplingConfig
from quotetune.metrics.row_names import Baseline


class EvaluationConfig(Block):
    """Evaluation before and after training, on the held-out prompts and those for development.

    With development prompts, only the base model, the baselines and the best policy are evaluated
    on the held-out prompts, after all choices.
    """

    sampling: dict[str, Any] = {}
    """Keys of `sampling` that differ in the evaluation. `n` is 1 by default. If it is higher, the
    metrics are means over all responses."""

    seed: Seed | None = None
    """Seed of the evaluation's sampling, and of the pairs for `reward_accuracy`; `null` takes the
    run's `seed`. Runs that differ in `seed` alone, and have the same seed here, have the same
    evaluation of the base model."""

    best_of_n: PositiveInt | Literal["training"] | None = None
    """Number of responses per prompt from which a baseline takes the one of highest QUIP, and
    another one that of highest on-topic QUIP, all of them by the base model. `training`: as many as
    training samples; `null` leaves them out."""

    baselines: list[Baseline] = []
    """Further baselines.

    `according_to`, `temperature_0`, `temperature_0.3`, `guided`: the base model with a system
    message that asks it to answer from the sources that it was trained on (Weller et al. 2024), at
    another temperature, or with the guide of `sampling.guide` at its defaults; with
    `prompts.context` it guides towards the prompt's documents. `unguided`, with
    `evaluation.sampling.guide`: the base model without that guide.

    `sft`: a policy trained on the chosen side of the pairs of round 1 alone, with the options of
    `dpo` and as many steps.

    `passage_start`, `best_sentence`, `sentence_by_model`, with `prompts.context`: no response at
    all, but the first characters of the passages, as many as the run's responses have on average;
    the sentence of the passages that BM25 finds for the prompt; and the one that the base model
    gives the highest probability per token."""

    perplexity: PerplexityModel | None = None
    """Causal model that computes the perplexity of responses, with the keys of `model`. `base`
    takes the run's own base model, without `model.adapter`; `null` leaves perplexity out."""

    bart_score: ModelConfig | None = None
    """Encoder-decoder model of BARTScore, with the keys of `model`; `null` leaves it out."""

    mauve: MauveConfig | None = None
    """MAUVE against the references; `{}` takes the defaults, `null` leaves it out."""

    reward_accuracy: bool = False
    """Whether to measure how many held-out preference pairs the tuned model gets right. The run's
    own rule makes these pairs from the base model's responses to the held-out prompts, two or more
    per prompt."""

    lm_eval: LmEvalConfig | None = None
    """Benchmarks of general ability, before and after training; `null` leaves them out."""


def evaluation_sampling(sampling: SamplingConfig, evaluation: EvaluationConfig) -> SamplingConfig:
    """Return the run's sampling with the evaluation's own keys.

    By default `n` is 1, there is no guide, and policies are compared with the same seeds.

    Raises:
        pydantic.ValidationError: They are not valid keys or values of `sampling`.

    Example:
        >>> run = SamplingConfig(n=8, max_tokens=64)
        >>> drawn = evaluation_sampling(run, EvaluationConfig(sampling={"max_tokens": 128}))
        >>> drawn.n, drawn.max_tokens
        (1, 128)
    """
    own = {"n": 1, "guide": None, "seeded": True, **evaluation.sampling}
    return SamplingConfig(**{**sampling.model_dump(), **sampling.places, **own})
