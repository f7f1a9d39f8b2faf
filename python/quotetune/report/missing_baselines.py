"""The baselines that a run does not have, although one of them could explain its numbers."""

from quotetune.config import Config
from quotetune.metrics.row_names import FROM_PASSAGES, SFT, Baseline

_OF_EVERY_RUN: tuple[Baseline, ...] = ("temperature_0", "guided", SFT)


def missing_line(config: Config) -> str | None:
    """Name the baselines that the table of a run lacks; None if it has all that apply.

    Args:
        config: The run's config.

    Example:
        >>> content = {"run": "r", "index": "i", "model": {"path": "m"}, "prompts": {"path": "p"}}
        >>> config = Config.model_validate(
        ...     content | {"evaluation": {"best_of_n": 4, "baselines": ["guided", "sft"]}}
        ... )
        >>> print(missing_line(config))
        The table lacks the best of 32 (as many as training samples) and temperature_0, \
each of which could explain the numbers.
    """
    drawn = config.evaluation_sampling
    wanted = _OF_EVERY_RUN + (FROM_PASSAGES if config.prompts.context is not None else ())
    if drawn.guide is not None:
        wanted = ("unguided", *wanted)
    missing: list[str] = [name for name in wanted if name not in config.evaluation.baselines]
    if drawn.temperature == 0 and "temperature_0" in missing:
        missing.remove("temperature_0")  # the base model's own row is that
    n = config.sampling.drawn
    if (config.best_of_n or 0) < n:
        missing.insert(0, f"the best of {n} (as many as training samples)")
    if not missing:
        return None
    *others, last = missing
    named = f"{', '.join(others)} and {last}" if others else last
    each = "each of which" if others else "which"
    return f"The table lacks {named}, {each} could explain the numbers."
