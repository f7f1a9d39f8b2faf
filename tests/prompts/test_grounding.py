"""Prompts that contain passages for the model to answer from."""

import json
from dataclasses import replace

import pytest

from quotetune import build_index
from quotetune.config import Config, PromptsConfig
from quotetune.config.prompts import ContextConfig
from quotetune.corpus.results import Document
from quotetune.errors import UsageError
from quotetune.pipeline.preflight import check_inputs
from quotetune.prompts.grounding import check_passages, document_of, ground, shorten
from quotetune.prompts.prompt import Prompt, load_prompts
from quotetune.prompts.split import split_file

DOCUMENTS = [
    Document("s", "cat", "The cat is a small carnivore. It purrs when it is content."),
    Document("s", "dog", "The dog barks at night. The dog was the first tamed carnivore."),
    Document("s", "snow", "Snow is frozen water which falls in winter."),
    Document("s", "rain", "Rain is water in drops. Rain falls in summer, rain falls often."),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return build_index(DOCUMENTS, tmp_path_factory.mktemp("grounding") / "index", n=5)


def grounded(index, prompt, query="", **settings):
    [found] = ground([prompt], ContextConfig(**settings), index, [query])
    return found


def test_the_text_of_a_prompts_own_documents_is_put_before_it(index):
    prompt = Prompt("p", text="What?", documents=[("s", "snow"), ("s", "rain")])
    found = grounded(index, prompt)
    assert found.text == f"{DOCUMENTS[2].text}\n\nWhat?"
    assert found.documents == [("s", "snow")]
    assert found.passages == [DOCUMENTS[2].text]
    both = grounded(index, prompt, passages=2, template="{prompt} {context} {prompt}")
    texts = f"{DOCUMENTS[2].text}\n\n{DOCUMENTS[3].text}"
    assert both.text == f"What? {texts} What?"
    assert both.documents == prompt.documents
    assert both.passages == [DOCUMENTS[2].text, DOCUMENTS[3].text]
    cut = grounded(index, replace(prompt, documents=[("s", "cat")]), max_chars=35)
    assert cut.passages == ["The cat is a small carnivore."]  # as the model sees it


def test_a_chat_carries_the_passage_in_the_users_last_turn(index):
    messages = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "One."},
        {"role": "user", "content": "Two?"},
    ]
    found = grounded(index, Prompt("p", messages=messages, documents=[("s", "snow")]))
    assert found.messages[:-1] == messages[:-1]
    assert found.messages[-1] == {"role": "user", "content": f"{DOCUMENTS[2].text}\n\nTwo?"}
    assert messages[-1]["content"] == "Two?"


def test_a_passage_that_contains_a_placeholder_is_left_as_it_is(index):
    prompt = Prompt("p", text="What?", extra={"context": "a {prompt} of {context}"})
    assert grounded(index, prompt, source="given").text == "a {prompt} of {context}\n\nWhat?"


def test_given_passages_are_traced_to_their_documents(index):
    given = ["It purrs when it is content.", "Of nobody knows what."]
    found = grounded(
        index, Prompt("p", text="?", extra={"context": given}), source="given", passages=2
    )
    assert found.text == f"{given[0]}\n\n{given[1]}\n\n?"
    assert found.documents == [("s", "cat")]
    assert document_of("Yes, the dog barks at night, it does", index) == ("s", "dog")
    assert document_of("Yes, so says everybody: the dog barks, or so it seems", index) is None


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(None, "A b. C d! E"), (99, "A b. C d! E"), (9, "A b. C d!"), (8, "A b."), (3, "A b")],
)
def test_a_passage_is_cut_at_the_end_of_a_sentence(limit, expected):
    assert shorten("A b. C d! E", limit) == expected


@pytest.mark.parametrize("source", ["documents", "given"])
def test_a_prompt_without_a_passage_is_named_before_any_work(source):
    with pytest.raises(UsageError, match=rf"prompt p: .* prompts.context.source is {source}"):
        check_passages([Prompt("p", text="?")], ContextConfig(source=source))


def write_run(directory, index, rows, **context):
    path = directory / "prompts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    prompts = {"path": path, "heldout_fraction": 0.5, "template": "On falls: {prompt}"}
    return Config.model_validate(
        {
            "run": directory / "run",
            "index": index.path,
            "model": {"path": "owner/name"},
            "prompts": {**prompts, "context": context},
        }
    )


def test_the_query_is_the_prompt_without_its_template(index, tmp_path):
    rows = [{"prompt": f"{word} {i}"} for i in range(3) for word in ("cat", "dog", "snow")]
    config = write_run(tmp_path, index, rows, source="bm25")
    assert check_inputs(config) == []
    split_file(config, tmp_path / "prompts")
    seen = 0
    for name in ("round-1", "heldout"):
        for prompt in load_prompts(tmp_path / "prompts" / f"{name}.parquet"):
            passage, _, asked = prompt.messages[-1]["content"].partition("\n\n")
            [(source, id)] = prompt.documents
            assert asked.startswith(f"On falls: {id} ")
            assert passage == index.document(source, id).text
            seen += 1
    assert seen == 9


def test_a_file_of_prompts_without_passages_is_a_problem_of_the_config(index, tmp_path):
    rows = [{"prompt": f"cat {i}"} for i in range(8)]
    [problem] = check_inputs(write_run(tmp_path, index, rows, source="given"))
    assert (problem.key, "it has no context" in problem.text) == ("prompts.path", True)
    rows = [{"prompt": f"cat {i}", "context": ["a text", 3]} for i in range(8)]
    [problem] = check_inputs(write_run(tmp_path, index, rows, source="given"))
    assert "a text or a list of texts" in problem.text


def test_what_is_absorbed_must_belong_to_a_prompt_unless_it_is_all(index, tmp_path):
    config = write_run(tmp_path, index, [{"prompt": f"cat {i}"} for i in range(8)])
    blocks = config.model_dump() | {"prompts": {"path": config.prompts.path}}
    blocks["prompts"]["heldout_fraction"] = 0.5

    def problems(documents):
        blocks["absorb"] = {"documents": documents}
        return {problem.key for problem in check_inputs(Config.model_validate(blocks))}

    assert problems("prompts") == problems("train_prompts") == {"absorb.documents"}
    assert problems("all") == set()


def test_the_template_of_the_context_has_both_placeholders():
    with pytest.raises(ValueError, match=r"has no \{context\}"):
        PromptsConfig(path="p", context={"template": "{prompt}"})
