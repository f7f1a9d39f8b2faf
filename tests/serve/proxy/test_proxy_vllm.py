"""Chats of the `openai` client with the demo's model in an unchanged vLLM server, cited."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from benchmarks.vllm_server import vllm_server

from fake_upstream import flat
from http_server import Server, serving
from processes import wait_until
from quotetune import build_index
from quotetune.cli.demo_packages import write_demo_data
from quotetune.decoding.vllm import ENGINE_KEY, STRENGTH

# Quicker tests have an upstream that is no model: test_proxy.py and test_proxy_streams.py.
pytestmark = pytest.mark.slow

ASKED: dict[str, Any] = {
    "model": "demo",
    "messages": [{"role": "user", "content": "Tell me about Ada Lovelace."}],
    "max_tokens": 48,
    "temperature": 0,
    "extra_body": {"vllm_xargs": {STRENGTH: 8.0}},
}
TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string", "enum": ["Zürich", "Oslo"]}},
            "required": ["place"],
        },
    },
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("demo")
    write_demo_data(directory)
    build_index(directory / "corpus.jsonl", directory / "index")
    return directory


@pytest.fixture(scope="module")
def model_server(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    options = ["--max-model-len", 1024, "--logits-processors", "quotetune.decoding:QuoteGuide"]
    options += ["--additional-config", json.dumps({ENGINE_KEY: {"index": str(demo / "index")}})]
    options += ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"]
    log = tmp_path_factory.mktemp("vllm")
    with vllm_server(demo / "model", log, "demo", *options) as address:
        yield address


@pytest.fixture(scope="module")
def server(
    demo: Path, model_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("proxy")
    with serving(folder, demo / "index", "--upstream", model_server) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[openai.OpenAI]:
    address = f"http://127.0.0.1:{server.port}/v1"
    with openai.OpenAI(base_url=address, api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture
def direct(model_server: str) -> Iterator[openai.OpenAI]:
    address = f"{model_server}/v1"
    with openai.OpenAI(base_url=address, api_key="unused", max_retries=0) as client:
        yield client


def cited(server: Server, text: str) -> Any:
    return flat(server.post("/cite", {"texts": [text]}).json["results"][0]["citations"])


def test_the_models_are_those_of_the_server(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["demo"]


def test_a_whole_answer_is_the_model_s_and_names_its_sources(server, client, direct) -> None:
    expected = direct.chat.completions.create(**ASKED).choices[0].message
    message = client.chat.completions.create(**ASKED).choices[0].message
    assert message.content == expected.content
    assert message.citations == cited(server, message.content) != []
    for citation in message.citations:
        assert citation["quote"] in message.content
        document = citation["documents"][0]
        query = f"source={document['source']}&id={document['id']}".replace(" ", "%20")
        found = server.get(f"/documents?{query}").json["text"]
        assert found[document["offset"] :].startswith(citation["quote"])


def test_a_stream_of_two_choices_has_the_citations_of_the_whole_texts(server, client) -> None:
    asked = ASKED | {"n": 2, "temperature": 0.8, "seed": 1, "stream": True}
    texts, citations, ends = ["", ""], [[], []], [None, None]
    usage = None
    for chunk in client.chat.completions.create(**asked, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            assert ends[choice.index] is None
            texts[choice.index] += choice.delta.content or ""
            citations[choice.index] += getattr(choice.delta, "citations", [])
            ends[choice.index] = choice.finish_reason
    assert citations == [cited(server, text) for text in texts] and any(citations)
    assert set(ends) <= {"stop", "length"} and usage.completion_tokens > 0


def test_a_conversation_with_footnotes_costs_the_model_no_token(server, client, direct) -> None:
    plain = client.chat.completions.create(**ASKED).choices[0].message.content
    noted = ASKED | {"extra_query": {"footnotes": "true"}}
    message = client.chat.completions.create(**noted).choices[0].message
    streamed = ""
    for chunk in client.chat.completions.create(**noted, stream=True):
        streamed += chunk.choices[0].delta.content or ""
    assert message.content != plain and "[^1]" in message.content
    assert streamed.startswith(plain + "\n\n[//]: # (")

    def tokens(asking: openai.OpenAI, answer: Any) -> int:
        question = {"role": "user", "content": "Who was she?"}
        messages = [*ASKED["messages"], answer, question]
        asked = ASKED | {"messages": messages, "max_tokens": 1}
        return asking.chat.completions.create(**asked).usage.prompt_tokens

    expected = tokens(direct, {"role": "assistant", "content": plain})
    assert tokens(client, message.model_dump(exclude_none=True)) == expected
    assert tokens(client, {"role": "assistant", "content": streamed}) == expected
    assert tokens(direct, {"role": "assistant", "content": streamed}) > expected


def test_a_call_of_a_tool_is_the_model_s(client, direct) -> None:
    choice = {"type": "function", "function": {"name": "look_up"}}
    asked = ASKED | {"tools": [TOOL], "tool_choice": choice, "extra_body": {}, "max_tokens": 80}

    def whole(asking: openai.OpenAI) -> Any:
        message = asking.chat.completions.create(**asked).choices[0].message.model_dump()
        return [call["function"] for call in message["tool_calls"]]

    def streamed(asking: openai.OpenAI) -> str:
        arguments = ""
        for chunk in asking.chat.completions.create(**asked, stream=True):
            assert not hasattr(chunk.choices[0].delta, "citations")
            for call in chunk.choices[0].delta.tool_calls or []:
                arguments += call.function.arguments or ""
        return arguments

    called = whole(client)
    assert called == whole(direct) and called[0]["name"] == "look_up"
    assert streamed(client) == streamed(direct) != ""


def test_what_the_model_server_refuses_is_an_error_of_the_client(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no-such-model"):
        client.chat.completions.create(**ASKED | {"model": "no-such-model"})
    with pytest.raises(openai.BadRequestError, match="1024"):
        client.chat.completions.create(**ASKED | {"max_tokens": 5000})


def test_a_client_that_goes_away_stops_the_model(client, model_server: str) -> None:
    def running() -> float:
        text = httpx.get(f"{model_server}/metrics", timeout=10).text
        return sum(map(float, re.findall(r"^vllm:num_requests_running\{.*\} (\S+)", text, re.M)))

    asked = ASKED | {"max_tokens": 900, "stream": True}
    asked["extra_body"] = {"ignore_eos": True}
    stream = client.chat.completions.create(**asked)
    next(iter(stream))
    wait_until(lambda: running() == 1)
    stream.close()
    wait_until(lambda: running() == 0)


def test_nothing_was_an_error_of_the_server(server: Server) -> None:
    assert {line["status"] for line in server.lines()} <= {200, 400, 404}
    assert server.errors.read_text().count("\n") == 1  # that it listens
