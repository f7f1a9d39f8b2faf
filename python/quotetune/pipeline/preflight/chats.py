"""Check that the model can take the prompts: its chat template, and its tokenizer's size."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.config import Config, ModelConfig
from quotetune.config.block import CLOCK, OWN_VARIABLES
from quotetune.config.problem import Problem, near
from quotetune.errors import QuotetuneError, UsageError
from quotetune.models.chat_template import (
    names_in,
    read_chat_template,
    render,
    template_variables,
    tokenizer_settings,
)
from quotetune.models.files import is_model
from quotetune.models.json_files import known_settings, read_mapping
from quotetune.prompts.according_to import according_to
from quotetune.prompts.prompt import Prompt

if TYPE_CHECKING:
    from quotetune.prompts.reading import SourcePrompt

_END_OF_THOUGHTS = "</think>"
_JUDGE = "preference.judge.model"


def chat_problems(config: Config, sources: "Sequence[SourcePrompt] | None") -> list[Problem]:
    """Check the model's directory against the prompts; a name on the Hub is not looked up.

    Args:
        config: The config.
        sources: The prompts; None if they cannot be read.
    """
    problems = []
    chatting, directory = dict(_chatting(config)), Path(config.model.path)
    if is_model(directory):
        problems += _tokenizer_problems(directory)
        if "model" in chatting and sources is not None:
            problems += _template_problems(config, [one.prompt for one in sources])
    if _JUDGE in chatting:
        problems += _judge_problems(chatting[_JUDGE])
    return problems


def _chatting(config: Config) -> Iterator[tuple[str, ModelConfig]]:
    """Yield the models that are asked in chats, after their keys."""
    if config.prompts.format == "chat":
        yield "model", config.model
    judge = None if config.preference is None else config.preference.judge
    if judge is not None and judge.format == "chat":
        yield _JUDGE, judge.model


def thought_notices(config: Config) -> list[str]:
    """Name the template of a model that thinks, if the config does not say where answers start."""
    notices = []
    models = {"model": config.model, **dict(_chatting(config))}
    for key, model in models.items():
        template, _ = _read_template(Path(model.path)) or (None, {})
        if model.reasoning is not None or template is None or _END_OF_THOUGHTS not in template:
            continue
        purpose = "score its answers" if key == "model" else "read its verdicts"
        notices.append(
            f"{key}.reasoning: the model's chat template has {_END_OF_THOUGHTS}, so the model may"
            f" think before it answers: set {key}.reasoning to {{}} to {purpose} alone, or"
            f" {key}.chat_template_kwargs to what turns the thoughts off"
        )
    return notices


def variable_notices(config: Config) -> list[str]:
    """Name variables of the config that a template does not read."""
    notices = []
    for key, model in _chatting(config):
        template, _ = _read_template(Path(model.path)) or (None, {})
        names = set() if template is None else names_in(template)
        for name in model.chat_template_kwargs or {} if names else ():
            if name not in names:
                known = sorted(names - set(OWN_VARIABLES))
                hint = near(name, known) or "it has no effect"
                notices.append(
                    f"{key}.chat_template_kwargs.{name}: the chat template does not read {name}:"
                    f" {hint}"
                )
    return notices


def clock_notices(config: Config, sources: "Sequence[SourcePrompt] | None") -> list[str]:
    """Name a template that reads the clock."""
    template, settings = _read_template(Path(config.model.path)) or (None, {})
    if template is None or config.prompts.format != "chat":
        return []
    read: list[str] = []
    variables = template_variables(config.model, None)

    def recorded(form: str) -> str:
        read.append(form)
        return form

    variables[CLOCK] = recorded
    for source in (sources or [])[:1]:
        with suppress(QuotetuneError):
            render(template, source.prompt.messages or [], settings, variables)
    if not read:
        return []
    return [
        f"model.path: its chat template reads the clock ({', '.join(read)}): all prompts of the run"
        " get the time at which it first samples, which clock.json keeps. A variable of the"
        " template in model.chat_template_kwargs may fix the date instead"
    ]


def _tokenizer_problems(directory: Path) -> list[Problem]:
    """Compare the largest id of the tokenizer with the rows of the embeddings."""
    try:
        tokenizer = read_mapping(directory / "tokenizer.json")
    except UsageError as error:
        return [Problem("model.path", str(error))]
    try:
        rows = known_settings(directory)["vocab_size"]
        vocabulary = tokenizer["model"]["vocab"]
        ids = vocabulary.values() if isinstance(vocabulary, dict) else range(len(vocabulary))
        largest = max([*ids, *(token["id"] for token in tokenizer.get("added_tokens", []))])
    except (ValueError, KeyError, TypeError):
        return []  # another form of tokenizer: loading it tells
    if largest < rows:
        return []
    text = (
        f"the tokenizer has ids up to {largest}, but the embeddings have {rows} rows: resize the"
        " embeddings, or put the tokenizer there that belongs to the model"
    )
    return [Problem("model.path", text)]


def _read_template(directory: Path) -> tuple[str | None, dict[str, Any]] | None:
    """Read a chat template, if there is one, and the tokenizer's settings.

    None if a file of them is damaged, which is a problem of the model.
    """
    try:
        return read_chat_template(directory), tokenizer_settings(directory)
    except UsageError:
        return None


def _template_problems(config: Config, prompts: "Sequence[Prompt]") -> list[Problem]:
    """Render one chat of each sequence of roles, and one of the baseline `according_to`."""
    read = _read_template(Path(config.model.path))
    if read is None:
        return []
    template, settings = read
    if template is None:
        return [_no_template("prompts.format", config.model)]
    variables = template_variables(config.model, None)
    refused = _refusal(template, settings, variables, prompts)
    if refused is not None:
        remedy = "leave the system message out" if refused.has_system else "change its messages"
        return [Problem("prompts.path", f"{refused}: {remedy}")]
    if "according_to" in config.evaluation.baselines:
        grounded = according_to([prompt for prompt in prompts if prompt.messages])
        refused = _refusal(template, settings, variables, grounded)
        if refused is not None:
            remedy = "remove according_to, which adds a system message"
            return [Problem("evaluation.baselines", f"{refused}: {remedy}")]
    return []


def _judge_problems(model: ModelConfig) -> list[Problem]:
    key = "preference.judge.format"
    read = _read_template(Path(model.path)) if is_model(Path(model.path)) else None
    if read is None:
        return []
    template, settings = read
    if template is None:
        return [_no_template(key, model)]
    question = Prompt("the question", messages=[{"role": "user", "content": "?"}])
    refused = _refusal(template, settings, template_variables(model, None), [question])
    remedy = "set it to text, or choose another judge"
    return [] if refused is None else [Problem(key, f"{refused}: {remedy}")]


def _no_template(key: str, model: ModelConfig) -> Problem:
    text = "has no chat template: set it to text, or choose a model that is tuned on chats"
    return Problem(key, f"is chat, but {model.path} {text}")


@dataclass(frozen=True)
class _Refusal:
    prompt: Prompt
    error: QuotetuneError

    @property
    def roles(self) -> tuple[str, ...]:
        return _roles(self.prompt)

    @property
    def has_system(self) -> bool:
        return "system" in self.roles

    def __str__(self) -> str:
        return (
            f"the model's chat template refuses the roles {', '.join(self.roles)} of prompt"
            f" {self.prompt.id} ({self.error})"
        )


def _refusal(
    template: str,
    settings: dict[str, Any],
    variables: dict[str, Any],
    prompts: "Sequence[Prompt]",
) -> _Refusal | None:
    """Render one chat of each sequence of roles, until one is refused."""
    by_roles: dict[tuple[str, ...], Prompt] = {}
    for prompt in prompts:
        if prompt.messages:
            by_roles.setdefault(_roles(prompt), prompt)
    for prompt in by_roles.values():
        try:
            render(template, prompt.messages or [], settings, variables)
        except QuotetuneError as error:
            return _Refusal(prompt, error)
    return None


def _roles(prompt: Prompt) -> tuple[str, ...]:
    return tuple(message["role"] for message in prompt.messages or [])
