"""Answer a prompt with a run's policy: one response, drawn as the run draws them."""

import json
import shutil
import tempfile
from pathlib import Path

from quotetune.config import PromptsConfig, SamplingConfig
from quotetune.corpus.index import Index
from quotetune.errors import UsageError
from quotetune.prompts.grounding import ground
from quotetune.prompts.prompt import Prompt
from quotetune.prompts.reading import read_prompts
from quotetune.runs.finished import TunedPolicy


def prompt_of_text(text: str, settings: PromptsConfig, index: Index | None = None) -> Prompt:
    """Make the prompt of a text as a run makes its prompts: template, system message, chat.

    Where the run's prompts carry passages (`prompts.context`), this one gets those of the corpus
    that BM25 finds, wherever the run had them from: a text alone has no documents.

    Args:
        text: What a user asks.
        settings: The run's.
        index: The index of the corpus, for passages; not used in a run without them.

    Raises:
        UsageError: The text is empty, or no passage was found.

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
    policy: TunedPolicy, text: str, index: Index, sampling: SamplingConfig, seed: int
) -> str:
    """Draw one response to a text, in a child process that ends.

    Args:
        policy: The policy.
        text: The prompt, before the run's template.
        index: The index of the run's corpus.
        sampling: How it is drawn; `n` is 1.
        seed: The seed: the same one gives the same response.

    Returns:
        The response.

    Raises:
        UsageError: The model or the backend is not there, or the prompt is too long.
        QuotetuneError: The child process failed; its log is named and stays.
    """
    from quotetune.sampling import run_sampling
    from quotetune.sampling.parts import read_samples

    prompt = prompt_of_text(text, policy.config.prompts, index)
    directory = Path(tempfile.mkdtemp(prefix="quotetune-"))
    run_sampling(
        [prompt],
        directory,
        model=policy.model,
        sampling=sampling,
        adapter=policy.directory,
        seed=seed,
        round=0,
    )
    response: str = read_samples(directory)["response"][0].as_py()
    shutil.rmtree(directory)
    return response
