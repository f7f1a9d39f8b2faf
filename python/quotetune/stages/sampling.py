"""The stages that sample a policy, in the rounds and in the evaluation."""

from pathlib import Path

from quotetune.config import SamplingConfig
from quotetune.errors import UsageError
from quotetune.runs.layout import Layout, flat
from quotetune.runs.stage import Stage
from quotetune.runtime.console import progress


def sampling_stage(
    layout: Layout,
    name: str,
    directory: Path,
    prompts: Path,
    sampling: SamplingConfig,
    *,
    policy: str,
    seed_round: int,
) -> Stage:
    """Sample a policy.

    Args:
        layout: The layout of the run.
        name: The stage's name.
        directory: The directory of the sample parts.
        prompts: The prompts, as `write_prompts` wrote them.
        sampling: How responses are drawn.
        policy: The policy's name.
        seed_round: The number of the round in the seeds.
    """
    config = layout.config
    settings = {
        **layout.model_settings(policy),
        **flat("sampling", sampling.model_dump() | {"backend": backend_of(sampling)}),
        "seed": config.seed,
    }

    def make(result: Path) -> None:
        from quotetune.prompts.prompt import load_prompts
        from quotetune.sampling import run_sampling

        loaded = load_prompts(prompts)
        with progress(name, "parts") as report:
            run_sampling(
                loaded,
                result,
                model=layout.model(policy),
                sampling=sampling,
                adapter=layout.adapter(policy),
                seed=config.seed,
                round=seed_round,
                clock=layout.clock_file,
                progress=lambda now: report(
                    now.done, now.parts, f"{now.tokens_per_second:.0f} tokens/s"
                ),
            )

    inputs = {"its prompts": prompts, **layout.policy_inputs(policy)}
    return Stage(name, directory, settings, inputs, make)


def backend_of(sampling: SamplingConfig) -> str:
    """Name the backend that samples; `auto` depends on the machine."""
    from quotetune.sampling.run import choose_backend

    try:
        return choose_backend(sampling.backend)
    except UsageError:  # a plan can also be shown on a machine that cannot do it
        return sampling.backend
