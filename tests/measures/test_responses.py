"""Metrics of responses, against a naive index of sets and find loops."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from quotetune import build_index
from quotetune.errors import QuotetuneError
from quotetune.measures.criteria import repetition, rouge_l
from quotetune.measures.responses import best_of_n, mean_metrics, response_rows
from quotetune.prompts.prompt import Prompt

CORPUS = [
    "The quick brown fox jumps over the lazy dog near the river bank.",
    "A glacier is a persistent body of dense ice that moves under its own weight.",
    "Naïve café: öäü ... the persistent body of dense ice, and nothing else at all.",
]
N = 25


class NaiveIndex:
    """QUIP and quotes by definition, for texts that normalisation leaves as they are."""

    def __init__(self, documents):
        self._documents = documents

    def _quoted(self, text):
        return any(text in document for document in self._documents)

    def quip(self, texts):
        reports = self.score(texts, max_documents=0)
        return np.array([np.nan if r.too_short else r.quip_25_beta for r in reports])

    def score(self, texts, max_documents):
        return [self._report(text) for text in texts]

    def _report(self, text):
        windows = [text[i : i + N] for i in range(len(text) - N + 1)]
        hits = [self._quoted(window) for window in windows]
        inside = sorted({i + k for i, hit in enumerate(hits) if hit for k in range(N)})
        runs = []
        for i in inside:
            if runs and runs[-1][1] == i:
                runs[-1] = (runs[-1][0], i + 1)
            else:
                runs.append((i, i + 1))
        spans = [
            end - start
            for start in range(len(text))
            for end in range(start + N, len(text) + 1)
            if self._quoted(text[start:end])
        ]
        return SimpleNamespace(
            numerator=sum(hits),
            denominator=len(windows),
            quip_25_beta=sum(hits) / len(windows) if windows else None,
            too_short=not windows,
            longest_quote=max(spans, default=0),
            covered=runs,
        )


def table(responses, tokens=None, finish=None, prompt_ids=None):
    count = len(responses)
    return pa.table(
        {
            "prompt_id": prompt_ids or [f"p{i}" for i in range(count)],
            "sample": [0] * count if prompt_ids is None else list(range(count)),
            "response": responses,
            "token_ids": tokens or [[7, 8, 2]] * count,
            "finish_reason": finish or ["stop"] * count,
        }
    )


def prompts(count, references=None):
    references = references or [None] * count
    return [Prompt(id=f"p{i}", text="x", reference=references[i]) for i in range(count)]


RESPONSES = [
    "See: The quick brown fox jumps over the lazy dog near it.",  # one long quote
    "Nothing of this stands in any document of the corpus, I think.",
    "too short",
    "",
    "The quick brown fox jumps over a glacier is a persistent body of dense ice, and nothing",
]


def test_metrics_are_the_means_that_the_definitions_give():
    index = NaiveIndex(CORPUS)
    references = ["the quick brown fox", None, "too short", None, None]
    tokens = [[5] * 11, [5] * 20, [5, 5, 2], [2], [5] * 9]
    finish = ["length", "length", "stop", "stop", "length"]
    metrics = mean_metrics(
        response_rows(prompts(5, references), table(RESPONSES, tokens, finish), index)
    )
    reports = index.score(RESPONSES, max_documents=0)
    assert metrics["quip"] == pytest.approx(sum(r.quip_25_beta or 0 for r in reports) / 5)
    assert metrics["quip_micro"] == pytest.approx(
        sum(r.numerator for r in reports) / sum(r.denominator for r in reports)
    )
    shares = [
        sum(e - s for s, e in r.covered) / len(t) if t else 0
        for r, t in zip(reports, RESPONSES, strict=True)
    ]
    assert metrics["coverage"] == pytest.approx(sum(shares) / 5)
    assert metrics["longest_quote"] == pytest.approx(sum(r.longest_quote for r in reports) / 5)
    assert metrics["rouge_l"] == pytest.approx((rouge_l(RESPONSES[0], references[0]) + 1) / 2)
    assert metrics["length_tokens"] == pytest.approx((11 + 20 + 2 + 0 + 9) / 5)
    assert metrics["length_chars"] == pytest.approx(sum(map(len, RESPONSES)) / 5)
    assert metrics["cut"] == pytest.approx(3 / 5)
    assert metrics["repetition"] == pytest.approx(sum(map(repetition, RESPONSES)) / 5)
    assert metrics["quip"] > 0.1


def test_the_index_gives_the_same_metrics_as_the_naive_one(tmp_path):
    index = build_index(CORPUS, tmp_path / "index")
    ours = mean_metrics(response_rows(prompts(5), table(RESPONSES), index))
    naive = mean_metrics(response_rows(prompts(5), table(RESPONSES), NaiveIndex(CORPUS)))
    assert ours == naive
    many = table(RESPONSES, prompt_ids=["p0", "p0", "p1", "p1", "p1"])
    assert best_of_n(many, index).equals(best_of_n(many, NaiveIndex(CORPUS)))


def test_without_references_or_scored_responses_there_is_no_number():
    metrics = mean_metrics(response_rows(prompts(1), table(["short"]), NaiveIndex(CORPUS)))
    assert metrics["rouge_l"] is None
    assert metrics["quip_micro"] is None
    assert metrics["quip"] == 0


def test_without_a_suffix_index_there_is_no_longest_quote(tmp_path):
    index = build_index(CORPUS, tmp_path / "index", structures=["bloom"])
    metrics = mean_metrics(response_rows(prompts(5), table(RESPONSES), index))
    assert metrics["longest_quote"] is None
    assert metrics["coverage"] > 0


def test_rows_contain_the_numbers_that_the_means_average():
    rows = response_rows(prompts(5), table(RESPONSES), NaiveIndex(CORPUS))
    assert [row["prompt_id"] for row in rows] == [f"p{i}" for i in range(5)]
    assert [row["quip"] is None for row in rows] == [False, False, True, True, False]
    assert rows[3]["coverage"] == 0


def test_no_response_and_unknown_prompts_are_errors():
    with pytest.raises(QuotetuneError, match="no response"):
        response_rows(prompts(1), table([]), NaiveIndex(CORPUS))
    with pytest.raises(QuotetuneError, match="'p1', which is not among the prompts"):
        response_rows(prompts(1), table(["a", "b"]), NaiveIndex(CORPUS))


def test_best_of_n_takes_the_highest_quip_and_of_equals_the_lowest_sample():
    quoting = CORPUS[0][:40]
    responses = ["x" * 40, quoting, quoting, "short", "y" * 30, "z" * 30, "", "tiny"]
    samples = pa.table(
        {
            "prompt_id": ["a", "a", "a", "b", "b", "b", "c", "c"],
            "sample": [0, 2, 1, 0, 1, 2, 1, 0],
            "response": responses,
        }
    )
    best = best_of_n(samples, NaiveIndex(CORPUS)).to_pylist()
    assert [(row["prompt_id"], row["sample"]) for row in best] == [("a", 1), ("b", 1), ("c", 0)]
