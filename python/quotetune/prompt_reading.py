"""The names that scripts take from here are now in `quotetune.prompts.reading`."""

from quotetune.prompts.reading import SourcePrompt, read_prompts

__all__ = ["SourcePrompt", "read_prompts"]
