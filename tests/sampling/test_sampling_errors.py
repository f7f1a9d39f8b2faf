"""The errors of sampling on bad input, and the end of the child with its parent."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from processes import is_running, wait_until
from quotetune.config import ModelConfig, SamplingConfig
from quotetune.config.block import ReasoningConfig
from quotetune.errors import QuotetuneError, UsageError
from quotetune.prompts.prompt import Prompt
from quotetune.sampling import run_sampling
from quotetune.sampling.constraint import Constraint
from tiny_model import save_tiny_model

SAMPLING = SamplingConfig(backend="transformers", n=2, max_tokens=20)


@pytest.fixture(scope="module")
def short_model(tmp_path_factory) -> ModelConfig:
    directory = save_tiny_model(tmp_path_factory.mktemp("model") / "tiny", context=64)
    return ModelConfig(path=str(directory))


def prompts(*texts: str) -> list[Prompt]:
    return [Prompt(f"p{i}", text) for i, text in enumerate(texts)]


def sample(model: ModelConfig, output: Path, *texts: str, **changes) -> None:
    sampling = SAMPLING.model_copy(update=changes)
    run_sampling(prompts(*texts), output, model=model, sampling=sampling, seed=0, round=1)


# The tests from the first one without children on have none, so those that need one come before.
def test_a_broken_model_is_one_line_that_names_the_log(short_model, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in Path(short_model.path).iterdir():
        if file.suffix != ".safetensors":
            (broken / file.name).symlink_to(file)
    (broken / "model.safetensors").write_bytes(b"not a tensor")
    with pytest.raises(QuotetuneError, match=r"sampling failed with") as error:
        sample(ModelConfig(path=str(broken)), tmp_path / "out", "x")
    assert "\n" not in str(error.value)
    assert "Traceback" in (tmp_path / "out" / "sampling.log").read_text()


# How a child's error reaches its parent is tested in test_child_errors.py.
@pytest.mark.usefixtures("without_children")
def test_a_prompt_longer_than_the_context_is_named_before_any_sampling(short_model, tmp_path):
    with pytest.raises(
        UsageError, match=r"prompt p1 has 46 tokens.* context of 64 \(1 of 2"
    ) as error:
        sample(short_model, tmp_path, "short", "x" * 45)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.glob("part-*"))


@pytest.mark.usefixtures("without_children")
def test_an_automatic_length_is_the_context_of_the_model(short_model, tmp_path):
    automatic = {"engine": {"max_model_len": -1}}
    sample(short_model, tmp_path, "short", **automatic)
    assert list(tmp_path.glob("part-*"))
    with pytest.raises(UsageError, match=r"prompt p1 has 46 tokens.* context of 64 \(1 of 2"):
        sample(short_model, tmp_path, "short", "x" * 45, **automatic)


@pytest.mark.usefixtures("without_children")
def test_what_is_constrained_has_no_thoughts(short_model, tmp_path):
    thinking = short_model.model_copy(update={"reasoning": ReasoningConfig(max_tokens=60)})
    call = {"model": thinking, "sampling": SAMPLING, "seed": 0, "round": 1}
    constraint = Constraint("", ["a", "b"], "", most=1)
    run_sampling(prompts("short"), tmp_path, **call, constraint=constraint)
    with pytest.raises(UsageError, match="with max_tokens 20 is more than the model's context"):
        run_sampling(prompts("x" * 45), tmp_path, **call, constraint=constraint)
    with pytest.raises(UsageError, match=r"max_tokens 20 and model\.reasoning\.max_tokens 60 is"):
        run_sampling(prompts("short"), tmp_path, **call)


def test_no_prompts_make_no_parts(short_model, tmp_path):
    sample(short_model, tmp_path)
    assert not list(tmp_path.glob("part-*"))


@pytest.mark.parametrize("path", ["./nowhere", "/nowhere/at/all", "some/where/else"])
def test_a_model_directory_that_is_not_there_is_an_error_before_any_child_starts(
    path, tmp_path, monkeypatch
):
    monkeypatch.setattr(sys, "executable", "/no/child/may/start")
    with pytest.raises(UsageError, match=f"model.path: {path}: there is no such directory"):
        sample(ModelConfig(path=path), tmp_path, "x")


@pytest.mark.parametrize(
    "network",
    [{"HF_HUB_OFFLINE": "1"}, {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": "http://127.0.0.1:1"}],
    ids=["offline", "unreachable"],
)
def test_a_hub_name_is_one_error_without_the_hub(tmp_path, network):
    # The library reads HF_HUB_OFFLINE when it is imported: a process of its own.
    code = (
        "import sys, time; from quotetune.errors import UsageError\n"
        "from quotetune.models.files import require_model\n"
        "from quotetune.config import ModelConfig\n"
        "try: require_model(ModelConfig(path='nobody/no-model-of-this-name'))\n"
        "except UsageError as error: print(error)"
    )
    environment = {**os.environ, **network, "HF_HOME": str(tmp_path)}
    said = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout.startswith("model.path: nobody/no-model-of-this-name: no such directory")


def test_a_directory_without_a_model_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"no config\.json"):
        sample(ModelConfig(path=str(tmp_path)), tmp_path / "out", "x")


def test_an_adapter_directory_without_an_adapter_is_refused(short_model, tmp_path):
    with pytest.raises(UsageError, match="neither a LoRA adapter"):
        run_sampling(
            prompts("x"),
            tmp_path,
            model=short_model,
            sampling=SAMPLING,
            adapter=tmp_path,
            seed=0,
            round=1,
        )


def test_a_chat_needs_a_chat_template(short_model, tmp_path):
    plain = tmp_path / "plain"
    plain.mkdir()
    for file in Path(short_model.path).iterdir():
        if file.name != "chat_template.jinja":
            (plain / file.name).symlink_to(file)
    chat = Prompt("c", messages=[{"role": "user", "content": "x"}])
    with pytest.raises(UsageError, match=r"prompt c: .* no chat template"):
        run_sampling(
            [chat],
            tmp_path / "out",
            model=ModelConfig(path=str(plain)),
            sampling=SAMPLING,
            seed=0,
            round=1,
        )


@pytest.mark.usefixtures("without_children")
def test_parts_of_another_job_are_made_again(short_model, tmp_path):
    sample(short_model, tmp_path, "x")
    first = (tmp_path / "part-00000.parquet").read_bytes()
    sample(short_model, tmp_path, "x", max_tokens=5)
    assert (tmp_path / "part-00000.parquet").read_bytes() != first


@pytest.mark.usefixtures("without_children")
def test_parts_of_another_model_at_the_same_path_are_made_again(tmp_path):
    directory = save_tiny_model(tmp_path / "model", context=64)
    first, again = [], []
    for parts in (first, again):
        sample(ModelConfig(path=str(directory)), tmp_path / "out", "x")
        parts.append((tmp_path / "out" / "part-00000.parquet").stat().st_mtime_ns)
        (directory / "generation_config.json").write_text('{"max_length": 50}')
    assert first != again
    sample(ModelConfig(path=str(directory)), tmp_path / "out", "x")
    assert (tmp_path / "out" / "part-00000.parquet").stat().st_mtime_ns == again[0]


def test_greedy_decoding_has_one_response():
    with pytest.raises(ValidationError, match="or n to 1"):
        SamplingConfig(n=2, temperature=0)
    assert SamplingConfig(n=1, temperature=0).n == 1


@pytest.mark.parametrize(
    "wrong", [{"top_p": 0}, {"n": 0}, {"max_tokens": 0}, {"temperature": -1}, {"topp": 0.9}]
)
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        SamplingConfig(**wrong)


PARENT = """
import sys
from pathlib import Path
from quotetune.prompts.prompt import Prompt
from quotetune.config import ModelConfig, SamplingConfig
from quotetune.sampling import run_sampling
from quotetune.sampling.constraint import Constraint
run_sampling(
    [Prompt(str(i), "x") for i in range(100_000)],
    Path(sys.argv[2]),
    model=ModelConfig(path=sys.argv[1]),
    sampling=SamplingConfig(backend="transformers", n=1, max_tokens=4, chunk_prompts=1),
    seed=0,
    round=1,
)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the child in /proc")
def test_the_child_ends_when_its_parent_is_killed(short_model, tmp_path):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, short_model.path, str(tmp_path)], stderr=subprocess.DEVNULL
    )
    while not (tmp_path / "part-00000.parquet").exists():
        assert parent.poll() is None
        time.sleep(0.05)
    (child,) = children(parent.pid)
    parent.kill()
    parent.wait()
    # One that does not end has thousands of parts to go.
    wait_until(lambda: not is_running(child))


def children(parent: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(pid) for pid in listed.split()]
