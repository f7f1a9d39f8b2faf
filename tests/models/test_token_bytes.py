"""The bytes of tokens, against the tokenizers' own decoders."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotetune.models.token_bytes import TokenBytes
from tiny_model import tiny_tokenizer

TEXT = "Zürich, 서울은 수도, 北京, กรุงเทพ, 🙂‍↔️ naïve \u2581 x"


def byte_level() -> Any:
    """A byte-level vocabulary of single bytes, a few merges, and a special and an added token."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([TEXT] * 20, trainer)
    tokenizer.add_special_tokens([AddedToken("<end>", special=True)])
    tokenizer.add_tokens([AddedToken("<thînk>", special=False)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>")


def sentence_piece() -> Any:
    """A vocabulary as SentencePiece makes it, with tokens for the bytes of rare characters."""
    from tokenizers import Tokenizer, decoders, models, normalizers
    from transformers import PreTrainedTokenizerFast

    tokens = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), "\u2581", *"abcnxZü"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(
        models.BPE(vocab=vocabulary, merges=[], byte_fallback=True, unk_token="<unk>")
    )
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


KINDS = {"byte-level": byte_level, "sentence-piece": sentence_piece, "ascii": tiny_tokenizer}


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request: Any) -> Any:
    return KINDS[request.param]()


def test_the_bytes_of_all_tokens_are_those_of_the_text(tokenizer: Any) -> None:
    of = TokenBytes(tokenizer).of
    text = TEXT if tokenizer.vocab_size > 200 else "Why is it so?"
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert b"".join(map(of, ids)).decode() == text.replace("\u2581", " ") or (
        b"".join(map(of, ids)).decode() == text
    )


def test_a_token_is_what_it_decodes_to(tokenizer: Any) -> None:
    of = TokenBytes(tokenizer).of
    for token in range(len(tokenizer)):
        decoded = tokenizer.decode([token], skip_special_tokens=True)
        assert of(token).decode("utf-8", "replace") == decoded
    assert of(len(tokenizer) + 5) == b""


def unfinished(data: bytes) -> int:
    """The bytes at the end without which the data is text, or that only more bytes can complete."""
    for count in range(4):
        tail = data[len(data) - count :]
        for more in (b"", b"\x80", b"\x80\x80", b"\x80\x80\x80", b"\x90\x80\x80", b"\xa0\x80"):
            try:
                complete = (tail + more).decode()
            except UnicodeDecodeError:
                continue
            if count and more and len(complete) == 1:
                return count
    return 0


@given(st.binary(max_size=8))
def test_the_start_of_a_character_at_the_end_is_counted(data: bytes) -> None:
    tokenizer = sentence_piece()
    tokens = [tokenizer.convert_tokens_to_ids(f"<0x{byte:02X}>") for byte in data]
    assert TokenBytes(tokenizer).unfinished(tokens) == unfinished(data)
