"""The stages of a run: which there are, what each reads, and what each does.

A stage's settings are the keys of the config that it reads. Changing others leaves it done.
"""

from quotetune.config import Config
from quotetune.stage import Stage
from quotetune.stages import evaluation, prompts, rounds, training
from quotetune.stages.layout import BASE, Layout


def all_stages(config: Config) -> list[Stage]:
    """Return the stages of a config's run, in the order in which they are done."""
    layout = Layout(config)
    stages = [prompts.split(layout)]
    for number in range(1, config.rounds + 1):
        stages += [
            rounds.sample(layout, number),
            rounds.score(layout, number),
            rounds.pair(layout, number),
            training.train(layout, number),
        ]
        if number == 1:
            stages += evaluation.stages(layout, BASE)
        stages += evaluation.stages(layout, f"round-{number}")
    return stages
