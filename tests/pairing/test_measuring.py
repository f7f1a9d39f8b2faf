"""Every candidate gets its numbers, first the samples and then the references."""

import pyarrow.parquet as pq
import pytest
from test_pairing_preference import QUIP, write_candidates

import quotetune.measures.model_criteria
from quotetune.config import CandidatesConfig, ModelConfig, PairsConfig, PreferenceConfig
from quotetune.errors import QuotetuneError, UsageError
from quotetune.metrics.criteria import CRITERIA
from quotetune.pairing.measuring import measure_of, write_measure
from quotetune.pairing.ranking_config import RankingConfig
from quotetune.prompts.prompt import Prompt

CONSTRAINTS = {"bart_score": {"worse_by": 1, "model": {"path": "a-bart"}}}


def ranking(tmp_path, preference=None, **pairs):
    return RankingConfig(
        index=tmp_path / "index",
        model=ModelConfig(path="the-base"),
        candidates=CandidatesConfig(),
        preference=preference and PreferenceConfig.model_validate(preference),
        pairs=PairsConfig.model_validate(pairs),
        seed=0,
        max_tokens=8,
    )


def measured(tmp_path, name, config, prompts):
    files = write_candidates(tmp_path / "in", QUIP, gold={"a": 0.5})
    work = tmp_path / "work"
    measure = measure_of(name, config, work)
    output = tmp_path / name
    write_measure(
        files.samples,
        files.gold,
        output,
        measure,
        prompts=prompts,
        at_once=True,
        progress=lambda *_: None,
    )
    assert not work.exists()
    rows = pq.read_table(output / "values.parquet").to_pylist()
    assert [row["prompt_id"] for row in rows] == [
        *(name for name, values in QUIP.items() for _ in values),
        "a",
    ]
    return rows


def test_perplexity_is_of_a_response_given_its_prompt_under_the_base_model(tmp_path, monkeypatch):
    def perplexities(texts, model, *, contexts, work, places):
        assert model.path == "the-base"
        work.mkdir()
        assert len(texts) == len(contexts)
        return [float(ord(context[0])) for context in contexts]

    monkeypatch.setattr(quotetune.measures.model_criteria, "perplexities", perplexities)
    prompts = {name: Prompt(name, text=f"{name}?") for name in QUIP}
    rows = measured(tmp_path, "perplexity", ranking(tmp_path, {"perplexity": {}}), prompts)
    assert [row["value"] for row in rows] == [ord(row["prompt_id"]) for row in rows]


def test_answerability_is_of_the_questions_words_that_a_response_lacks(tmp_path, monkeypatch):
    def log_likelihoods(texts, model, *, contexts, spans, work, places):
        assert model.path == "the-base"
        work.mkdir()
        assert all(context.endswith("\n\n") for context in contexts)
        assert set(texts) == {"Why a fox?"}
        assert all(parts == [(0, 3), (6, 10)] for parts in spans)
        return [-float(len(context)) for context in contexts]

    monkeypatch.setattr(quotetune.measures.model_criteria, "log_likelihoods", log_likelihoods)
    prompts = {name: Prompt(name, text="Answer: ...", question="Why a fox?") for name in QUIP}
    prompts["c"] = Prompt("c", text="...", question="the?")  # no word that could be missing
    config = ranking(tmp_path, {"answerability": {}})
    rows = measured(tmp_path, "answerability", config, prompts)
    assert all((row["value"] is None) == (row["prompt_id"] == "c") for row in rows)


def test_answer_recall_is_of_responses_whose_prompt_has_answers(tmp_path):
    texts = ["An ice floe.", "Rice.", "Ice"]
    prompts = [Prompt("a", text="?", answers=["ice"]), Prompt("b", text="?"), None]
    config = ranking(tmp_path, {"answer_recall": {}})
    measure = measure_of("answer_recall", config, tmp_path / "work")
    assert [measure(texts, [prompt] * 3) for prompt in prompts] == [
        [1.0, 0.0, 1.0],
        [None] * 3,
        [None] * 3,
    ]


def test_bart_score_is_only_of_responses_whose_prompt_has_a_reference(tmp_path, monkeypatch):
    def bart_scores(responses, references, model, *, work, places):
        assert model.path == "a-bart"
        assert set(references) == {"the truth"}
        work.mkdir()
        return [-float(len(response)) for response in responses]

    monkeypatch.setattr(quotetune.measures.model_criteria, "bart_scores", bart_scores)
    prompts = {name: Prompt(name, text="?") for name in QUIP}
    prompts["c"] = Prompt("c", text="?", reference="the truth")
    config = ranking(tmp_path, constraints=CONSTRAINTS)
    rows = measured(tmp_path, "bart_score", config, prompts)
    assert [row["prompt_id"] for row in rows if row["value"] is not None] == ["c"] * 3


def test_the_measures_are_those_that_preference_negatives_and_constraints_need(tmp_path):
    assert ranking(tmp_path).measures == []
    assert ranking(tmp_path, {"quip": {}, "length": {}}).measures == []
    assert not ranking(tmp_path, {"quip": {}, "rarity": {}}).needs_prompts
    full = ranking(
        tmp_path,
        {"on_topic_quip": {}},
        negatives={"repetition": 0.3},
        constraints={**CONSTRAINTS, "perplexity": {"worse_by": 1}},
    )
    assert full.measures == ["bart_score", "on_topic_quip", "perplexity", "repetition"]
    assert full.needs_prompts


def test_every_criterion_can_be_a_constraint_alone(tmp_path):
    bounds = {name: {"worse_by": 1} for name in CRITERIA}
    alone = ranking(tmp_path, constraints=bounds)
    assert alone.measures == sorted(set(CRITERIA) - {"quip", "length"})
    assert alone.min_chars == [50, 100, 200]
    assert ranking(tmp_path, {"long_quotes": {"min_chars": [7]}}).min_chars == [7]


def test_the_scoring_model_is_the_one_that_is_named(tmp_path):
    named = {"model": {"path": "a-model"}}
    assert ranking(tmp_path, {"perplexity": named}).model_of("perplexity").path == "a-model"
    assert ranking(tmp_path, {"answerability": named}).model_of("answerability").path == "a-model"
    bound = {"perplexity": {"worse_by": 1, **named}}
    assert ranking(tmp_path, constraints=bound).model_of("perplexity").path == "a-model"
    alone = RankingConfig(
        **{**vars(ranking(tmp_path, {"perplexity": {}})), "model": None},
    )
    with pytest.raises(UsageError, match=r"preference.perplexity.model"):
        alone.model_of("perplexity")


def test_without_samples_there_is_nothing_to_measure(tmp_path):
    with pytest.raises(QuotetuneError, match="no samples: sample first"):
        write_measure(
            tmp_path, None, tmp_path / "out", lambda *_: [], prompts={}, progress=lambda *_: None
        )
