"""Whatever shows prompts of a run shows them the time of the run's `clock.json`."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import quotetune.sampling
import tiny_run
from command import quotetune as command
from quotetune.sampling.parts import read_samples
from tiny_model import tiny_tokenizer

THEN = "1999-05-01T10:11:12+00:00"
SHOWN = "[01 May 1999 10:11:12]"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: Any, without_children: Any) -> Path:
    directory = tmp_path_factory.mktemp("clock")
    absorb = tiny_run.EVERYTHING["absorb"]
    config = tiny_run.write_inputs(directory, absorb=absorb)
    template = directory / "model" / "chat_template.jinja"
    template.write_text("[{{ strftime_now('%d %b %Y %H:%M:%S') }}]" + template.read_text())
    run = Path(config["run"])
    run.mkdir()
    (run / "clock.json").write_text(json.dumps({"now": THEN}))
    tiny_run.run(config)
    return run


def times(samples: Path) -> set[str]:
    tokenizer = tiny_tokenizer()
    prompts = read_samples(samples)["prompt_token_ids"].to_pylist()
    texts = [tokenizer.decode(ids, skip_special_tokens=True) for ids in prompts]
    return {text.partition("]")[0] + "]" for text in texts}


def test_all_stages_show_the_time_of_the_run(finished: Path) -> None:
    sampled = {path.parent for path in finished.rglob("samples/part-*.parquet")}
    names = {str(path.relative_to(finished)) for path in sampled}
    assert names == {
        "round-1/samples",
        *(f"evaluation/{policy}/samples" for policy in ("base", "absorbed", "round-1")),
    }
    for samples in sampled:
        assert times(samples) == {SHOWN}
    record = json.loads((finished / "absorbed" / "adapter" / "training.json").read_text())
    assert record["job"]["now"] == THEN


@pytest.mark.parametrize("name", ["sample", "evaluate"])
def test_single_steps_with_the_config_of_a_run_show_its_time(
    finished: Path, tmp_path: Path, without_children: Any, name: str
) -> None:
    given = yaml.safe_load((finished / "config.yaml").read_text())
    config, model = finished / "config.yaml", given["model"]["path"]
    samples = tmp_path / "samples"
    if name == "sample":
        arguments = ["sample", given["prompts"]["path"], "--output", samples, "--config", config]
    else:
        arguments = ["evaluate", "--config", config, "--model", model, "--samples", samples]
    assert command(*arguments) == 0
    assert times(samples) == {SHOWN}


def test_an_answer_to_a_new_prompt_has_seen_the_time_of_the_run(
    finished: Path, monkeypatch: Any, without_children: Any
) -> None:
    seen: list[set[str]] = []
    run_sampling = quotetune.sampling.run_sampling

    def watched(prompts: Any, output: Path, **options: Any) -> None:
        run_sampling(prompts, output, **options)
        seen.append(times(output))

    monkeypatch.setattr(quotetune.sampling, "run_sampling", watched)
    assert command("generate", finished, "What is ice?") == 0
    assert seen == [{SHOWN}]
