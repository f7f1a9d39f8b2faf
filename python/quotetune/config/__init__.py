"""A run's config: what its YAML may say (`run`, and a module for each block), and how it is read.

`file` reads YAML and overrides, `validation` reports every problem of the keys at once, and
`inputs` checks that the files they name can be used.
"""

from quotetune.config.block import ModelConfig
from quotetune.config.evaluation import EvaluationConfig, evaluation_sampling
from quotetune.config.pairs import CandidatesConfig, PairsConfig
from quotetune.config.preference import PreferenceConfig
from quotetune.config.prompts import PromptsConfig
from quotetune.config.run import Config
from quotetune.config.sampling import SamplingConfig

__all__ = [
    "CandidatesConfig",
    "Config",
    "EvaluationConfig",
    "ModelConfig",
    "PairsConfig",
    "PreferenceConfig",
    "PromptsConfig",
    "SamplingConfig",
    "evaluation_sampling",
]
