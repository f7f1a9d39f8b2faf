"""Turn a prompt into the tokens that the model sees."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from quotetune.errors import UsageError

if TYPE_CHECKING:
    from quotetune.prompts.prompt import Prompt


def prompt_token_ids(
    prompt: "Prompt", tokenizer: Any, variables: Mapping[str, Any] | None = None
) -> list[int]:
    """Tokenise a prompt, up to the point where the model's response starts.

    A chat goes through the tokenizer's chat template, with the header of the assistant's turn. A
    plain text gets the special tokens that the tokenizer puts before a text, and none after it. The
    ids never start with two begin-of-sequence tokens, even if the template and the tokenizer both
    add one, or the text spells one out.

    Args:
        prompt: A prompt with either `messages` or `text`.
        tokenizer: The model's `transformers` tokenizer.
        variables: Variables of the chat template, as `template_variables` returns them.

    Returns:
        Token ids, ready for the model.

    Raises:
        UsageError: The prompt is a chat and the tokenizer has no chat template.
    """
    if prompt.messages is None:
        ids = text_token_ids(prompt.text or "", tokenizer)
    elif tokenizer.chat_template is None:
        raise UsageError(
            f"prompt {prompt.id}: the tokenizer of {tokenizer.name_or_path} has no chat template:"
            " set prompts.format to text, or choose a model that is tuned on chats"
        )
    else:
        ids = tokenizer.apply_chat_template(
            prompt.messages,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=False,
            **(variables or {}),
        )
    return _with_one_begin(list(ids), tokenizer)


def text_token_ids(text: str, tokenizer: Any) -> list[int]:
    """Tokenise a text that is to be continued.

    Some tokenizers put tokens after every text, such as an end-of-text token (`add_eos_token`).
    They are left out, whichever they are. Tokens that the text itself spells out stay, except for a
    begin-of-sequence token that the tokenizer has put in front already.

    Args:
        text: The text.
        tokenizer: The model's `transformers` tokenizer.
    """
    own = tokenizer(text, add_special_tokens=False)["input_ids"]
    return _with_one_begin([*_before_texts(tokenizer), *own], tokenizer)


def _before_texts(tokenizer: Any) -> list[int]:
    """Return the tokens that the tokenizer puts before every text.

    They are taken from a text that is no special token: in a text such as `<s>`, what the text
    spells and what the tokenizer adds could not be told apart.
    """
    together: list[int] = tokenizer("a")["input_ids"]
    own = tokenizer("a", add_special_tokens=False)["input_ids"]
    for start in range(len(together) - len(own) + 1):
        if own and together[start : start + len(own)] == own:
            return together[:start]
    return [token for token in together[:1] if token == tokenizer.bos_token_id]


def _with_one_begin(ids: list[int], tokenizer: Any) -> list[int]:
    """Return tokens that do not start with two begin-of-sequence tokens."""
    bos = tokenizer.bos_token_id
    while bos is not None and ids[:2] == [bos, bos]:
        ids = ids[1:]
    return ids
