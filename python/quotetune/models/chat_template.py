"""A model's chat template, rendered without loading its tokenizer, which takes seconds."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from quotetune.config import ModelConfig
from quotetune.config.block import CLOCK
from quotetune.errors import QuotetuneError, UsageError, reason_of
from quotetune.models.files import find_file
from quotetune.models.json_files import read_mapping

_SPECIAL = (
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
)


def read_chat_template(directory: Path) -> str | None:
    """Return the chat template in a model's directory; None if it has none.

    Raises:
        UsageError: It cannot be read, or as for `tokenizer_settings`.
    """
    file = directory / "chat_template.jinja"
    try:
        if file.is_file():
            return file.read_text(encoding="utf-8")
        template = tokenizer_settings(directory).get("chat_template")
        if isinstance(template, list):  # several templates, by name
            named = {one["name"]: one["template"] for one in template}
            template = named.get("default")
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else error
        raise UsageError(
            f"{directory}: its chat template cannot be read ({reason}): copy the tokenizer's files"
            " again from where the model is from"
        ) from error
    return template if isinstance(template, str) else None


def tokenizer_settings(directory: Path) -> dict[str, Any]:
    """Return the settings of a tokenizer, with its special tokens, as `transformers` loads them.

    Older tokenizers have the special tokens in `special_tokens_map.json`.

    Args:
        directory: The model's directory.

    Returns:
        The content of `tokenizer_config.json`; empty without the file.

    Raises:
        UsageError: A file is damaged, or a special token is not a token.
    """
    settings = read_mapping(directory / "tokenizer_config.json")
    if "added_tokens_decoder" not in settings:
        settings |= read_mapping(directory / "special_tokens_map.json")
    for name in _SPECIAL:
        if settings.get(name) is not None and _token(settings[name]) is None:
            raise UsageError(
                f"{directory}: {name} of the tokenizer is {settings[name]!r}, which is not a token:"
                " copy the tokenizer's files again from where the model is from"
            )
    return settings


def has_chat_template(model: ModelConfig) -> bool:
    """Tell whether a model has a chat template; False if it cannot be found."""
    if find_file(model, "chat_template.jinja") is not None:
        return True
    file = find_file(model, "tokenizer_config.json")
    return file is not None and bool(tokenizer_settings(file.parent).get("chat_template"))


def may_read_clock(model: ModelConfig) -> bool:
    """Tell whether a model's chat template names the clock; False if it cannot be found."""
    files = [find_file(model, "chat_template.jinja"), find_file(model, "tokenizer_config.json")]
    return any(CLOCK in file.read_text("utf-8") for file in files if file is not None)


def template_variables(model: ModelConfig, now: datetime | None) -> dict[str, Any]:
    """Return the variables that a chat template gets besides the chat.

    Args:
        model: The model, for its `chat_template_kwargs`.
        now: The time that the template reads; None for the present time.

    Example:
        >>> model = ModelConfig(path="m", chat_template_kwargs={"enable_thinking": False})
        >>> template_variables(model, None)
        {'enable_thinking': False}
    """
    clock = {} if now is None else {CLOCK: now.strftime}
    return {**(model.chat_template_kwargs or {}), **clock}


def render(
    template: str,
    messages: Sequence[dict[str, Any]],
    settings: dict[str, Any],
    variables: Mapping[str, Any] | None = None,
) -> str:
    """Render a chat as `transformers` does, with the header of the assistant's turn.

    Args:
        template: The template, in Jinja.
        messages: The chat.
        settings: The content of `tokenizer_config.json`, which names the special tokens.
        variables: Further variables of the template.

    Returns:
        The text of the prompt.

    Raises:
        QuotetuneError: The template refuses the chat, or is not valid.

    Example:
        >>> render("{{ messages[0].content }}", [{"role": "user", "content": "Why?"}], {})
        'Why?'
    """
    from jinja2 import TemplateError

    def refuse(message: str) -> None:
        raise TemplateError(message)

    environment = _environment()
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = refuse
    environment.globals[CLOCK] = lambda form: datetime.now().astimezone().strftime(form)
    special = {name: _token(settings.get(name)) for name in _SPECIAL}
    given: dict[str, Any] = {name: token for name, token in special.items() if token is not None}
    given |= {"messages": list(messages), "add_generation_prompt": True}
    given |= {"tools": None, "documents": None, **(variables or {})}
    try:
        return str(environment.from_string(template).render(given))
    except Exception as error:  # a template can raise any error of Python
        reason = reason_of(error)
        raise QuotetuneError(reason) from error


def names_in(template: str) -> set[str]:
    """Return the names that a template reads or sets; empty if it is not valid.

    Example:
        >>> sorted(names_in("{% if enable_thinking %}{{ messages[0].content }}{% endif %}"))
        ['enable_thinking', 'messages']
    """
    from jinja2 import TemplateError, nodes

    try:
        parsed = _environment().parse(template)
    except (TemplateError, RecursionError):
        return set()
    return {node.name for node in parsed.find_all(nodes.Name)}


def _environment() -> Any:
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_generation(), loopcontrols]
    )


def _generation() -> Any:
    """Return an extension for the block that marks the assistant's tokens; it is rendered as is."""
    from jinja2.ext import Extension

    class Generation(Extension):
        tags = {"generation"}  # noqa: RUF012 # as Jinja declares it

        def parse(self, parser: Any) -> Any:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    return Generation


def _to_json(value: Any, ensure_ascii: bool = False, **options: Any) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, **options)


def _token(value: Any) -> str | None:
    """Return a special token, which may be written with its properties."""
    value = value.get("content") if isinstance(value, dict) else value
    return value if isinstance(value, str) else None
