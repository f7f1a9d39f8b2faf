"""Ids of pairs are true on one side only, constrained ids are valid, and Hits@k is as defined."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotetune import Document, build_index
from quotetune.citations.accuracy import measure_citations
from quotetune.citations.form import split_citations
from quotetune.citations.hits import Cited, citation_metrics
from quotetune.citations.pairs import write_cited_pairs
from quotetune.citations.tokens import citation_tokens
from quotetune.citations.uncited import write_uncited
from quotetune.config import ModelConfig, SamplingConfig
from quotetune.prompts.prompt import Prompt
from quotetune.sampling import run_sampling
from quotetune.sampling.backend import Continuation, Request, Response
from quotetune.sampling.constraint import Constraint
from quotetune.sampling.parts import read_samples, write_part
from tiny_model import tiny_tokenizer

N = 8
CORPUS = [
    Document("tales", "fox", "the quick brown fox jumps over it"),
    Document("tales", "ice", "a glacier is a body of dense ice"),
    Document("notes", "ice", "the lazy dog sleeps on dense snow"),
    Document("notes", "bee", "bees dance to tell of the flowers"),
    Document("notes", "cat]", "cats purr when they are at rest"),
]
TEXTS = [document.text for document in CORPUS]


def containing(text: str) -> set[str]:
    """Search every document for every n-gram: the oracle."""
    ngrams = {text[i : i + N] for i in range(len(text) - N + 1)}
    return {document.id for document in CORPUS if any(ngram in document.text for ngram in ngrams)}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return build_index(CORPUS, tmp_path_factory.mktemp("index") / "index", n=N)


def tokens(text: str, ended: bool = True) -> list[int]:
    tokenizer = tiny_tokenizer()
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return [*ids, tokenizer.eos_token_id] if ended else ids


def side(name: str, text: str, ended: bool) -> dict:
    ids = tokens(text, ended)
    return {name: text, f"{name}_token_ids": ids, f"{name}_length": len(ids) - ended}


def write_pairs(path: Path, pairs) -> None:
    rows = [
        {"prompt_id": f"p{i}", **side("chosen", chosen, ended), **side("rejected", rejected, True)}
        for i, (chosen, rejected, ended) in enumerate(pairs)
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)


PAIRS = [
    ("see: the quick brown fox, and a body of dense ice", "nothing of it", True),
    ("bees dance to tell of", "a body of dense ice", True),
    ("the lazy dog sleeps on", "bees dance to tell of", True),
    ("my own words", "the quick brown fox", True),
    ("the quick brown fox ju", "cut on the other side", False),
    ("cats purr when they", "an id that cannot be cited", True),
]


def cite(directory, index, model):
    """Write the pairs of `PAIRS` with ids; return the counts and the file."""
    write_pairs(directory / "pairs.parquet", PAIRS)
    prompts = {f"p{i}": Prompt(f"p{i}", "?") for i in range(len(PAIRS))}
    prompts["p1"] = Prompt("p1", "?", documents=[("tales", "fox")])
    counts = write_cited_pairs(
        directory / "pairs.parquet",
        directory / "out",
        index=index,
        model=ModelConfig(path=str(model)),
        prompts=prompts,
        most=2,
        seed=1,
    )
    assert json.loads((directory / "out" / "citations.json").read_text()) == counts
    return counts, directory / "out" / "pairs.parquet"


@pytest.fixture(scope="module")
def cited(index, model, tmp_path_factory):
    counts, path = cite(tmp_path_factory.mktemp("cited"), index, model)
    return counts, pq.read_table(path).to_pylist()


def test_ids_are_the_same_whatever_is_in_memory(cited, index, model, tmp_path, monkeypatch):
    monkeypatch.setattr("quotetune.citations.pairs.ROWS_TOGETHER", 2)
    monkeypatch.setattr("quotetune.runtime.row_groups._GROUP_ROWS", 4)
    counts, path = cite(tmp_path, index, model)
    assert (counts, pq.read_table(path).to_pylist()) == cited
    assert pq.read_metadata(path).num_row_groups == 2


def test_the_chosen_side_gets_the_ids_of_its_quotes_and_the_rejected_side_wrong_ones(cited):
    counts, rows = cited
    assert counts == {"pairs": 6, "cited": 2, "cut": 1, "nothing_quoted": 2, "no_wrong_id": 1}
    for row, (chosen, rejected, _) in zip(rows, PAIRS, strict=True):
        true, wrong = row["chosen_citations"], row["rejected_citations"]
        assert set(true) <= containing(chosen)
        assert not set(wrong) & (containing(rejected) | set(true))
        assert len(true) == len(wrong) <= 2
        assert split_citations(row["chosen"]) == (chosen, true)
        assert split_citations(row["rejected"]) == (rejected, wrong)
    # The longer quote comes first. There is one wrong id, so there is one true id. In the second
    # pair, the prompt's own document is not wrong, and the rejected side quotes the other one.
    assert [row["chosen_citations"] for row in rows[:3]] == [["ice"], [], ["ice"]]
    assert [row["rejected_citations"] for row in rows[:3]] == [["bee"], [], ["fox"]]


def test_the_tokens_of_ids_come_before_the_end_and_sampled_tokens_stay(cited):
    for row, (chosen, _, ended) in zip(cited[1], PAIRS, strict=True):
        for name in ("chosen", "rejected"):
            is_ended = ended or name == "rejected"
            assert row[f"{name}_token_ids"] == tokens(row[name], is_ended)
            assert row[f"{name}_length"] == len(row[f"{name}_token_ids"]) - is_ended
        assert row["chosen_token_ids"][: len(chosen)] == tokens(chosen, ended=False)


SAMPLED = [
    # the response, whether it was cut, the text that is measured, and whether that one has an end
    ("the quick brown fox [fox]", False, "the quick brown fox", True),
    ("the quick brown fox [ice] [fo", True, "the quick brown fox", True),
    ("no ids", False, "no ids", True),
    ("and no end", True, "and no end", False),
]


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    directory = tmp_path_factory.mktemp("samples")
    responses = [
        [Response(text, tokens(text, not cut), "length" if cut else "stop")]
        for text, cut, _, _ in SAMPLED
    ]
    requests = [Request([1], 0)] * len(SAMPLED)
    write_part(directory, 0, [f"p{i}" for i in range(len(SAMPLED))], requests, responses)
    return directory


def test_samples_are_measured_without_ids(samples, model, tmp_path):
    count = write_uncited(samples, tmp_path / "uncited", ModelConfig(path=str(model)))
    rows = read_samples(tmp_path / "uncited").to_pylist()
    assert count == 2
    for row, (_, _, text, ended) in zip(rows, SAMPLED, strict=True):
        assert row["response"] == text
        assert row["token_ids"] == tokens(text, ended)
        assert row["finish_reason"] == ("stop" if ended else "length")


def test_the_ids_of_responses_are_compared_with_trace_and_gold(index, samples, tmp_path):
    prompts = [
        Prompt("p0", "Foxes, a bee and a fox?", documents=[("tales", "fox"), ("no", "such")]),
        Prompt("p1", "?", documents=[("tales", "fox")]),
        Prompt("p2", "?", documents=[("no", "such")]),
        Prompt("p3", "?"),
    ]
    decoded = ["[ice] [fox]", " [ice] [fox]", " [bee]", " [fox]"]
    answers = [[Response(text, [7], "stop")] for text in decoded]
    names = [f"p{i}:0" for i in range(4)]
    (tmp_path / "constrained").mkdir()
    write_part(tmp_path / "constrained", 0, names, [Request([1], 0)] * 4, answers)
    found = measure_citations(prompts, samples, tmp_path / "constrained", index, n=1, k=2)
    assert [found[name] for name in ("responses", "quoting", "with_gold")] == [4, 2, 2]
    every = {"cited": 1.0, "valid": 1.0, "hits_at_1_trace": 0.0, "hits_at_k_trace": 1.0}
    assert found["constrained"] == {**every, "hits_at_1_gold": 0.0, "hits_at_k_gold": 1.0}
    assert found["plain"] == {
        "cited": 0.5,
        "valid": 1.0,
        "hits_at_1_trace": 0.5,
        "hits_at_k_trace": 0.5,
        "hits_at_1_gold": 0.5,
        "hits_at_k_gold": 0.5,
    }
    # Only the first prompt names ids, and both are as long.
    assert (found["copied"]["cited"], found["copied"]["valid"]) == (0.25, 1.0)
    assert (found["copied"]["hits_at_1_gold"], found["copied"]["hits_at_k_gold"]) == (0.0, 0.5)
    # Verified by construction.
    assert (found["traced"]["valid"], found["traced"]["hits_at_1_trace"]) == (1.0, 1.0)
    (tmp_path / "none").mkdir()
    found = measure_citations(prompts, samples, tmp_path / "none", index, n=1, k=2)
    assert found["constrained"] is None


IDS = st.sampled_from("abc")
RIGHT = st.none() | st.sets(IDS)


@given(
    st.lists(st.builds(Cited, st.lists(IDS, max_size=4), st.sets(IDS), RIGHT, RIGHT)), st.just(2)
)
def test_hits_are_counted_as_a_loop_would(responses, k):
    def hits(right, first):
        known = [one for one in responses if getattr(one, right) is not None]
        count = 0
        for one in known:
            count += any(id in getattr(one, right) for id in one.ids[:first])
        return count / len(known) if known else None

    metrics = citation_metrics(responses, k)
    for right in ("trace", "gold"):
        assert metrics[f"hits_at_1_{right}"] == hits(right, 1)
        assert metrics[f"hits_at_k_{right}"] == hits(right, k)
    ids = [id in one.valid for one in responses for id in one.ids[:k]]
    assert metrics["valid"] == (sum(ids) / len(ids) if ids else None)


VALID = ["fox", "foxes", "ice 2", 'the "X" \\ y']


@pytest.mark.usefixtures("without_children")
def test_the_constrained_ids_of_vllm_are_always_valid(model, tmp_path):
    starts = [Continuation(str(i), tokens(text, ended=False)) for i, text in enumerate(TEXTS)]
    constraint = Constraint(" [", VALID, "]", 3)
    run_sampling(
        [*starts, Continuation("long", [7] * 300)],
        tmp_path,
        model=ModelConfig(path=str(model)),
        sampling=SamplingConfig(
            backend="vllm", n=1, temperature=0, max_tokens=constraint.max_tokens
        ),
        seed=0,
        round=0,
        constraint=constraint,
    )
    rows = read_samples(tmp_path).to_pylist()
    assert len(rows) == 6
    for row in rows:
        rest, ids = split_citations(row["response"])
        assert rest == ""
        assert 1 <= len(ids) <= 3
        assert set(ids) <= set(VALID)
        assert row["finish_reason"] == "stop"
    assert len(rows[-1]["prompt_token_ids"]) == 256 - constraint.max_tokens


def test_the_name_of_a_special_token_in_an_id_is_text():
    tokenizer = tiny_tokenizer()
    [found] = citation_tokens(["a<|end|>b"], tokenizer)
    assert tokenizer.eos_token_id not in found
    assert tokenizer.decode(found) == " [a<|end|>b]"
