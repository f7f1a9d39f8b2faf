"""Draw responses from a model: `run_sampling` writes them as part files, in a child process."""

from quotetune.sampling.run import Progress, run_sampling
from quotetune.sampling.settings import ModelConfig, SamplingConfig

__all__ = ["ModelConfig", "Progress", "SamplingConfig", "run_sampling"]
