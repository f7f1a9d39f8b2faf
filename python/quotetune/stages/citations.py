"""The stages of `pairs.citations`: strip ids from samples, add ids to pairs, and measure ids."""

from pathlib import Path

from quotetune.runs.directory import PAIRS, round_name
from quotetune.runs.layout import Layout, flat
from quotetune.runs.stage import Stage
from quotetune.runtime.console import progress, say
from quotetune.runtime.plural import counted
from quotetune.runtime.whole_files import write_json
from quotetune.stages.sampling import backend_of


def uncited(layout: Layout, name: str, directory: Path) -> list[Stage]:
    """Strip the ids from the samples in a directory, if ids are learned.

    Args:
        layout: The layout of the run.
        name: The start of the stage's name.
        directory: The directory, with `samples/`.
    """
    config = layout.config
    if config.pairs.citations is None:
        return []
    samples = directory / "samples"

    def make(result: Path) -> None:
        from quotetune.citations.uncited import write_uncited

        count = write_uncited(samples, result, config.model)
        say(f"  {counted(count, 'response')} with ids")

    inputs = {"the samples": samples, **layout.model_inputs()}
    return [Stage(f"{name}/uncited", directory / "uncited", _model(layout), inputs, make)]


def cited(layout: Layout, number: int) -> list[Stage]:
    """Add ids to the pairs of a round, if ids are learned."""
    config = layout.config
    settings = config.pairs.citations
    if settings is None:
        return []
    root = layout.round(number)
    pairs = root / "pairs" / PAIRS
    prompts = layout.round_prompts(number)

    def make(result: Path) -> None:
        from quotetune.citations.pairs import counts_line, write_cited_pairs
        from quotetune.corpus.index import Index
        from quotetune.prompts.prompt import load_prompts

        counts = write_cited_pairs(
            pairs,
            result,
            index=Index.open(config.index),
            model=config.model,
            prompts={prompt.id: prompt for prompt in load_prompts(prompts)},
            most=settings.most,
            seed=config.seed,
        )
        say(f"  {counts_line(counts)}")

    keys = {**_model(layout), **flat("pairs.citations", settings.model_dump())}
    inputs = {
        "the pairs": pairs,
        "its prompts": prompts,
        "index": config.index,
        **layout.model_inputs(),
    }
    keys["seed"] = config.seed
    return [Stage(f"{round_name(number)}/cite", root / "cited", keys, inputs, make)]


def evaluated(layout: Layout, policy: str) -> list[Stage]:
    """Return the stages that measure the ids that a policy cites, if ids are learned."""
    if layout.config.pairs.citations is None:
        return []
    return [_constrained(layout, policy), _measured(layout, policy)]


def _constrained(layout: Layout, policy: str) -> Stage:
    """Let a policy continue its responses with ids of the corpus only."""
    config = layout.config
    settings = config.pairs.citations
    assert settings is not None
    directory = layout.evaluation(policy)
    name = f"evaluation/{policy}/constrained"
    sampling = config.evaluation_sampling

    def make(result: Path) -> None:
        from quotetune.citations.decoding import decode_citations
        from quotetune.corpus.index import Index

        with progress(name, "parts") as report:
            decode_citations(
                directory / "uncited",
                result,
                index=Index.open(config.index),
                most=settings.most,
                model=layout.model(policy),
                adapter=layout.adapter(policy),
                sampling=sampling,
                progress=lambda now: report(now.done, now.parts),
                notice=lambda text: say(f"  {text}"),
            )

    keys = {
        **layout.model_settings(policy),
        **flat("pairs.citations", settings.model_dump()),
        **flat("evaluation.sampling", sampling.model_dump(include={"n", "engine"})),
        "sampling.backend": backend_of(sampling),
    }
    inputs = {
        "the samples": directory / "uncited",
        "index": config.index,
        **layout.policy_inputs(policy),
    }
    return Stage(name, directory / "constrained", keys, inputs, make)


def _measured(layout: Layout, policy: str) -> Stage:
    """Compare a policy's ids with the documents it quotes, and with those of the prompts."""
    config = layout.config
    settings = config.pairs.citations
    assert settings is not None
    directory = layout.evaluation(policy)
    file = layout.citations(policy)
    n = config.evaluation_sampling.n

    def make(result: Path) -> None:
        from quotetune.citations.accuracy import measure_citations
        from quotetune.corpus.index import Index
        from quotetune.prompts.prompt import load_prompts

        content = measure_citations(
            load_prompts(layout.heldout),
            directory / "samples",
            directory / "constrained",
            Index.open(config.index),
            n=n,
            k=settings.most,
        )
        result.mkdir(exist_ok=True)
        write_json(result / file.name, content)

    keys = {
        "evaluation.sampling.n": n,
        **flat("pairs.citations", settings.model_dump()),
    }
    inputs = {
        "the held-out prompts": layout.heldout,
        "index": config.index,
        "the samples": directory / "samples",
        "the constrained ids": directory / "constrained",
    }
    name = f"evaluation/{policy}/citations"
    return Stage(name, file.parent, keys, inputs, make, searches=True)


def _model(layout: Layout) -> dict[str, str | None]:
    return flat("model", layout.config.model.model_dump(include={"path", "revision"}))
