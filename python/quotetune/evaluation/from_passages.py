"""Baselines that copy from the passages of a prompt, without any response of a model.

Any claim that a model quotes its passages must hold beside them.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from quotetune.config import ModelConfig
from quotetune.measures.neural import IN_ONE_CHILD, Places, log_prob_job, run_jobs
from quotetune.models.tokenizer import load_tokenizer
from quotetune.prompts.bm25 import Bm25
from quotetune.prompts.prompt import Prompt
from quotetune.prompts.sentences import split_sentences


def passage_starts(prompts: Sequence[Prompt], chars: int) -> list[str]:
    r"""Return the first characters of each prompt's passages.

    Args:
        prompts: The prompts, with their passages.
        chars: The length of each text, at most.

    Example:
        >>> passage_starts([Prompt("p", text="Why?", passages=["Ice floats.", "So."])], 13)
        ['Ice floats.\n\n']
    """
    return ["\n\n".join(prompt.passages or ())[:chars] for prompt in prompts]


def best_sentences(prompts: Sequence[Prompt]) -> list[str]:
    """Return the sentence of each prompt's passages that BM25 finds for its question.

    Its documents are the sentences of all prompts, so that words are weighed by how rare they are,
    but a prompt gets one of its own. The first of them is taken if none has a word of the question.

    Raises:
        UsageError: The package bm25s is not installed.
    """
    own = [_sentences(prompt) for prompt in prompts]
    ranked = Bm25([sentence for sentences in own for sentence in sentences])
    best = []
    end = 0
    for prompt, sentences in zip(prompts, own, strict=True):
        start, end = end, end + len(sentences)
        [scores] = ranked.scores([prompt.asked])
        best.append(sentences[int(np.argmax(scores[start:end]))])
    return best


def likeliest_sentences(
    prompts: Sequence[Prompt],
    prompt_tokens: Sequence[Sequence[int]],
    *,
    model: ModelConfig,
    adapter: Path | None,
    work: Path,
    places: Places = IN_ONE_CHILD,
) -> list[str]:
    """Return the sentence of each prompt's passages that a model gives the highest probability.

    It is the mean log-probability per token, as a response to the prompt.

    Args:
        prompts: The prompts, with their passages.
        prompt_tokens: The token ids of each prompt, as the model sees it.
        model: The model.
        adapter: Its adapter; None if there is none.
        work: Directory for the child's log.
        places: As for `neural.run_jobs`.

    Raises:
        QuotetuneError: The child process failed; the message has the last lines of its output.
    """
    tokenizer = load_tokenizer(model)
    own = [_sentences(prompt) for prompt in prompts]
    everything = [sentence for sentences in own for sentence in sentences]
    tokens = tokenizer(everything, add_special_tokens=False)["input_ids"]
    asked = [
        list(ids) for ids, sentences in zip(prompt_tokens, own, strict=True) for _ in sentences
    ]
    [[total]] = run_jobs([log_prob_job(asked, tokens, [(model, adapter)])], work, places)
    best = []
    end = 0
    for sentences in own:
        start, end = end, end + len(sentences)
        means = [total[place] / max(len(tokens[place]), 1) for place in range(start, end)]
        best.append(sentences[int(np.argmax(means))])
    return best


def _sentences(prompt: Prompt) -> list[str]:
    """Return the sentences of a prompt's passages; one empty text if they have none."""
    found = [
        sentence
        for passage in prompt.passages or ()
        for sentence in split_sentences(passage.strip())
        if sentence
    ]
    return found or [""]
