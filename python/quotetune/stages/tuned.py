"""The stages that compare a tuned model with the base model by more than their responses."""

import shutil
from pathlib import Path

from quotetune.runs.directory import PAIRS, round_name
from quotetune.runs.layout import BASE, Layout, flat
from quotetune.runs.stage import Stage
from quotetune.runs.stopping import if_best
from quotetune.runtime.whole_files import write_json


def reward_accuracy(layout: Layout, number: int) -> Stage:
    """Measure how many held-out preference pairs the policy of a round gets right."""
    config = layout.config
    policy = round_name(number)
    reference = layout.origin if config.reference == "base" else layout.start(number)
    file = layout.reward_accuracy(policy)
    pairs = layout.evaluation(BASE) / "pairs"
    beta = float(config.dpo_of(number).get("beta", 0.1))

    def make(result: Path) -> None:
        from quotetune.measures.reward_accuracy import measure_reward_accuracy

        content = measure_reward_accuracy(
            pairs / PAIRS,
            policy=(layout.model(policy), layout.adapter(policy)),
            reference=(layout.model(reference), layout.adapter(reference)),
            beta=beta,
            work=layout.evaluation(policy) / "measuring",
            places=config.evaluation_sampling.places,
        )
        result.mkdir(exist_ok=True)
        write_json(result / file.name, content)

    settings = {**layout.model_settings(policy), "dpo.beta": beta}
    inputs = {"the held-out pairs": pairs, **layout.policy_inputs(policy)}
    held_to = layout.adapter(reference)
    if held_to is not None:
        inputs["the reference policy"] = held_to
    name = f"evaluation/{policy}/reward_accuracy"
    return Stage(name, file.parent, settings, inputs, make)


def lm_eval_before_and_after(layout: Layout) -> list[Stage]:
    """Return the stages that run benchmarks on the base model and on the best policy."""
    _, *trained = layout.policies()
    after = [if_best(layout, [lm_eval(layout, name)], name) for name in trained]
    return [lm_eval(layout, BASE), *(stage for stages in after for stage in stages)]


def lm_eval(layout: Layout, policy: str) -> Stage:
    """Run benchmarks of general ability on a policy."""
    config = layout.config
    file = layout.lm_eval(policy)
    wanted = config.evaluation.lm_eval
    assert wanted is not None

    def make(result: Path) -> None:
        from quotetune.measures.lm_eval import run_lm_eval

        answers = result / "answers"
        answers.mkdir(parents=True, exist_ok=True)
        work = layout.evaluation(policy) / "benchmarking"
        content = run_lm_eval(layout.model(policy), layout.adapter(policy), wanted, work, answers)
        shutil.rmtree(answers)
        write_json(result / file.name, content)

    settings = {
        **layout.model_settings(policy),
        **flat("evaluation.lm_eval", wanted.model_dump(mode="json", exclude={"batch_size"})),
    }
    inputs = layout.policy_inputs(policy)
    if wanted.include_path is not None:
        inputs["evaluation.lm_eval.include_path"] = wanted.include_path
    name = f"evaluation/{policy}/lm_eval"
    return Stage(name, file.parent, settings, inputs, make)
