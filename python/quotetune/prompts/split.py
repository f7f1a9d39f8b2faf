"""Split prompts by hash: training prompts for each round, held-out prompts, development prompts.

The hash of a prompt's content, or of the group that it is in, decides its side and its place. Other
prompts, their order and the run's seed do not matter, so a prompt that is held out once always is.
Held-out prompts have the lowest hashes and development prompts the highest. So a larger share of
either takes training prompts, and a development prompt, which choices have seen, never becomes a
held-out one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Literal

from quotetune.config import Config, ModelConfig, PromptsConfig
from quotetune.errors import UsageError
from quotetune.prompts.prefix import token_cut
from quotetune.prompts.prompt import Prompt, write_prompts
from quotetune.prompts.reading import SourcePrompt, content_key, read_prompts
from quotetune.runtime.chance import drawn
from quotetune.runtime.plural import counted

HELDOUT = "heldout.parquet"
DEV = "dev.parquet"


def round_file(number: int | Literal["*"]) -> str:
    """Name the file of a round's prompts; `*` gives the pattern of all rounds."""
    return f"round-{number}.parquet"


@dataclass(frozen=True)
class Split:
    """The prompts of a run.

    Attributes:
        rounds: The training prompts of each round; no prompt is in two rounds.
        heldout: The prompts for evaluation.
        dev: The prompts on which choices are made; none if the choices are made on `heldout`.
    """

    rounds: list[list[Prompt]]
    heldout: list[Prompt]
    dev: list[Prompt] = field(default_factory=list)


def position(content: str, salt: str) -> float:
    """Return a prompt's place in [0, 1), which its content and the salt determine.

    Args:
        content: The prompt as the input has it.
        salt: `prompts.salt`.

    Returns:
        A hash of both, uniformly distributed over prompts.

    Example:
        >>> position("What is Rust?", "heldout") == position("what is  rust?", "heldout")
        True
    """
    return (drawn(f"{salt}\0{content_key(content)}") >> 11) / 2**53


def split_prompts(prompts: Sequence[SourcePrompt], settings: PromptsConfig, rounds: int) -> Split:
    """Split prompts by hash.

    Prompts whose position is below `heldout_fraction` are held out, and those from
    1 - `dev_fraction` on are for development. All sides are in the order of their positions,
    development prompts from the highest one down. Limits take the first prompts, so a larger limit
    only adds prompts. The position of a prompt with a group is that of the group, and prompts of a
    group are in the order of their own.

    Args:
        prompts: The prompts, as `read_prompts` returns them.
        settings: Fractions, salt and limits.
        rounds: Rounds of the run.

    Returns:
        The training prompts of each round, the held-out ones and those for development.

    Raises:
        UsageError: A side, or a round, would have no prompts.
    """

    def place(source: SourcePrompt) -> tuple[float, float]:
        own = position(source.content, settings.salt)
        return (own if source.group is None else position(source.group, settings.salt), own)

    placed = sorted(((place(source), source.prompt) for source in prompts), key=itemgetter(0))
    low, high = settings.heldout_fraction, 1 - (settings.dev_fraction or 0)
    heldout = [prompt for (side, _), prompt in placed if side < low]
    train = [prompt for (side, _), prompt in placed if low <= side < high]
    dev = [prompt for (side, _), prompt in reversed(placed) if side >= high]
    size = settings.train_limit or -(-len(train) // rounds)
    parts = [train[i * size : (i + 1) * size] for i in range(rounds)]
    for kind, key, fraction, side in (
        ("held-out", "heldout_fraction", settings.heldout_fraction, heldout),
        ("development", "dev_fraction", settings.dev_fraction, dev),
    ):
        if fraction is not None and not side:
            raise UsageError(
                f"no {kind} prompts are left after the split: the fraction {fraction:g} of"
                f" {counted(len(prompts), 'prompt')} is empty: add prompts, raise prompts.{key}, or"
                " change prompts.salt"
            )
    for number, part in enumerate(parts, start=1):
        if not part:
            raise UsageError(
                f"no training prompts are left for round {number}:"
                f" {counted(len(prompts), 'prompt')} gave {len(train)} for training: add prompts,"
                " or lower rounds, prompts.train_limit, prompts.heldout_fraction or"
                " prompts.dev_fraction"
            )
    return Split(parts, heldout[: settings.heldout_limit], dev[: settings.dev_limit])


def split_file(config: Config, output: Path) -> None:
    """Do the stage `prompts`: read the config's prompts, and write those of every round.

    Args:
        config: The run's config.
        output: Directory for `round-1.parquet`, ..., `heldout.parquet`, and `dev.parquet` if there
            are development prompts.

    Raises:
        UsageError: A prompt is malformed, or there are too few.
    """
    prompts = read_sources(config.prompts, config.model, config.sampling.max_tokens)
    split = split_prompts(prompts, config.prompts, config.rounds)
    parts = [split.heldout, split.dev, *split.rounds]
    if config.prompts.context is not None:
        parts = grounded(parts, prompts, config.prompts, config.index)
    output.mkdir(parents=True, exist_ok=True)
    heldout, dev, *rounds = parts
    for number, part in enumerate(rounds, start=1):
        write_prompts(output / round_file(number), part)
    write_prompts(output / HELDOUT, heldout)
    if dev:
        write_prompts(output / DEV, dev)


def grounded(
    parts: Sequence[Sequence[Prompt]],
    sources: Sequence[SourcePrompt],
    settings: PromptsConfig,
    index: Path,
) -> list[list[Prompt]]:
    """Put passages into the prompts of all parts.

    Args:
        parts: The prompts, in parts.
        sources: The same prompts, as they were read.
        settings: The config's prompts, with a context.
        index: The index of the corpus that the passages come from.

    Returns:
        The parts, with passages in their prompts.

    Raises:
        UsageError: A prompt has no passage.
    """
    from quotetune.corpus.index import Index
    from quotetune.prompts.grounding import ground

    assert settings.context is not None
    prompts = [prompt for part in parts for prompt in part]
    queries = [prompt.asked for prompt in prompts]
    found = iter(ground(prompts, settings.context, Index.open(index), queries))
    return [[next(found) for _ in part] for part in parts]


def read_sources(
    settings: PromptsConfig, model: ModelConfig, reference_tokens: int
) -> list[SourcePrompt]:
    """Read the prompts that a config names, cut to their prefix if the config says so.

    Args:
        settings: The config's prompts.
        model: The model whose tokenizer counts the prefix.
        reference_tokens: Maximum number of tokens of the reference after a prefix.

    Returns:
        The prompts in the order of the file.

    Raises:
        UsageError: A prompt is malformed, or too short for its prefix.
    """
    cut = None
    if settings.prefix_tokens is not None:
        cut = token_cut(model, settings.prefix_tokens, reference_tokens)
    return read_prompts(settings.path, settings, cut)
