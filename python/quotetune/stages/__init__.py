"""The stages of a run: the list of them, the inputs of each, and the work of each.

The settings of a stage are the keys of the config that it reads. A change of other keys leaves it
done.
"""

from quotetune.config import Config
from quotetune.runs.directory import round_name
from quotetune.runs.layout import ABSORBED, BASE, Layout
from quotetune.runs.stage import Stage
from quotetune.runs.stopping import if_best, stoppable
from quotetune.stages import (
    absorb,
    baselines,
    citations,
    evaluation,
    prompts,
    ranking,
    rounds,
    training,
    tuned,
)


def all_stages(config: Config) -> list[Stage]:
    """Return the stages of a config's run, in the order in which they are done."""
    layout = Layout(config)
    done = _with_all_choices(layout)
    if layout.has_dev:
        done += _after_all_choices(layout)
    for name in config.evaluation.baselines:
        done += baselines.stages(layout, name)
    if config.evaluation.lm_eval is not None:
        done += tuned.lm_eval_before_and_after(layout)
    return done


def last_choice(config: Config) -> str | None:
    """Name the last stage before those that look at held-out prompts.

    It is None if there are no development prompts, because choices then look at held-out ones.
    """
    layout = Layout(config)
    return _with_all_choices(layout)[-1].name if layout.has_dev else None


def _with_all_choices(layout: Layout) -> list[Stage]:
    """Return the stages with which every choice among the policies is made."""
    config = layout.config
    done = [prompts.split(layout)]
    if config.absorb is not None:
        done += [absorb.documents(layout), absorb.train(layout)]
        done += evaluation.stages(layout, BASE) + evaluation.stages(layout, ABSORBED)
    for number in range(1, config.rounds + 1):
        of_round = [
            rounds.sample(layout, number),
            *citations.uncited(layout, round_name(number), layout.round(number)),
            *ranking.stages(layout, number),
            *citations.cited(layout, number),
            *training.stages(layout, number),
        ]
        if number == 1 and config.absorb is None:
            of_round += evaluation.stages(layout, BASE)
        of_round += evaluation.stages(layout, round_name(number))
        if config.evaluation.reward_accuracy and not layout.has_dev:
            if number == 1:
                of_round += _heldout_pairs(layout)
            of_round.append(tuned.reward_accuracy(layout, number))
        done += stoppable(layout, number, of_round)
    return done


def _heldout_pairs(layout: Layout) -> list[Stage]:
    """Return the stages that make pairs from held-out prompts, for the reward accuracy."""
    return evaluation.unguided(layout, BASE, BASE) + ranking.heldout_stages(layout)


def _after_all_choices(layout: Layout) -> list[Stage]:
    """Return the stages that look at held-out prompts, if choices are made on others."""
    done = evaluation.reported(layout)
    if layout.config.evaluation.reward_accuracy:
        done += _heldout_pairs(layout)
        for number in range(1, layout.config.rounds + 1):
            accuracy = tuned.reward_accuracy(layout, number)
            done += if_best(layout, [accuracy], round_name(number))
    return done
