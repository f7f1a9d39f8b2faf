"""Draw responses from a model: `run_sampling` writes them as part files, in a child process."""

from quotetune.sampling.run import Progress, run_sampling

__all__ = ["Progress", "run_sampling"]
