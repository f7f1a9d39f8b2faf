"""Names that scripts import from here; they are in `quotetune.prompts.reading`."""

from quotetune.prompts.reading import SourcePrompt, read_prompts

__all__ = ["SourcePrompt", "read_prompts"]
