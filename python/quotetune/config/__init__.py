"""A run's config: its keys, and how they are read and checked.

`run` has the keys at the top, and each block of keys has a module. `file` reads YAML and overrides.
`validation` reports all problems of the keys at once. `quotetune.pipeline.preflight` checks that
the files that they name can be used.
"""

from quotetune.config.block import ModelConfig, RunModelConfig
from quotetune.config.evaluation import EvaluationConfig, evaluation_sampling
from quotetune.config.pairs import CandidatesConfig, PairsConfig
from quotetune.config.preference import PreferenceConfig
from quotetune.config.prompts import PromptsConfig
from quotetune.config.run import Config
from quotetune.config.sampling import GuideConfig, SamplingConfig

__all__ = [
    "CandidatesConfig",
    "Config",
    "EvaluationConfig",
    "GuideConfig",
    "ModelConfig",
    "PairsConfig",
    "PreferenceConfig",
    "PromptsConfig",
    "RunModelConfig",
    "SamplingConfig",
    "evaluation_sampling",
]
