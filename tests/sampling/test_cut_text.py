"""A response that is cut within a character ends before it, with both backends."""

import codecs
from pathlib import Path
from typing import Any

import pytest

from byte_tokenizers import sentence_piece
from quotetune.config import ModelConfig, SamplingConfig
from quotetune.models.token_bytes import TokenBytes
from quotetune.prompts.prompt import Prompt
from quotetune.sampling import run_sampling
from quotetune.sampling.cut_text import CutText
from quotetune.sampling.parts import read_samples
from tiny_model import save_tiny_model


def byte_tokenizer() -> Any:
    """Every byte is a token, so most of a random model's characters are cut."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(letters)} | {"<end>": 256}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("bytes") / "model"
    return save_tiny_model(directory, tokenizer=byte_tokenizer())


def whole(data: bytes) -> str:
    """Decode without what only more bytes can complete."""
    return codecs.getincrementaldecoder("utf-8")("replace").decode(data)


@pytest.mark.usefixtures("without_children")
@pytest.mark.parametrize("backend", ["transformers", "vllm"])
def test_the_text_ends_before_a_character_that_was_cut(
    model: Path, tmp_path: Path, backend: str
) -> None:
    tokenizer = byte_tokenizer()
    of = TokenBytes(tokenizer).of
    assert {of(number) for number in range(256)} == {bytes([byte]) for byte in range(256)}
    run_sampling(
        [Prompt(str(number), text="서울은 수도" + "이" * number) for number in range(4)],
        tmp_path,
        model=ModelConfig(path=str(model)),
        sampling=SamplingConfig(backend=backend, n=16, max_tokens=5, top_p=1.0),
        seed=0,
        round=1,
    )
    rows = read_samples(tmp_path).to_pylist()
    cut = [row for row in rows if row["finish_reason"] == "length"]
    assert {len(row["token_ids"]) for row in cut} == {5}
    incomplete = 0
    for row in cut:
        data = b"".join(map(of, row["token_ids"]))
        incomplete += whole(data) != data.decode("utf-8", "replace")
        assert row["response"] == whole(data), (data, tokenizer.decode(row["token_ids"]))
    assert incomplete > 5


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (" 서울은 수".encode()[:-1], " 서울은 "),
        ("좋은 🙂".encode()[:-2], "좋은 "),
        ("a\ufffd".encode(), "a\ufffd"),  # the model wrote U+FFFD itself
        ("a\ufffd".encode() + b"\xe4", "a\ufffd"),
        (b"a\x80", "a\ufffd"),  # not the start of a character
        ("né".encode(), "né"),
    ],
)
def test_only_the_part_of_a_character_is_lost(data: bytes, text: str) -> None:
    tokenizer = byte_tokenizer()
    of = TokenBytes(tokenizer).of
    token = {of(number): number for number in range(256)}
    ids = [token[bytes([byte])] for byte in data]
    decoded = tokenizer.decode(ids)
    assert CutText(tokenizer).text(ids, decoded) == text


def test_a_special_token_does_not_complete_a_character() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<turn>"]})
    of = TokenBytes(tokenizer).of
    token = {of(number): number for number in range(256)}
    ids = [token[bytes([byte])] for byte in "a수".encode()[:-1]]
    ids.append(tokenizer.convert_tokens_to_ids("<turn>"))
    assert CutText(tokenizer).text(ids, tokenizer.decode(ids, skip_special_tokens=True)) == "a"
    assert CutText(tokenizer).text(ids[-1:], "") == ""


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("a日本".encode()[:-1], "a日"),  # one row of bytes: a whole character, and a part of one
        ("日🙂".encode()[:-1], "日"),
        ("日🙂".encode()[:-3], "日"),
        ("Zü日".encode(), "Zü日"),
        ("aü".encode() + b"\xe6", "aü"),
    ],
)
@pytest.mark.parametrize("specials", [0, 2])
def test_whole_characters_of_a_row_of_bytes_are_kept(data: bytes, text: str, specials: int) -> None:
    tokenizer = sentence_piece()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<turn>"]})
    letters = {letter.encode() for letter in "abcnxZ"}
    pieces = [bytes([byte]) for byte in data]
    ids = [
        tokenizer.convert_tokens_to_ids(
            piece.decode() if piece in letters else f"<0x{piece[0]:02X}>"
        )
        for piece in pieces
    ]
    ids += [tokenizer.convert_tokens_to_ids("<turn>")] * specials
    decoded = tokenizer.decode(ids, skip_special_tokens=True)
    assert CutText(tokenizer).text(ids, decoded) == text
