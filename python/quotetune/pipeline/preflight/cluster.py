"""Check, before any work, that the Ray cluster that a config names can do it."""

from quotetune.config import Config, SamplingConfig
from quotetune.sampling.ray_replicas import joined
from quotetune.sampling.run import meant_backend


def on_ray(config: Config) -> dict[str, SamplingConfig]:
    """Return what a run does on a Ray cluster, by the key of the sampling that says so."""
    found = {"sampling": config.sampling, "evaluation.sampling": config.evaluation_sampling}
    if config.preference is not None and config.preference.judge is not None:
        judge = config.preference.judge
        found["preference.judge.sampling"] = judge.sampling_beside(config.sampling.places)
    return {key: sampling for key, sampling in found.items() if sampling.executor == "ray"}


def check_cluster(config: Config) -> None:
    """Join the clusters of a run, and leave them.

    The directory of the run exists.

    Raises:
        UsageError: Ray cannot be imported, or a cluster does not answer, or one of its nodes does
            not see the directory of the run, or none has enough GPUs for a replica.
    """
    for sampling in on_ray(config).values():
        backend = meant_backend(sampling.backend)
        with joined(config.run, sampling.model_copy(update={"backend": backend}), 1):
            pass
