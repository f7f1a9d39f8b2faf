"""The bytes of tokens, against the tokenizers' own decoders."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from byte_tokenizers import TEXT, byte_level, sentence_piece
from quotetune.models.token_bytes import TokenBytes
from tiny_model import tiny_tokenizer

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
@example(b"\xed\xa0")
@example(b"\xed\x9f")
def test_the_start_of_a_character_at_the_end_is_counted(data: bytes) -> None:
    tokenizer = sentence_piece()
    tokens = [tokenizer.convert_tokens_to_ids(f"<0x{byte:02X}>") for byte in data]
    assert TokenBytes(tokenizer).unfinished(tokens) == unfinished(data)
