"""Turn a prompt into the tokens that the model sees."""

from typing import TYPE_CHECKING, Any

from quotetune.errors import UsageError

if TYPE_CHECKING:
    from quotetune.prompts.prompt import Prompt


def prompt_token_ids(prompt: "Prompt", tokenizer: Any) -> list[int]:
    """Tokenise a prompt, up to the point where the model's response starts.

    A chat goes through the tokenizer's chat template, with the header of the assistant's turn. A
    plain text gets the special tokens that the tokenizer puts before a text. The ids never start
    with two begin-of-sequence tokens, even if the template and the tokenizer both add one, or the
    text spells one out.

    Args:
        prompt: A prompt with either `messages` or `text`.
        tokenizer: The model's `transformers` tokenizer.

    Returns:
        Token ids, ready for the model.

    Raises:
        UsageError: The prompt is a chat and the tokenizer has no chat template.
    """
    if prompt.messages is None:
        ids = tokenizer(prompt.text)["input_ids"]
    elif tokenizer.chat_template is None:
        raise UsageError(
            f"prompt {prompt.id}: the tokenizer of {tokenizer.name_or_path} has no chat template:"
            " set prompts.format to text, or choose a model that is tuned on chats"
        )
    else:
        ids = tokenizer.apply_chat_template(
            prompt.messages, add_generation_prompt=True, tokenize=True, return_dict=False
        )
    begin = tokenizer.bos_token_id
    while begin is not None and ids[:2] == [begin, begin]:
        ids = ids[1:]
    return list(ids)
