"""Answer a prompt with a run's policy: one response, sampled as in the run."""

import json
import shutil
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quotetune.config import Config, ModelConfig, PromptsConfig, RunModelConfig, SamplingConfig
from quotetune.config.validation import validate_block
from quotetune.corpus.index import Index
from quotetune.errors import QuotetuneError, UsageError
from quotetune.models.chat_template import has_chat_template
from quotetune.models.files import require_model
from quotetune.prompts.grounding import ground
from quotetune.prompts.prompt import Prompt
from quotetune.prompts.reading import read_prompts
from quotetune.runs.directory import RunDirectory
from quotetune.runs.finished import TunedPolicy
from quotetune.runtime.accelerator import has_accelerator
from quotetune.runtime.plural import counted

if TYPE_CHECKING:
    from quotetune.sampling import Progress
    from quotetune.sampling.guided import GuideSource


def prompt_of_text(text: str, settings: PromptsConfig, index: Index | None = None) -> Prompt:
    """Make a prompt from a text as the run makes its prompts: template, system message, chat.

    If the run's prompts contain passages (`prompts.context`), BM25 finds the passages of this
    prompt in the corpus, even if the run takes them from elsewhere, because a text alone has no
    documents.

    Args:
        text: The user's text.
        settings: The run's `prompts` block.
        index: The index of the corpus, for passages; not used in a run without them.

    Raises:
        UsageError: The text is empty, or there is no passage.

    Example:
        >>> settings = PromptsConfig(path="p.jsonl", template="What is {prompt}?")
        >>> prompt_of_text("Rust", settings).messages
        [{'role': 'user', 'content': 'What is Rust?'}]
    """
    if not text.strip():
        raise UsageError("the prompt is empty: write one, or give it on standard input")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "prompt.jsonl"
        path.write_text(json.dumps({"prompt": text}), encoding="utf-8")
        (source,) = read_prompts(path, settings)
    if settings.context is None or index is None:
        return source.prompt
    context = settings.context.model_copy(update={"source": "bm25"})
    (prompt,) = ground([source.prompt], context, index, [text])
    return prompt


def answer(
    policy: TunedPolicy,
    text: str,
    index: Index,
    sampling: SamplingConfig,
    seed: int,
    tell: Callable[[str], None] = lambda work: None,
) -> str:
    """Draw one response to a text, in a child process.

    Without a GPU, the backend `auto` is transformers, even if vLLM is installed: vLLM's start takes
    longer than the response to one prompt.

    Args:
        policy: The policy.
        text: The user's text, which the run's template makes a prompt of.
        index: The index of the run's corpus.
        sampling: The sampling settings; `n` is 1.
        seed: The seed; with one backend, the same seed gives the same response.
        tell: Called with what is being done, in words, whenever that changes.

    Returns:
        The answer, without thoughts before it.

    Raises:
        UsageError: The model or the backend is missing, or the prompt is too long.
        QuotetuneError: The child process failed; the message names its log, which is kept.
    """
    from pyarrow.parquet import ParquetFile

    from quotetune.sampling import run_sampling
    from quotetune.sampling.parts import answer_of, has_answer, part_path
    from quotetune.sampling.run import choose_backend

    if sampling.backend == "auto" and not has_accelerator() and find_spec("peft"):
        sampling = sampling.model_copy(update={"backend": "transformers"})
    prompt = prompt_of_text(text, policy.config.prompts, index)
    directory = Path(tempfile.mkdtemp(prefix="quotetune-"))
    clock = RunDirectory(policy.config.run).clock_file
    tell(f"loading {policy.model.path} ({policy.name}) with {choose_backend(sampling.backend)}")
    reports = count()

    def follow(_: "Progress") -> None:
        if next(reports) == 1:  # the first one is before the model is loaded
            tell(f"answering in at most {counted(sampling.max_tokens, 'token')}")

    run_sampling(
        [prompt],
        directory,
        model=policy.model,
        sampling=sampling,
        adapter=policy.directory,
        seed=seed,
        round=0,
        clock=clock if clock.exists() else None,
        guide=_guide_source(policy, sampling, prompt),
        progress=follow,
    )
    # `read_samples` would import pandas, through pyarrow, which takes a second.
    with ParquetFile(part_path(directory, 0)) as part:
        [row] = part.read().to_pylist()
    shutil.rmtree(directory)
    if not has_answer(row):
        raise QuotetuneError(
            "the model's thoughts did not end, so there is no answer: raise"
            " model.reasoning.max_tokens, or try another --seed"
        )
    return answer_of(row)


def _guide_source(
    policy: TunedPolicy, sampling: SamplingConfig, prompt: Prompt
) -> "GuideSource | None":
    """Return what an answer is guided towards; a prompt that is typed has no documents."""
    from quotetune.stages.sampling import guide_source

    guide = sampling.guide
    if guide is None:
        return None
    if guide.documents == "prompt" and not prompt.documents:
        guide = guide.model_copy(update={"documents": "corpus"})
    return guide_source(guide, policy.config.index, [prompt])


def bare_model(model: ModelConfig, index: Path, prompts: dict[str, Any]) -> TunedPolicy:
    """Return a model that belongs to no run, as the policy of one with the default settings.

    Args:
        model: The model.
        index: The index of the corpus.
        prompts: Keys of `prompts`; without a format, it is a chat if the model has a template.

    Raises:
        UsageError: There is no such model, or a key or value is not valid.
    """
    require_model(model)  # at once; to look for its template would try again and again
    format = "chat" if has_chat_template(model) else "text"
    settings = validate_block(PromptsConfig, "prompts", {"path": "-", "format": format, **prompts})
    config = Config(
        run=Path(tempfile.gettempdir()) / "quotetune-no-run",
        index=index,
        model=RunModelConfig(**model.model_dump()),
        prompts=settings,
    )
    return TunedPolicy(config, "base", None, model)
