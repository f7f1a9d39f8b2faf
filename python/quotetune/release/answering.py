"""Answer a prompt with a run's policy: one response, sampled as in the run."""

import json
import shutil
import tempfile
from pathlib import Path

from quotetune.config import PromptsConfig, SamplingConfig
from quotetune.corpus.index import Index
from quotetune.errors import QuotetuneError, UsageError
from quotetune.prompts.grounding import ground
from quotetune.prompts.prompt import Prompt
from quotetune.prompts.reading import read_prompts
from quotetune.runs.directory import RunDirectory
from quotetune.runs.finished import TunedPolicy


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
    policy: TunedPolicy, text: str, index: Index, sampling: SamplingConfig, seed: int
) -> str:
    """Draw one response to a text, in a child process.

    Args:
        policy: The policy.
        text: The user's text, which the run's template makes a prompt of.
        index: The index of the run's corpus.
        sampling: The sampling settings; `n` is 1.
        seed: The seed; the same seed gives the same response.

    Returns:
        The answer, without thoughts before it.

    Raises:
        UsageError: The model or the backend is missing, or the prompt is too long.
        QuotetuneError: The child process failed; the message names its log, which is kept.
    """
    from quotetune.sampling import run_sampling
    from quotetune.sampling.parts import answer_of, has_answer, read_samples

    prompt = prompt_of_text(text, policy.config.prompts, index)
    directory = Path(tempfile.mkdtemp(prefix="quotetune-"))
    clock = RunDirectory(policy.config.run).clock_file
    run_sampling(
        [prompt],
        directory,
        model=policy.model,
        sampling=sampling,
        adapter=policy.directory,
        seed=seed,
        round=0,
        clock=clock if clock.exists() else None,
    )
    [row] = read_samples(directory).to_pylist()
    shutil.rmtree(directory)
    if not has_answer(row):
        raise QuotetuneError(
            "the model's thoughts did not end, so there is no answer: raise"
            " model.reasoning.max_tokens, or try another --seed"
        )
    return answer_of(row)
