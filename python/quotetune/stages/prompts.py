"""The stage that splits the prompts."""

from pathlib import Path

from quotetune.runs.layout import Layout, flat
from quotetune.runs.stage import Stage


def split(layout: Layout) -> Stage:
    """Split the prompts into those of every round, the held-out ones and those for development."""
    config = layout.config
    keys = config.prompts.model_dump(exclude={"path"})
    if config.prompts.dev_fraction is None:
        # The settings are those that they were before these keys existed.
        del keys["dev_fraction"], keys["dev_limit"]
    settings = flat("prompts", keys)
    settings["rounds"] = config.rounds
    inputs = {"prompts.path": config.prompts.path}
    if config.prompts.prefix_tokens is not None:
        settings["sampling.max_tokens"] = config.sampling.max_tokens
        settings |= flat("model", config.model.model_dump(include={"path", "revision"}))
        inputs |= layout.model_inputs()

    context = config.prompts.context
    if context is not None:
        inputs["index"] = config.index
    retrieves = context is not None and context.source == "bm25"

    def make(result: Path) -> None:
        from quotetune.prompts.split import split_file

        split_file(config, result)

    return Stage("prompts", layout.prompts, settings, inputs, make, searches=retrieves)
