"""The keys of a config's `candidates:` block."""

from quotetune.config.block import Block


class CandidatesConfig(Block):
    """What is ranked beside the samples."""

    gold: bool = False
    """Rank the prompt's `reference` among its samples, as DNO does with a teacher's response."""
