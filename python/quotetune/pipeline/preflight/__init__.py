"""Check, before any work, that everything a config names is there and can be used.

There is a module for each kind of input (models, prompts, index, adapters) and for each kind of
setting (lengths, LoRA, trainings, ranking).
"""

from dataclasses import replace

from quotetune.config import Config
from quotetune.config.problem import Problem
from quotetune.config.schema import key_order
from quotetune.pipeline.preflight.adapters import adapter_problems, trained_notices
from quotetune.pipeline.preflight.chats import (
    chat_problems,
    clock_notices,
    thought_notices,
    variable_notices,
)
from quotetune.pipeline.preflight.index import citation_problems, guide_problems, open_index
from quotetune.pipeline.preflight.launch import launch_problems
from quotetune.pipeline.preflight.lengths import length_notices, length_problems
from quotetune.pipeline.preflight.models import model_problems
from quotetune.pipeline.preflight.prompts import (
    Inputs,
    absorb_problems,
    general_text_problems,
    read_prompts_of,
)
from quotetune.pipeline.preflight.ranking import measured_problems, preference_input_problems
from quotetune.pipeline.preflight.start import start_notices, start_problems
from quotetune.pipeline.preflight.training import training_problems

__all__ = ["check_inputs", "read_inputs"]


def check_inputs(config: Config) -> list[Problem]:
    """Return the problems that `read_inputs` finds."""
    return read_inputs(config).problems


def read_inputs(config: Config) -> Inputs:
    """Read everything that a config names, and check that it is there and can be used.

    A model's name on the Hub is not looked up here; sampling does so before it starts.

    Args:
        config: A validated config.

    Returns:
        The problems in the order of the config's keys, and the prompts if there is no problem with
        them.
    """
    read = read_prompts_of(config)
    index, index_problems = open_index(config.index)
    problems = model_problems(config) + read.problems + index_problems
    if index is not None and config.pairs.citations is not None:
        problems += citation_problems(index)
    if index is not None:
        problems += guide_problems(config, index)
    problems += launch_problems(config)
    problems += chat_problems(config, read.prompts)
    problems += length_problems(config) + general_text_problems(config)
    problems += absorb_problems(config, read.prompts)
    problems += preference_input_problems(config, read.prompts, index)
    problems += measured_problems(config, read.split)
    problems += start_problems(config) + adapter_problems(config) + training_problems(config)
    return replace(
        read,
        problems=sorted(problems, key=lambda problem: key_order(problem.key, Config)),
        notices=(
            *start_notices(config),
            *trained_notices(config),
            *thought_notices(config),
            *variable_notices(config),
            *clock_notices(config, read.prompts),
            *length_notices(config),
        ),
    )
