"""The rules with the demo's model and corpus: 200 responses under each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from quotetune import Index, build_index
from quotetune.cli.demo_packages import write_demo_data
from quotetune.config import ModelConfig, PromptsConfig, SamplingConfig
from quotetune.corpus.guide import Guide, Vocabulary
from quotetune.decoding.verbatim import DEFAULT_MARKS, LONGEST_QUOTE, Quoting, quotes_of
from quotetune.prompts.reading import read_prompts
from quotetune.sampling import run_sampling
from quotetune.sampling.guided import GuideSource
from quotetune.sampling.parts import read_samples

# Quicker tests have a tiny model: test_modes.py.
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_children")]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("demo")
    write_demo_data(directory)
    build_index(directory / "corpus.jsonl", directory / "index")
    return directory


def texts(demo: Path, output: Path, guide: dict[str, Any], max_tokens: int = 40) -> list[str]:
    template = "Quote an encyclopedia, in quotation marks: {prompt}"
    settings = PromptsConfig(path=demo / "prompts.jsonl", template=template)
    run_sampling(
        [source.prompt for source in list(read_prompts(settings.path, settings))[:50]],
        output,
        model=ModelConfig(path=str(demo / "model")),
        sampling=SamplingConfig(n=4, max_tokens=max_tokens, temperature=0.7, guide=guide),
        seed=1,
        round=0,
        guide=GuideSource(demo / "index"),
    )
    found: list[str] = read_samples(output)["response"].to_pylist()
    assert len(found) == 200
    return found


def quotes(texts: list[str], index: Index) -> Iterator[str]:
    guide = Guide(index, Vocabulary([]), min_chars=1, max_chars=LONGEST_QUOTE)
    for text in texts:
        for start, end in quotes_of(text, Quoting(guide, [], DEFAULT_MARKS, index.n)):
            yield text[start:end]


def test_quotes_stand_in_the_corpus(demo: Path, tmp_path: Path) -> None:
    index = Index.open(demo / "index")
    found = list(quotes(texts(demo, tmp_path, {"mode": "verbatim"}), index))
    assert len(found) >= 25
    assert index.count(found).min() > 0
    assert min(map(len, found)) >= index.n
    assert not any("  " in quote for quote in found)


def test_no_ngram_of_the_corpus_comes_out(demo: Path, tmp_path: Path) -> None:
    index = Index.open(demo / "index")
    found = texts(demo, tmp_path, {"mode": "never"}, max_tokens=20)
    assert not any(hits.any() for _, hits in index.windows(found))
    assert sum(map(len, found)) > 10_000
