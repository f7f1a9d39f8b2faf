"""The stage that splits the prompts."""

from pathlib import Path

from quotetune.runs.layout import Layout, flat
from quotetune.runs.stage import Stage


def split(layout: Layout) -> Stage:
    """Split the prompts into those of every round and the held-out ones."""
    config = layout.config
    settings = flat("prompts", config.prompts.model_dump(exclude={"path"}))
    settings["rounds"] = config.rounds
    inputs = {"prompts.path": config.prompts.path}
    if config.prompts.prefix_tokens is not None:
        settings["sampling.max_tokens"] = config.sampling.max_tokens
        settings |= flat("model", config.model.model_dump(include={"path", "revision"}))
        inputs |= layout.model_inputs()

    if config.prompts.context is not None:
        inputs["index"] = config.index

    def make(result: Path) -> None:
        from quotetune.prompts.split import split_file

        split_file(config, result)

    return Stage("prompts", layout.prompts, settings, inputs, make)
