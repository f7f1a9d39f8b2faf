"""A response ends at any token that ends a text, and prompts see one time."""

import json
import shutil
from pathlib import Path

import pytest

from quotetune.config import ModelConfig, SamplingConfig
from quotetune.errors import QuotetuneError
from quotetune.prompts.prompt import Prompt
from quotetune.sampling import run_sampling
from quotetune.sampling.parts import JOB_NAME, part_path, read_samples
from tiny_model import tiny_tokenizer

CHAT = [Prompt(f"p{i}", messages=[{"role": "user", "content": f"What is {i}?"}]) for i in range(4)]


@pytest.fixture
def own(model, tmp_path) -> Path:
    return Path(shutil.copytree(model, tmp_path / "model"))


def sample(directory: Path, output: Path, backend: str = "transformers", **job):
    settings = {"n": 8, "max_tokens": 60, "top_p": 1.0, "chunk_prompts": 2}
    model = {"path": str(directory), **job.pop("model", {})}
    run_sampling(
        CHAT,
        output,
        model=ModelConfig(**model),
        sampling=SamplingConfig(backend=backend, **settings),
        seed=0,
        round=1,
        **job,
    )
    return read_samples(output).to_pylist()


@pytest.mark.usefixtures("without_children")
@pytest.mark.parametrize("backend", ["transformers", "vllm"])
def test_the_ends_of_the_generation_config_and_of_the_tokenizer_both_count(own, tmp_path, backend):
    tokenizer = tiny_tokenizer()
    other = tokenizer.pad_token_id
    (own / "generation_config.json").write_text(json.dumps({"eos_token_id": other}))
    ends = {other, tokenizer.eos_token_id}
    seen = set()
    for row in sample(own, tmp_path / "samples", backend):
        *inner, last = row["token_ids"]
        assert not ends & set(inner)
        assert (row["finish_reason"] == "stop") == (last in ends)
        seen.add(last)
        assert row["response"] == tokenizer.decode(row["token_ids"], skip_special_tokens=True)
    assert ends <= seen


def with_clock(directory: Path) -> Path:
    file = directory / "chat_template.jinja"
    file.write_text("[{{ date or strftime_now('%d %b %Y %H:%M:%S') }}]" + file.read_text())
    return directory


def shown(rows) -> set[str]:
    tokenizer = tiny_tokenizer()
    return {tokenizer.decode(row["prompt_token_ids"]).partition("]")[0] for row in rows}


@pytest.mark.usefixtures("without_children")
def test_a_part_that_is_made_again_shows_the_time_of_the_first(own, tmp_path):
    with_clock(own)
    (tmp_path / "samples").mkdir()
    clock = tmp_path / "samples" / "clock.json"
    clock.write_text('{"now": "1999-05-01T10:11:12+00:00"}')
    first = sample(own, tmp_path / "samples")
    assert shown(first) == {"[01 May 1999 10:11:12"}
    part_path(tmp_path / "samples", 1).unlink()
    assert sample(own, tmp_path / "samples") == first


@pytest.mark.usefixtures("without_children")
def test_the_time_is_kept_where_the_caller_says(own, tmp_path):
    with_clock(own)
    clock = tmp_path / "run" / "clock.json"
    one = sample(own, tmp_path / "one", clock=clock)
    kept = clock.read_text()
    other = sample(own, tmp_path / "other", clock=clock)
    assert clock.read_text() == kept
    assert one == other
    clock.write_text("{}")
    with pytest.raises(QuotetuneError, match=r"clock\.json: not .*: correct the file"):
        sample(own, tmp_path / "again", clock=clock)


@pytest.mark.usefixtures("without_children")
def test_a_variable_of_the_template_is_part_of_the_job_only_if_it_is_given(own, tmp_path):
    before = sample(own, tmp_path / "plain")
    job = json.loads((tmp_path / "plain" / JOB_NAME).read_text())
    assert "now" not in job
    assert set(job["model"]) == {"path", "revision", "dtype", "trust_remote_code"}
    assert not (tmp_path / "plain" / "clock.json").exists()
    with_clock(own)
    given = {"chat_template_kwargs": {"date": "1 May"}}
    after = sample(own, tmp_path / "given", model=given)
    assert shown(after) == {"[1 May"}
    assert shown(before) == {"<|begin|>[user"}
