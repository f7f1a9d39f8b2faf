"""Check that the prompts and the other texts that a config names can be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from quotetune.config import Config
from quotetune.config.problem import Problem
from quotetune.errors import UsageError

if TYPE_CHECKING:
    from quotetune.prompts.reading import SourcePrompt
    from quotetune.prompts.split import Split


@dataclass(frozen=True)
class Inputs:
    """The inputs of a config, read once.

    Attributes:
        problems: The problems. Those with `to_provide` are about files that do not exist.
        prompts: The prompts, not cut to their prefix, because that would need the tokenizer; None
            if there is a problem with them.
        split: The same prompts, split into rounds, held-out ones and
            those for development; None as for `prompts`.
        notices: What a user may not expect of the config or its inputs, besides the problems.
    """

    problems: list[Problem]
    prompts: "list[SourcePrompt] | None" = None
    split: "Split | None" = None
    notices: tuple[str, ...] = ()


def read_prompts_of(config: Config) -> Inputs:
    """Read and split the prompts of a config."""
    from quotetune.prompts.grounding import check_passages
    from quotetune.prompts.reading import read_prompts
    from quotetune.prompts.split import split_prompts

    if not config.prompts.path.exists():
        text = (
            f"{config.prompts.path} does not exist: put your prompts there (JSONL or Parquet with a"
            " column prompt), or correct the path"
        )
        return Inputs([Problem("prompts.path", text, to_provide=True)])
    try:
        prompts = read_prompts(config.prompts.path, config.prompts)
        split = split_prompts(prompts, config.prompts, config.rounds)
        if config.prompts.context is not None:
            for part in (split.heldout, split.dev, *split.rounds):
                check_passages(part, config.prompts.context)
    except UsageError as error:
        return Inputs([Problem("prompts.path", str(error))])
    return Inputs([], prompts, split)


def general_text_problems(config: Config) -> list[Problem]:
    """Check that the texts from outside the corpus can be read."""
    texts = {
        "absorb.replay": None if config.absorb is None else config.absorb.replay,
        "drift.outside": None if config.drift is None else config.drift.outside,
    }
    return [
        problem
        for key, path in texts.items()
        if path is not None
        for problem in _text_problems(key, path)
    ]


def _text_problems(key: str, path: Path) -> list[Problem]:
    from quotetune.prompts.general_text import read_general_texts

    if not path.exists():
        text = f"{path} does not exist: put the text there, or correct the path"
        return [Problem(key, text, to_provide=True)]
    try:
        read_general_texts(path)
    except UsageError as error:
        return [Problem(key, str(error))]
    return []


def absorb_problems(config: Config, prompts: "Sequence[SourcePrompt] | None") -> list[Problem]:
    """Check that there are prompts with documents, if theirs are absorbed."""
    if config.absorb is None or config.absorb.documents == "all" or prompts is None:
        return []
    context = config.prompts.context
    later = context is not None and context.brings_documents
    if later or any(one.prompt.documents for one in prompts):
        return []
    text = "no prompt has documents: give the prompts documents, or set it to all"
    return [Problem("absorb.documents", text)]
