"""Check that the model can take the prompts: its chat template, and its tokenizer's size."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.config import Config
from quotetune.config.problem import Problem
from quotetune.errors import QuotetuneError
from quotetune.models.chat_template import read_chat_template, render, tokenizer_settings
from quotetune.models.files import MODEL_CONFIG
from quotetune.prompts.according_to import according_to

if TYPE_CHECKING:
    from quotetune.prompts.prompt import Prompt
    from quotetune.prompts.reading import SourcePrompt


def chat_problems(config: Config, sources: "Sequence[SourcePrompt] | None") -> list[Problem]:
    """Check the model's directory against the prompts; a name on the Hub is not looked up.

    Args:
        config: The config.
        sources: The prompts; None if they cannot be read.
    """
    directory = Path(config.model.path)
    if not (directory / MODEL_CONFIG).is_file():
        return []
    problems = _tokenizer_problems(directory)
    if config.prompts.format == "chat" and sources is not None:
        problems += _template_problems(config, directory, [one.prompt for one in sources])
    return problems


def _tokenizer_problems(directory: Path) -> list[Problem]:
    """Compare the largest id of the tokenizer with the rows of the embeddings."""
    try:
        tokenizer = json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))
        settings = json.loads((directory / MODEL_CONFIG).read_text(encoding="utf-8"))
        rows = settings.get("text_config", settings)["vocab_size"]
        vocabulary = tokenizer["model"]["vocab"]
        ids = vocabulary.values() if isinstance(vocabulary, dict) else range(len(vocabulary))
        largest = max([*ids, *(token["id"] for token in tokenizer.get("added_tokens", []))])
    except (OSError, ValueError, KeyError, TypeError):
        return []  # another form of tokenizer: loading it tells
    if largest < rows:
        return []
    text = (
        f"the tokenizer has ids up to {largest}, but the embeddings have {rows} rows: resize the"
        " embeddings, or put the tokenizer there that belongs to the model"
    )
    return [Problem("model.path", text)]


def _template_problems(
    config: Config, directory: Path, prompts: "Sequence[Prompt]"
) -> list[Problem]:
    """Render one chat of each sequence of roles, and one of the baseline `according_to`."""
    try:
        template = read_chat_template(directory)
        settings = tokenizer_settings(directory)
    except (OSError, ValueError, KeyError, TypeError) as error:
        return [Problem("model.path", f"its chat template cannot be read ({error}): mend it")]
    if template is None:
        text = "has no chat template: set it to text, or choose a model that is tuned on chats"
        return [Problem("prompts.format", f"is chat, but {directory} {text}")]
    problems = _refused("prompts.path", template, settings, prompts)
    if not problems and "according_to" in config.evaluation.baselines:
        grounded = according_to([prompt for prompt in prompts if prompt.messages])
        problems = _refused("evaluation.baselines", template, settings, grounded)
    return problems


def _refused(
    key: str, template: str, settings: dict[str, Any], prompts: "Sequence[Prompt]"
) -> list[Problem]:
    by_roles: dict[tuple[str, ...], Prompt] = {}
    for prompt in prompts:
        if prompt.messages:
            by_roles.setdefault(tuple(message["role"] for message in prompt.messages), prompt)
    for roles, prompt in by_roles.items():
        try:
            render(template, prompt.messages or [], settings)
        except QuotetuneError as error:
            remedy = "leave the system message out" if "system" in roles else "change its messages"
            if key == "evaluation.baselines":
                remedy = "remove according_to, which adds a system message"
            text = (
                f"the model's chat template refuses the roles {', '.join(roles)} of prompt"
                f" {prompt.id} ({error}): {remedy}"
            )
            return [Problem(key, text)]
    return []
