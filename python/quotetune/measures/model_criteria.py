"""The criteria that need a language model, for a text and its prompt."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from quotetune.config import ModelConfig
from quotetune.measures.answers import missing_words
from quotetune.measures.neural import (
    IN_ONE_CHILD,
    Places,
    bart_scores,
    log_likelihoods,
    perplexities,
)
from quotetune.measures.scoring_models import prompt_words
from quotetune.prompts.prompt import Prompt

Numbers = list[float | None]
Prompts = Sequence[Prompt | None]


def perplexity(
    texts: Sequence[str],
    prompts: Prompts,
    model: ModelConfig,
    work: Path,
    places: Places = IN_ONE_CHILD,
) -> Numbers:
    """Return the perplexity of each text, given the words of its prompt.

    Args:
        texts: The texts.
        prompts: The prompt of each text.
        model: The scoring model.
        work: Directory for the files of the child process; it is removed afterwards.
        places: As for `neural.run_jobs`.
    """
    contexts = [prompt_words(prompt) if prompt else "" for prompt in prompts]
    values = perplexities(texts, model, contexts=contexts, work=work, places=places)
    shutil.rmtree(work, ignore_errors=True)
    return values


def answerability(
    texts: Sequence[str],
    prompts: Prompts,
    model: ModelConfig,
    work: Path,
    places: Places = IN_ONE_CHILD,
) -> Numbers:
    """Return how well each text answers its question, without a gold answer.

    It is the mean of log p(t | text, tokens before t) over the tokens t of those words of the
    question that the text does not contain (`missing_words`): a question is likely after a text
    that answers it, as in query likelihood (Ponte and Croft 1998), which Sachan et al. (2022)
    compute with a language model. Words that the text contains are left out, because a text could
    repeat the question. One that repeats all but its most predictable word scores high, too. The
    model sees the text and an empty line, then the whole question.

    Args:
        texts: The texts.
        prompts: The prompt of each text. Its question is the input's, without template and
            passages.
        model: The scoring model.
        work: Directory for the files of the child process; it is removed afterwards.
        places: As for `neural.run_jobs`.

    Returns:
        Nats per token, 0 or less; None without a prompt, and for a text that contains all words.
    """
    values: Numbers = [None] * len(texts)
    missing = {
        i: missing_words(prompt.asked, texts[i]) for i, prompt in enumerate(prompts) if prompt
    }
    known = [i for i, spans in missing.items() if spans]
    asked = [prompt.asked if prompt else "" for prompt in prompts]
    found = log_likelihoods(
        [asked[i] for i in known],
        model,
        contexts=[f"{texts[i]}\n\n" for i in known],
        spans=[missing[i] for i in known],
        work=work,
        places=places,
    )
    for i, value in zip(known, found, strict=True):
        values[i] = value
    shutil.rmtree(work, ignore_errors=True)
    return values


def bart_score(
    texts: Sequence[str],
    prompts: Prompts,
    model: ModelConfig,
    work: Path,
    places: Places = IN_ONE_CHILD,
) -> Numbers:
    """Return the BARTScore of each text against its prompt's reference; None without one.

    Args:
        texts: The texts.
        prompts: The prompt of each text.
        model: An encoder-decoder model.
        work: Directory for the files of the child process; it is removed afterwards.
        places: As for `neural.run_jobs`.
    """
    known = [i for i, prompt in enumerate(prompts) if prompt and prompt.reference]
    references = [prompt.reference for prompt in prompts if prompt and prompt.reference]
    found = bart_scores([texts[i] for i in known], references, model, work=work, places=places)
    values: Numbers = [None] * len(texts)
    for i, value in zip(known, found, strict=True):
        values[i] = value
    shutil.rmtree(work, ignore_errors=True)
    return values
