"""Baselines that copy from the passages of a prompt, without any response of a model.

Any claim that a model quotes its passages must hold beside them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quotetune.config import ModelConfig
from quotetune.measures.neural import IN_ONE_CHILD, Places, log_likelihoods, log_prob_job, run_jobs
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
    return _best(own, _bm25(prompts, own))


def answering_sentences(
    prompts: Sequence[Prompt], *, model: ModelConfig, work: Path, places: Places = IN_ONE_CHILD
) -> list[str]:
    """Return the sentence of each prompt's passages that BM25 and a model find for its question.

    The score of a sentence is that of BM25, as for `best_sentences`, and the mean log-probability
    of the question's tokens after the sentence and an empty line: a question is likely after a text
    that answers it (query likelihood, Ponte and Croft 1998; with a language model, Sachan et al.
    2022).

    Args:
        prompts: The prompts, with their passages.
        model: The model.
        work: Directory for the child's log.
        places: As for `neural.run_jobs`.

    Raises:
        UsageError: The package bm25s is not installed.
        QuotetuneError: The child process failed; the message has the last lines of its output.
    """
    own = [_sentences(prompt) for prompt in prompts]
    asked = [prompt.asked for prompt, found in zip(prompts, own, strict=True) for _ in found]
    likely = log_likelihoods(
        asked,
        model,
        contexts=[f"{sentence}\n\n" for sentences in own for sentence in sentences],
        spans=[[(0, len(question))] for question in asked],
        work=work,
        places=places,
    )
    means = _by_prompt([value or 0.0 for value in likely], own)
    return _best(own, [a + b for a, b in zip(_bm25(prompts, own), means, strict=True)])


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
    means = [value / max(len(ids), 1) for value, ids in zip(total, tokens, strict=True)]
    return _best(own, _by_prompt(means, own))


def _bm25(prompts: Sequence[Prompt], own: Sequence[Sequence[str]]) -> list[NDArray[Any]]:
    """Return the BM25 scores of each prompt's sentences, where those of all prompts are texts."""
    ranked = Bm25([sentence for sentences in own for sentence in sentences])
    ends = np.cumsum([len(sentences) for sentences in own])
    scores = []
    for prompt, sentences, end in zip(prompts, own, ends, strict=True):
        [of_all] = ranked.scores([prompt.asked])
        scores.append(np.asarray(of_all[end - len(sentences) : end]))
    return scores


def _by_prompt(scores: Sequence[float], own: Sequence[Sequence[str]]) -> list[NDArray[Any]]:
    """Divide the scores of all sentences among their prompts."""
    return np.split(np.asarray(scores), np.cumsum([len(sentences) for sentences in own])[:-1])


def _best(own: Sequence[Sequence[str]], scores: Sequence[NDArray[Any]]) -> list[str]:
    """Return the sentence of each prompt with the highest score, the first of equals."""
    return [
        sentences[int(np.argmax(values))] for sentences, values in zip(own, scores, strict=True)
    ]


def _sentences(prompt: Prompt) -> list[str]:
    """Return the sentences of a prompt's passages; one empty text if they have none."""
    found = [
        sentence
        for passage in prompt.passages or ()
        for sentence in split_sentences(passage.strip())
        if sentence
    ]
    return found or [""]
