"""Quotes, variety and intervals, against naive definitions and scipy's bootstrap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quotetune import Document, build_index
from quotetune.evaluation.sample_metrics import row_metrics
from quotetune.measures.bootstrap import groups_by_document, mean_intervals, paired_intervals
from quotetune.measures.diversity import distinct_n
from quotetune.measures.quoting import (
    false_positive_floor,
    ignore_prompt_quip,
    quote_length_histogram,
    quote_precision,
    quoting_rows,
)
from quotetune.metrics.table import AVERAGED
from quotetune.prompts.prompt import Prompt

FOX = "The quick brown fox jumps over the lazy dog near the river bank."
ICE = "A glacier is a persistent body of dense ice that moves under its own weight."
N = 8


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    documents = [Document("tales", "fox", FOX), Document("tales", "ice", ICE)]
    return build_index(documents, tmp_path_factory.mktemp("measures") / "index", n=N)


def ngrams(text):
    return [text[i : i + N] for i in range(len(text) - N + 1)]


PROMPTS = [
    Prompt("fox", text="Does the quick brown fox jump?", documents=[("tales", "fox")]),
    Prompt("ice", messages=[{"role": "user", "content": "dense ice that moves"}]),
    Prompt("none", text="x", documents=[("tales", "ice"), ("tales", "no such document")]),
    Prompt("both", text="y", documents=[("tales", "ice"), ("tales", "fox")]),
]
RESPONSES = [
    "the quick brown fox jumps over a persistent body of dense ice",
    "dense ice that moves under its own weight, says the lazy dog near",
    "a persistent body",
    "short",
]


def test_on_topic_quip_is_over_prompts_whose_documents_the_index_contains(index):
    rows = quoting_rows(PROMPTS, RESPONSES, index)
    own = [gram in FOX for gram in ngrams(RESPONSES[0])]
    assert rows[0]["on_topic_quip"] == pytest.approx(sum(own) / len(own))
    assert 0 < rows[0]["on_topic_quip"] < index.quip(RESPONSES[:1])[0]
    assert rows[1]["on_topic_quip"] is None  # its prompt names no document
    assert rows[2]["on_topic_quip"] is None  # the index does not contain all of these
    assert rows[3]["on_topic_quip"] == 0.0  # too short: 0, as in the mean of QUIP


def test_quote_precision_counts_ngrams_of_the_passages_each_by_itself(index):
    passages = [
        ICE[:40],
        "says the lazy dog near  a\r\n\r\nlake",
    ]  # the second is not in the corpus
    prompts = [
        Prompt("both", text="?", passages=passages),
        Prompt("none", text=ICE),
        Prompt("empty", text="?", passages=[]),
        Prompt("both", text="?", passages=passages),
        Prompt("one", text="?", passages=passages[:1]),
    ]
    across = f"{passages[0]}{passages[1]}"
    texts = [RESPONSES[1], RESPONSES[1], RESPONSES[1], "short", across]
    normal = [ICE[:40].strip(), "says the lazy dog near a\nlake"]
    found = quote_precision(prompts, texts, index)
    own = [any(gram in passage for passage in normal) for gram in ngrams(RESPONSES[1])]
    assert found[0] == pytest.approx(sum(own) / len(own)) and 0 < found[0] < 1
    assert found[1:4] == [None, None, 0.0]
    whole = f"{ICE[:40]}{normal[1]}"
    assert found[4] == pytest.approx(
        sum(g in normal[0] for g in ngrams(whole)) / len(ngrams(whole))
    )
    rows = quoting_rows(prompts, texts, index)
    assert [row["quote_precision"] for row in rows] == found


@given(st.lists(st.sampled_from([FOX, ICE]), min_size=1), st.integers(8, 60), st.data())
def test_quote_precision_is_at_most_on_topic_quip(index, documents, cut, data):
    ids = {FOX: ("tales", "fox"), ICE: ("tales", "ice")}
    parts = data.draw(st.lists(st.tuples(st.sampled_from([FOX, ICE]), st.integers(0, 60))))
    response = " and ".join(text[start : start + 20] for text, start in parts)
    prompt = Prompt(
        "p",
        text="?",
        documents=list(dict.fromkeys(ids[text] for text in documents)),
        passages=[text[:cut] for text in documents],
    )
    [row] = quoting_rows([prompt], [response], index)
    assert row["quote_precision"] <= row["on_topic_quip"] + 1e-12


def test_ngrams_of_the_prompt_count_neither_above_nor_below_the_line(index):
    scores = ignore_prompt_quip(PROMPTS, RESPONSES, index)
    shown = [PROMPTS[0].text, PROMPTS[1].messages[0]["content"], "x", "y"]
    for score, prompt, response in zip(scores, shown, RESPONSES, strict=True):
        left = [gram for gram in ngrams(response) if gram not in prompt]
        hits = [gram in FOX or gram in ICE for gram in left]
        assert score == (pytest.approx(sum(hits) / len(hits)) if hits else None)
    assert scores[0] < index.quip(RESPONSES[:1])[0]
    # Both are normalised, so a line break in the prompt equals one in the response.
    spaced = Prompt("p", text="dense  ice\r\n\r\nthat moves")
    assert ignore_prompt_quip([spaced], ["dense ice\nthat moves"], index) == [None]


def test_quotes_are_counted_by_length_and_by_their_first_document(index):
    rows = quoting_rows(PROMPTS, RESPONSES, index)
    assert [row["documents_quoted"] for row in rows] == [2, 2, 1, 0]
    assert rows[2]["quote_lengths"] == [len("a persistent body")]
    assert rows[2]["quoted_documents"] == [{"source": "tales", "id": "ice"}]
    metrics = row_metrics(
        [
            {**measured, "response": text, "quip": 0.5, "numerator": 1, "denominator": 2}
            | dict.fromkeys(("coverage", "length_chars", "repetition"), 0.0)
            | dict.fromkeys(("longest_quote", "rouge_l", "length_tokens", "cut"))
            | dict.fromkeys(("perplexity", "bart_score"))
            for measured, text in zip(rows, RESPONSES, strict=True)
        ]
    )
    assert metrics["documents_quoted"] == 2  # not 2 + 2 + 1
    assert metrics["length_tokens"] is None


@given(st.lists(st.integers(min_value=25, max_value=2000), max_size=60))
def test_the_histogram_is_numpys_with_an_open_last_bin(lengths):
    found = quote_length_histogram(lengths, 25)
    expected, _ = np.histogram(lengths, bins=[*found["edges"], np.inf])
    assert found["counts"] == expected.tolist()
    assert found["edges"][0] == 25 and found["edges"][-1] == 400


def test_the_floor_is_the_score_of_text_that_occurs_nowhere(tmp_path):
    rng = np.random.default_rng(0)
    corpus = ["".join(rng.choice(list("abcdefgh "), 400)) for _ in range(50)]
    exact = build_index(corpus, tmp_path / "exact", n=N, structures=["suffix"])
    loose = build_index(corpus, tmp_path / "loose", n=N, structures=["bloom"], fpr=0.05)
    texts = [corpus[0], "tiny", *corpus[1:30]]
    assert false_positive_floor(texts, exact) == [0.0, None] + [0.0] * 29
    floor = [score for score in false_positive_floor(texts, loose) if score is not None]
    assert np.mean(floor) == pytest.approx(loose.fpr, rel=0.25)


def test_without_a_suffix_index_the_numbers_that_need_one_are_none(tmp_path):
    index = build_index([FOX], tmp_path / "index", n=N, structures=["bloom"])
    [row] = quoting_rows(PROMPTS[:1], RESPONSES[:1], index)
    assert row["quip_ignore_prompt"] is not None
    for name in ("on_topic_quip", "documents_quoted", "quote_lengths", "quoted_documents"):
        assert row[name] is None


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=9), max_size=5), st.integers(1, 3))
def test_distinct_n_is_distinct_ngrams_by_words(texts, n):
    seen, words = [], 0
    for text in texts:
        words += len(text)
        for i in range(len(text) - n + 1):
            if text[i : i + n] not in seen:
                seen.append(text[i : i + n])
    expected = len(seen) / words if words else None
    assert distinct_n([" ".join(text) for text in texts], n) == expected


def response_rows(values, prompts=None):
    """Rows with one number for all metrics; None leaves the number out."""
    return [
        {
            "prompt_id": f"p{number}" if prompts is None else prompts[number],
            **dict.fromkeys([metric.key for metric in AVERAGED], value),
            "numerator": 0 if value is None else round(100 * value),
            "denominator": 100 + number,
        }
        for number, value in enumerate(values)
    ]


def test_intervals_are_scipys_of_the_mean_of_paired_differences():
    from scipy.stats import bootstrap

    rng = np.random.default_rng(1)
    base = rng.random(40)
    after = base + rng.normal(0.1, 0.2, 40)
    intervals, prompts = paired_intervals(response_rows(after), response_rows(base))
    expected = bootstrap(
        (after - base,), np.mean, n_resamples=4000, method="percentile", rng=2
    ).confidence_interval
    assert intervals["quip"] == pytest.approx(list(expected), abs=0.01)
    assert intervals["rouge_l"] == intervals["quip"]
    assert prompts == 40
    assert paired_intervals(response_rows(after), response_rows(base))[0] == intervals


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c", "d"]),
            st.none() | st.floats(0, 1).map(lambda value: round(value, 2)),
            st.none() | st.floats(0, 1).map(lambda value: round(value, 2)),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_intervals_are_those_of_a_loop_over_drawn_prompts(triples):
    """Several responses per prompt, some without a number: the metric of the drawn responses."""
    names = [name for name, _, _ in triples]
    ours = response_rows([value for _, value, _ in triples], names)
    theirs = response_rows([value for _, _, value in triples], names)
    prompts = sorted(set(names))
    draws = np.random.default_rng(5).integers(len(prompts), size=(50, len(prompts)))

    def metric(rows, draw, name):
        drawn = [row for i in draw for row in rows if row["prompt_id"] == prompts[i]]
        if name == "quip_micro":
            return sum(r["numerator"] for r in drawn) / sum(r["denominator"] for r in drawn)
        if name == "quip":
            return sum(row[name] or 0 for row in drawn) / len(drawn)
        values = [row[name] for row in drawn if row[name] is not None]
        return sum(values) / len(values) if values else None

    found, common = paired_intervals(ours, theirs, resamples=50, seed=5)
    assert common == len(prompts)
    for name in ("quip", "quip_micro", "rouge_l"):
        pairs = [(metric(ours, d, name), metric(theirs, d, name)) for d in draws]
        differences = [a - b for a, b in pairs if a is not None and b is not None]
        expected = list(np.quantile(differences, [0.025, 0.975])) if differences else None
        assert found[name] == (None if expected is None else pytest.approx(expected))


value = st.none() | st.floats(0, 1).map(lambda number: round(number, 2))


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.sampled_from("abcde"), value, value, value), min_size=1, max_size=12),
    st.none() | st.fixed_dictionaries({name: st.integers(0, 2) for name in "abcde"}),
)
def test_intervals_of_a_mean_of_runs_are_those_of_a_loop_over_drawn_groups(rows, groups):
    """Each draw takes whole groups of prompts, for all runs and the base alike."""
    names = [name for name, *_ in rows]
    *runs, base = (response_rows([row[side] for row in rows], names) for side in (1, 2, 3))
    prompts = sorted(set(names))
    group_of = {name: name if groups is None else groups[name] for name in prompts}
    units = list(dict.fromkeys(group_of[name] for name in prompts))
    draws = np.random.default_rng(5).integers(len(units), size=(50, len(units)))

    def mean(side, draw):
        drawn = [row for i in draw for row in side if group_of[row["prompt_id"]] == units[i]]
        values = [row["rouge_l"] for row in drawn if row["rouge_l"] is not None]
        return sum(values) / len(values) if values else None

    found, count = mean_intervals(runs, base, groups, resamples=50, seed=5)
    assert count == len(units)
    sides = [[mean(side, draw) for side in (*runs, base)] for draw in draws]
    differences = [(a + b) / 2 - c for a, b, c in sides if None not in (a, b, c)]
    enough = differences and (groups is None or len(units) > 1)
    expected = list(np.quantile(differences, [0.025, 0.975])) if enough else None
    assert found["rouge_l"] == (None if expected is None else pytest.approx(expected))


@given(st.lists(st.sets(st.integers(0, 8), max_size=3), max_size=9))
def test_prompts_with_a_document_in_common_are_in_one_group(documents):
    prompts = [
        Prompt(f"p{i}", text="?", documents=[("s", str(number)) for number in sorted(some)] or None)
        for i, some in enumerate(documents)
    ]
    # Naively: let every prompt take the smallest number of those it shares a document with.
    number = list(range(len(documents)))
    for _ in documents:
        for i, mine in enumerate(documents):
            shared = [j for j, other in enumerate(documents) if mine & other]
            number[i] = min([number[i], *(number[j] for j in shared)])
    found = groups_by_document(prompts)
    if len(set(number)) == len(number):
        assert found is None
    else:
        assert found == {f"p{i}": group for i, group in enumerate(number)}


def test_only_prompts_that_both_have_are_compared():
    ours = response_rows([0.5, 0.5, 0.9], ["a", "b", "c"])
    theirs = response_rows([0.1, 0.1, 0.9], ["a", "b", "d"])
    intervals, prompts = paired_intervals(ours, theirs)
    assert prompts == 2
    assert intervals["quip"] == pytest.approx([0.4, 0.4])
    assert paired_intervals(ours, response_rows([0.1], ["z"]))[0]["quip"] is None
