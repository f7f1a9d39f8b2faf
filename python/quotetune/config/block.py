"""The base class of a config's blocks, and `model:`, which several blocks contain."""

import math
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    field_validator,
    model_serializer,
    model_validator,
)

# The largest is that of numpy, which training seeds.
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
CLOCK = "strftime_now"  # the function by which chat templates read the clock
# What the program itself gives to a chat template, and arguments of `apply_chat_template` that are
# not variables of the template.
OWN_VARIABLES = (
    "messages",
    "add_generation_prompt",
    CLOCK,
    "tokenize",
    "return_dict",
    "self",
    "conversation",
    "chat_template",
    "continue_final_message",
    "padding",
    "truncation",
    "max_length",
    "return_tensors",
    "return_assistant_tokens_mask",
    "tokenizer_kwargs",
)


def as_json(value: Any, name: str) -> Any:
    """Return a value of YAML as a value of JSON. A date becomes its text.

    Raises:
        ValueError: JSON has no such value. The message names it.

    Example:
        >>> as_json({"day": date(2024, 7, 26)}, "")
        {'day': '2024-07-26'}
    """
    if isinstance(value, dict):
        below = {key: f"{name}.{key}" if name else str(key) for key in value}
        return {as_json(key, below[key]): as_json(item, below[key]) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item, name) for item in value]
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, float):
        raise ValueError(f"{name} is {value}: set it to a finite number")
    remedy = "quote it" if isinstance(value, datetime) else "write a text, a number or a list"
    raise ValueError(f"{name} is {value!r}, which JSON does not have: {remedy}")


class Block(BaseModel):
    """A block of a config. It refuses unknown keys, and does not change after it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    # Keys that are newer than the first runs. They are left out of files where they are null, so
    # that what was made without them stays as it is.
    left_out_if_null: ClassVar[tuple[str, ...]] = ()
    # The same for keys whose default is not null.
    left_out_by_default: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _without_nulls(self, dump: Callable[["Block"], dict[str, Any]]) -> dict[str, Any]:
        return {
            key: value
            for key, value in dump(self).items()
            if (value is not None or key not in self.left_out_if_null)
            and (key not in self.left_out_by_default or value != self._default(key))
        }

    @classmethod
    def _default(cls, key: str) -> Any:
        return cls.model_fields[key].default


class ReasoningConfig(Block):
    """The marks around a model's thoughts, which come before its answer."""

    start: str = Field(default="<think>", min_length=1)
    """Mark at which thoughts start. The chat template may write it instead of the model."""

    end: str = Field(default="</think>", min_length=1)
    """Mark at which they end. The answer is what follows the last one."""

    max_tokens: PositiveInt = 2048
    """Tokens after which thoughts are cut. A response that is cut there has no answer.
    `sampling.max_tokens` bounds the answer, which follows the end mark, and `sampling.stop` ends
    only an answer."""

    @model_validator(mode="after")
    def _marks_differ(self) -> "ReasoningConfig":
        if self.start == self.end:
            raise ValueError(
                f"start and end are both {self.start!r}, so that no answer would be found: set end"
                " to the mark after the thoughts"
            )
        return self


class ModelConfig(Block):
    """A model and how it is loaded."""

    left_out_if_null = ("chat_template_kwargs", "quantization", "reasoning")

    path: str = Field(min_length=1)
    """Directory with `config.json`, safetensors and a tokenizer, or a name on the Hub."""

    revision: str | None = None
    """Branch, tag or commit of a model on the Hub; `null` takes the default branch."""

    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type of weights and arithmetic; `auto` takes the type in which the weights are stored.
    Weights that are trained are float32, and are stored so."""

    quantization: Literal["nf4"] | None = None
    """Type in which the linear layers are kept: `nf4` has 4 bits and needs `quotetune[nf4]`. It is
    for training an adapter and for the sampling backend `transformers`. `null` keeps `dtype`."""

    trust_remote_code: bool = False
    """Whether to run Python code from the model's directory. Set it only if you trust the model's
    authors."""

    chat_template_kwargs: dict[str, Any] | None = None
    """Variables of the model's chat template, such as `enable_thinking: false`, or a fixed
    `date_string` for a template that reads the clock."""

    reasoning: ReasoningConfig | None = None
    """Marks around the thoughts of a model that thinks before it answers. The answer alone is
    scored and shown; training learns both. `null` takes whole responses as answers."""

    @property
    def thought_tokens(self) -> int:
        """The largest number of tokens of thoughts; 0 for a model that does not think."""
        return 0 if self.reasoning is None else self.reasoning.max_tokens

    @field_validator("chat_template_kwargs")
    @classmethod
    def _leaves_the_prompt_alone(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        for name in value or {}:
            if name in OWN_VARIABLES:
                raise ValueError(
                    f"{name} is not a variable of the template, or is set by the program: remove it"
                )
        variables: dict[str, Any] | None = as_json(value, "")
        return variables

    @model_validator(mode="before")
    @classmethod
    def _has_no_adapter(cls, content: Any) -> Any:
        if isinstance(content, dict) and "adapter" in content.keys() - cls.model_fields.keys():
            raise ValueError(
                "has an adapter, which only the run's own model can have: merge it into the model,"
                " and give that as path"
            )
        return content


class RunModelConfig(ModelConfig):
    """The model of a run, and the adapter with which it starts."""

    adapter: Path | None = Field(default=None, exclude=True)
    """LoRA adapter of your own, in PEFT's form. The model with this adapter is the base policy, and
    the rounds train the adapter further. `null` starts from the model alone."""

    # It is left out of dumps, because stages and jobs name policies by their files: the settings of
    # a run without an adapter are those that they were before this key existed.
