"""The first stage of a round: its samples."""

from quotetune.runs.directory import round_name
from quotetune.runs.layout import Layout
from quotetune.runs.stage import Stage
from quotetune.stages.sampling import sampling_stage


def sample(layout: Layout, number: int) -> Stage:
    """Sample the training prompts of a round from the policy that it starts from."""
    return sampling_stage(
        layout,
        f"{round_name(number)}/sample",
        layout.round(number) / "samples",
        layout.round_prompts(number),
        layout.config.sampling,
        policy=layout.start(number),
        seed=layout.config.seed,
        seed_round=number,
    )
