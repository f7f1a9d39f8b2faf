"""A job is written and read a prompt at a time, and is the JSON of the whole."""

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.errors import QuotetuneError, UsageError
from quotetune.prompts.prompt import Prompt
from quotetune.sampling import job as module
from quotetune.sampling import run_sampling
from quotetune.sampling.job import JobPrompts, read_job, write_job
from quotetune.sampling.parts import JOB_NAME, part_path

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
KEYS = TEXT.filter(lambda key: key != "prompts")


@given(
    before=st.dictionaries(KEYS, VALUES, max_size=3),
    prompts=st.lists(VALUES, max_size=5),
    after=st.dictionaries(KEYS, VALUES, max_size=3),
    piece=st.integers(1, 30),
)
@example(before={}, prompts=[1.5e30, -0.25], after={"": 0.0}, piece=1)
def test_a_job_is_the_json_of_the_whole(before, prompts, after, piece, tmp_path_factory):
    directory = tmp_path_factory.mktemp("job")
    whole = {**before, "prompts": prompts, **after}
    path, count = write_job(directory, whole | {"prompts": None}, iter(prompts))
    assert path == directory / JOB_NAME and count == len(prompts)
    assert path.read_text(encoding="utf-8") == json.dumps(whole, ensure_ascii=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PIECE", piece)
        found = read_job(path)
        assert isinstance(found["prompts"], JobPrompts)
        assert len(found["prompts"]) == len(prompts)
        for _ in range(2):
            assert {**found, "prompts": list(found["prompts"])} == whole
        assert list(found) == list(whole)


@pytest.mark.parametrize(
    "text", ["", "{", '{"a": 1', '{"prompts": [1, 2', '{"prompts": [1 2]}', "x"]
)
def test_a_damaged_job_is_an_error_that_names_it(tmp_path, text):
    path = tmp_path / JOB_NAME
    path.write_text(text)
    with pytest.raises(QuotetuneError, match="damaged"):
        read_job(path)


def test_parts_of_another_job_go_before_the_job_appears(tmp_path):
    write_job(tmp_path, {"seed": 1, "prompts": None}, ["a", "b"])
    part_path(tmp_path, 0).touch()
    write_job(tmp_path, {"seed": 1, "prompts": None}, ["a", "b"])
    assert part_path(tmp_path, 0).exists()
    # If the writing of another one fails, the parts still belong to the job that is there.
    with pytest.raises(ZeroDivisionError):
        write_job(tmp_path, {"seed": 1, "prompts": None}, (1 // one for one in [1, 0]))
    assert part_path(tmp_path, 0).exists()
    assert read_job(tmp_path / JOB_NAME)["seed"] == 1
    write_job(tmp_path, {"seed": 1, "prompts": None}, ["a", "c"])
    assert not part_path(tmp_path, 0).exists()


SAMPLING = {"backend": "transformers", "n": 2, "max_tokens": 4, "chunk_prompts": 2}


def sample(model: Path, output: Path, texts: list[str]) -> list[list[dict[str, Any]]]:
    run_sampling(
        (Prompt(f"p{i}", text=text) for i, text in enumerate(texts)),
        output,
        model=ModelConfig(path=str(model)),
        sampling=SamplingConfig(**SAMPLING),
        seed=3,
        round=1,
    )
    return [pq.read_table(path).to_pylist() for path in sorted(output.glob("part-*"))]


@pytest.mark.usefixtures("without_children")
@pytest.mark.parametrize("kept", [0, 7, 12])
def test_prompts_beyond_the_memory_are_tokenised_again(model, tmp_path, monkeypatch, kept):
    texts = ["one", "and two", "3", "four of them", "five"]
    whole = sample(model, tmp_path / "whole", texts)
    assert [len(part) for part in whole] == [4, 4, 2]
    monkeypatch.setattr("quotetune.sampling.requests._KEPT_TOKENS", kept)
    monkeypatch.setattr(module, "_PIECE", 16)
    assert sample(model, tmp_path / "pieces", texts) == whole
    # A part in the middle is made again without the others.
    shutil.copytree(tmp_path / "pieces", tmp_path / "resumed")
    part_path(tmp_path / "resumed", 1).unlink()
    assert sample(model, tmp_path / "resumed", texts) == whole


@pytest.mark.usefixtures("without_children")
def test_the_longest_of_all_prompts_is_named(model, tmp_path):
    texts = ["short", "x" * 253, "short", "y" * 255, "z" * 254]
    with pytest.raises(UsageError, match=r"prompt p3 has 256 tokens.*\(3 of 5 prompts\)"):
        sample(model, tmp_path, texts)
    assert not list(tmp_path.glob("part-*"))
