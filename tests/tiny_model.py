"""A random model of a few ten thousand weights whose tokens are ASCII characters, for tests."""

from pathlib import Path
from typing import Any

BEGIN, END, PADDING = "<|begin|>", "<|end|>", "<|padding|>"
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "[{{ message.role }}] {{ message.content }}\n"
    "{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}"
)


def tiny_tokenizer() -> Any:
    """Every ASCII character is a token; a text gets the begin token in front."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    # The byte-level pre-tokenizer writes a newline and a space as these two letters.
    tokens = [PADDING, BEGIN, END, "\u010a", "\u0120", *map(chr, range(ord("!"), ord("~") + 1))]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A", special_tokens=[(BEGIN, vocabulary[BEGIN])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BEGIN,
        eos_token=END,
        pad_token=PADDING,
        chat_template=CHAT_TEMPLATE,
    )


def save_tiny_model(directory: Path, *, context: int = 256, tokenizer: Any = None) -> Path:
    """Save a random Llama with a tokenizer, by default the tiny one; the same model every time."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = tokenizer or tiny_tokenizer()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=context,
        initializer_range=0.2,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )
    LlamaForCausalLM(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def save_tiny_adapter(model: Path, directory: Path) -> Path:
    """Save a random LoRA adapter that changes the model's output."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    adapted = get_peft_model(
        AutoModelForCausalLM.from_pretrained(model),
        LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", init_lora_weights=False),
    )
    adapted.save_pretrained(directory)
    return directory


def save_bare_gpt2(directory: Path) -> Path:
    """Save a GPT-2 whose files lack the first part of the names in memory, as published ones do."""
    from safetensors.torch import load_file, save_file
    from transformers import GPT2Config, GPT2LMHeadModel

    sizes = {"n_embd": 8, "n_layer": 2, "n_head": 2, "vocab_size": 16, "n_positions": 16}
    GPT2LMHeadModel(GPT2Config(**sizes)).save_pretrained(directory)
    file = directory / "model.safetensors"
    weights = {name.removeprefix("transformer."): one for name, one in load_file(file).items()}
    save_file(weights, file, metadata={"format": "pt"})
    return directory
