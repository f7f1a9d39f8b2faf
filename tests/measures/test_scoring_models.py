"""Measures that need a language model: perplexity under any model, and MAUVE."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from measured_run import PROMPTS, run_config
from quotetune.config import ModelConfig
from quotetune.config.measures import MauveConfig
from quotetune.config.validation import validate
from quotetune.measures import neural as neural_measures
from quotetune.measures.scoring_models import (
    ScoringModels,
    prompt_words,
    score_with_models,
    scoring_models_of,
)
from quotetune.prompts.prompt import Prompt
from quotetune.stages import all_stages
from tiny_model import tiny_tokenizer

pytestmark = pytest.mark.usefixtures("without_children")


def test_perplexity_is_of_the_response_given_the_words_of_the_prompt(model, tmp_path):
    rows = [[{"prompt_id": "a", "response": "is cold."}, {"prompt_id": "b", "response": "So."}]]
    table = list(zip(PROMPTS, rows[0], strict=True))
    config = ModelConfig(path=str(model))
    assert score_with_models([table], ScoringModels(perplexity=config), tmp_path / "work") == [None]
    contexts = ["The ice ", "Be short.\n\nWhy?\n\n"]
    assert [prompt_words(prompt) for prompt in PROMPTS] == contexts
    expected = neural_measures.perplexities(
        ["is cold.", "So."], config, contexts=contexts, work=tmp_path
    )
    assert [row["perplexity"] for row in rows[0]] == expected
    assert [row["bart_score"] for row in rows[0]] == [None, None]
    score_with_models([table], ScoringModels(), tmp_path / "work")
    assert [row["perplexity"] for row in rows[0]] == [None, None]


def test_base_is_the_runs_own_model(tmp_path):
    config = run_config(tmp_path, perplexity="base")
    assert scoring_models_of(config.evaluation, config.model).perplexity == config.model
    # The stage has the same settings as one whose config names the model.
    named, short = (
        {stage.name: (stage.settings, stage.inputs) for stage in all_stages(one)}
        for one in (run_config(tmp_path, perplexity=config.model.model_dump()), config)
    )
    assert short == named


@pytest.mark.parametrize(
    ("given", "key", "text"),
    [
        ("bas", "evaluation.perplexity", "should be 'base'"),
        ({"paht": "m"}, "evaluation.perplexity.paht", "did you mean path?"),
        ({"path": ""}, "evaluation.perplexity.path", "should be a text that is not empty"),
        (3, "evaluation.perplexity", "should be a mapping"),
    ],
)
def test_a_wrong_scoring_model_is_named_by_its_key(tmp_path, given, key, text):
    content = run_config(tmp_path).model_dump() | {"evaluation": {"perplexity": given}}
    _, problems = validate(content)
    (problem,) = [problem for problem in problems if problem.key == key]
    assert text in problem.text
    assert len(problems) == 1 + (given == {"paht": "m"})  # and its path is required


def test_mauve_is_the_packages_on_the_states_of_the_last_tokens(tmp_path):
    from mauve import compute_mauve as compute

    tokenizer = tiny_tokenizer()
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=64, n_embd=16, n_layer=1, n_head=2,
        bos_token_id=1, eos_token_id=2, initializer_range=0.3,
    )  # fmt: skip
    directory = tmp_path / "gpt2"  # the package looks for this name
    GPT2LMHeadModel(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    texts = [f"{number} rivers run to the sea" for number in range(30)]
    references = ["a glacier is ice" * (number % 3 + 1) for number in range(30)]
    prompts = [Prompt(str(n), text="x", reference=text) for n, text in enumerate(references)]
    rows = [{"prompt_id": str(n), "response": text} for n, text in enumerate(texts)]
    models = ScoringModels(mauve=MauveConfig(featurizer=str(directory), max_tokens=20))
    tables = [list(zip(prompts, rows, strict=True)), [(PROMPTS[1], {"response": "No reference."})]]
    found = score_with_models(tables, models, tmp_path / "work")
    expected = compute(
        p_text=texts, q_text=references, featurize_model_name=str(directory), max_text_length=20
    )
    assert found == [pytest.approx(expected.mauve, rel=1e-4), None]
    assert 0 < found[0] < 1
