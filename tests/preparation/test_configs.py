"""The commands in the heads of the paper's configs make all that the configs read."""

import shlex
from pathlib import Path
from typing import Any

import datasets
import pytest

from own_data_sets import ICE, TEA, Command, nq, of_the_hub
from quotetune.config import ModelConfig
from quotetune.config.validation import load_config
from quotetune.corpus.index import Index
from quotetune.prompts.split import read_sources

CONFIGS = Path(__file__).parents[2] / "configs"
WIKIPEDIA = [
    {"id": str(i), "url": "u", "title": f"T{i}", "text": f"{i} {ICE * 8}\n\n{TEA * 9}\n\nEnd."}
    for i in range(3)
]
NQ = [of_the_hub(nq(str(i), f"what is {i}", "Tea , a drink", (0, 4), (3, 4))) for i in range(3)]


def commands(config: Path) -> list[list[str]]:
    """The commands of the comment at the top, without their first word."""
    head = config.read_text().partition("\n\n")[0].replace("\\\n#", " ")
    lines = [line.lstrip("# ") for line in head.splitlines() if line.startswith("#   ")]
    return [words[1:] for words in map(shlex.split, lines) if words[0] == "quotetune"]


@pytest.mark.parametrize("name", ["llama3-8b-wiki", "completion"])
def test_the_commands_make_the_prompts_and_the_index(
    quotetune: Command,
    tmp_path: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    def load(path: str, name: str | None, streaming: bool) -> Any:
        found = {"wikimedia/wikipedia": WIKIPEDIA, "google-research-datasets/natural_questions": NQ}
        return {"train": datasets.Dataset.from_list(found[path])}

    monkeypatch.setattr(datasets, "load_dataset", load)
    monkeypatch.chdir(tmp_path)
    given = commands(CONFIGS / f"{name}.yaml")
    assert [words[0] for words in given][-2:] == ["prepare", "build-index"]
    for words in given:
        code, _, said = quotetune(*words)
        assert code == 0, said
    config = load_config(CONFIGS / f"{name}.yaml")
    assert len(Index.open(config.index)) == 3
    tuned = ModelConfig(path=str(model))
    prompts = [source.prompt for source in read_sources(config.prompts, tuned, 128)]
    assert len(prompts) == 3
    assert all(prompt.reference for prompt in prompts)
