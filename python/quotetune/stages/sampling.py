"""The stages that sample a policy, in the rounds and in the evaluation."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from quotetune.config import GuideConfig, SamplingConfig
from quotetune.config.sampling import RetrievedConfig
from quotetune.errors import UsageError
from quotetune.runs.layout import Layout, flat
from quotetune.runs.stage import Stage
from quotetune.runtime.console import progress
from quotetune.sampling.guided import GuideSource

if TYPE_CHECKING:
    from quotetune.prompts.prompt import Prompt


def sampling_stage(
    layout: Layout,
    name: str,
    directory: Path,
    prompts: Path,
    sampling: SamplingConfig,
    *,
    policy: str,
    seed: int,
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
        seed: The seed.
        seed_round: The number of the round in the seeds.
    """
    config = layout.config
    guide = sampling.guide
    settings = {
        **layout.model_settings(policy),
        **flat("sampling", sampling.model_dump() | {"backend": backend_of(sampling)}),
        "seed": seed,
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
                seed=seed,
                round=seed_round,
                clock=layout.clock_file,
                guide=None if guide is None else guide_source(guide, config.index, loaded),
                progress=lambda now: report(now.done, now.parts, now.note),
            )

    inputs = {"its prompts": prompts, **layout.policy_inputs(policy)}
    if guide is not None:
        inputs["index"] = config.index
    retrieves = guide is not None and isinstance(guide.documents, RetrievedConfig)
    return Stage(name, directory, settings, inputs, make, searches=retrieves)


def guide_source(guide: GuideConfig, index: Path, prompts: "Sequence[Prompt]") -> GuideSource:
    """Return what prompts are guided towards.

    Args:
        guide: The config's `sampling.guide:` block.
        index: The index of the corpus.
        prompts: The prompts.

    Raises:
        UsageError: The documents are to be retrieved, and the package for that is not installed;
            or a prompt without documents is to be answered verbatim from its own.
    """
    if guide.documents == "corpus":
        return GuideSource(index)
    if guide.documents == "prompt":
        bare = [prompt.id for prompt in prompts if not prompt.documents]
        if bare and guide.mode == "verbatim":
            raise UsageError(
                f"sampling.guide.documents: is prompt, but prompt {bare[0]} has no documents, so it"
                " has nothing to quote verbatim: give it documents, or choose {retrieved: 1}"
            )
        own = {prompt.id: tuple(prompt.documents or ()) for prompt in prompts}
        return GuideSource(index, own)
    from quotetune.corpus.index import Index
    from quotetune.prompts.retrieval import retrieve

    queries = [prompt.asked for prompt in prompts]
    found = retrieve(Index.open(index), queries, guide.documents.retrieved)
    names = [tuple((document.source, document.id) for document in some) for some in found]
    return GuideSource(index, {prompt.id: own for prompt, own in zip(prompts, names, strict=True)})


def backend_of(sampling: SamplingConfig) -> str:
    """Name the backend that samples; `auto` depends on the machine."""
    from quotetune.sampling.run import choose_backend

    try:
        return choose_backend(sampling.backend)
    except UsageError:  # a plan can also be shown on a machine that cannot do it
        return sampling.backend
