"""However an answer is cut: its chunks pass, and its citations are those of `/cite`."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fake_upstream import DONE, chunk, completion, data_of, event, flat
from quotetune import build_index
from quotetune.rendering import fewest_quotes
from quotetune.serve import answers
from quotetune.serve.proxy import streamed_citations
from quotetune.serve.proxy.citing import Citing
from quotetune.serve.proxy.footnote_lists import without_footnotes
from quotetune.serve.proxy.stream import Relay, events_of
from quotetune.serve.proxy.streamed_citations import StreamedCitations
from quotetune.serve.proxy.whole_answer import WholeAnswer
from quotetune.serve.refusal import Refusal
from quotetune.serve.requests import CiteRequest
from quotetune.serve.service import Service
from quotetune.serve.settings import Limits, Settings
from quotetune.serve.shared import SharedCounts, new_counts

CORPUS = [
    "The hare was once boasting of his speed before the other animals.",
    "abc abcabc bca cab caf\u00e9s e\u0301 \U0001f469\u200d\U0001f680 a\U0001f469b",
    "bcabcabcab. cabc\nab\u00adcab \uac00 \ufb03",
]
PIECES = st.one_of(
    st.text("abc \n", max_size=8),
    st.text(
        'ae\u0301\u00e9\U0001f469\u200d\U0001f680\uac00\u1161\ufb03\u00ad<>&"\\\x00', max_size=5
    ),
    st.sampled_from(CORPUS).flatmap(
        lambda text: st.integers(0, len(text)).map(lambda start: text[start : start + 30])
    ),
    st.text(max_size=3).filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text)),
)
OWN = re.compile(rb'data: \{[^\r\n]*"delta":\{"citations[^\r\n]*\n\n')
LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])


@pytest.fixture(scope="module", params=["squash", "fold-case"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Service:
    path = tmp_path_factory.mktemp("streams") / "index"
    build_index(CORPUS, path, n=3, normalization=request.param)
    return service_of(path)


@pytest.fixture(autouse=True)
def short_quotes_and_no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fewest_quotes, "SHORTEST_CITED", 4)
    monkeypatch.setattr(streamed_citations, "SECONDS_BETWEEN_TRACES", 0)


def service_of(path: Path, **limits: Any) -> Service:
    return Service(
        Settings({"index": str(path)}, limits=Limits(**limits)), SharedCounts(new_counts(), 0)
    )


def cite(service: Service, text: str) -> list[dict[str, Any]]:
    """What `/cite` answers with its defaults."""
    [result] = answers.citations(service.catalog["index"], CiteRequest(texts=[text]))
    return flat(json.loads(json.dumps(result["citations"])))


def relayed(
    service: Service, pieces: Sequence[bytes], footnotes: bool = False, most: int = 1 << 20
) -> list[bytes]:
    """What a client gets for the pieces of a stream."""

    async def source() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
            await asyncio.sleep(0)

    async def run() -> list[bytes]:
        citations = StreamedCitations(Citing(service, "index", footnotes))
        relay = Relay(events_of(source(), most), citations)
        return [piece async for piece in relay.sent() if piece]

    return asyncio.run(run())


def is_own(data: Any) -> bool:
    deltas = [choice["delta"] for choice in data["choices"]] if data != "[DONE]" else []
    return bool(deltas) and all(
        delta and set(delta) <= {"citations", "citations_error"} for delta in deltas
    )


def own_and_passed(sent: Sequence[bytes]) -> tuple[list[Any], bytes]:
    """Our own chunks, and the bytes of all other events, which these tests write with spaces."""
    stream = b"".join(sent)
    own = data_of(b"".join(OWN.findall(stream)))
    assert all(map(is_own, own))
    return own, OWN.sub(b"", stream)


def citations_of(chunks: Sequence[Any], index: int) -> list[Any]:
    """The concatenation of all citations of a choice."""
    found: list[Any] = []
    for data in chunks:
        for choice in data["choices"] if data != "[DONE]" else []:
            if choice["index"] == index:
                found += choice["delta"].get("citations", [])
    return found


def cut(stream: bytes, cuts: Sequence[int]) -> list[bytes]:
    places = sorted({0, len(stream), *(place % (len(stream) + 1) for place in cuts)})
    return [stream[a:b] for a, b in pairwise(places)]


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[str]]:
    """A stream as any upstream may write it, and the content of each choice."""
    contents = [""] * draw(st.integers(1, 3))
    stream = b""
    for piece in draw(st.lists(PIECES, max_size=10)):
        index = draw(st.integers(0, len(contents) - 1))
        contents[index] += piece
        stream += written(draw, chunk(piece, index, unknown=[1e-7, None]))
    for index in range(len(contents)):
        last = draw(st.one_of(st.none(), PIECES))
        ending = draw(st.sampled_from(["stop", "length", None]))
        contents[index] += last or ""
        stream += written(draw, chunk(last, index, ending))
    if draw(st.booleans()):
        stream += written(draw, {"id": "chat-1", "choices": [], "usage": {"total_tokens": 5}})
    if draw(st.booleans()):
        stream += DONE
    return stream, contents


def written(draw: st.DrawFn, value: Any) -> bytes:
    """An event in one of its many forms."""
    end = draw(LINE_ENDS)
    lines = json.dumps(
        value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1]))
    )
    text = "".join(
        f"data:{draw(st.sampled_from(['', ' ']))}{line}{end}" for line in lines.split("\n")
    )
    comment = draw(st.sampled_from(["", f": still here{end}{end}", f"id: 7{end}"]))
    return (comment + text + end).encode()


@given(made=streams(), cuts=st.lists(st.integers(0, 4000), max_size=12))
def test_events_pass_byte_by_byte_and_citations_are_those_of_cite(
    service: Service, made: tuple[bytes, list[str]], cuts: list[int]
) -> None:
    stream, contents = made
    own, passed = own_and_passed(relayed(service, cut(stream, cuts)))
    assert passed == stream
    for index, content in enumerate(contents):
        assert citations_of(own, index) == cite(service, content)
    assert {data["id"] for data in own} <= {"chat-1"}


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_a_stream_that_comes_in_two_pieces_gets_no_line_ends_of_ours(
    service: Service, end: str
) -> None:
    event = f"data: {json.dumps(chunk('aaa', 0, 'stop'))}{end}{end}".encode()
    for place in range(len(event) - 5, len(event) + 1):
        _, passed = own_and_passed(relayed(service, [event[:place], event[place:]]))
        assert passed == event


@given(made=streams(), cuts=st.lists(st.integers(0, 4000), max_size=12))
def test_with_a_list_each_text_is_the_same_up_to_its_list(
    service: Service, made: tuple[bytes, list[str]], cuts: list[int]
) -> None:
    stream, contents = made
    ends: list[int] = []
    texts = [""] * len(contents)
    for event_bytes in split_events(b"".join(relayed(service, cut(stream, cuts), footnotes=True))):
        for choice in event_bytes["choices"]:
            index = choice["index"]
            assert index not in ends, "nothing comes after the end of a choice"
            texts[index] += choice["delta"].get("content") or ""
            if choice["finish_reason"]:
                ends.append(index)
    for index, (text, content) in enumerate(zip(texts, contents, strict=True)):
        found = cite(service, content)
        assert text.startswith(content) and without_footnotes(text) == content
        numbers = [line.partition(". ")[0] for line in text[len(content) :].split("\n")[3:]]
        assert numbers == [str(n) for n in dict.fromkeys(entry["number"] for entry in found)]
        assert (
            citations_of(split_events(b"".join(relayed(service, [stream], True))), index) == found
        )


def split_events(stream: bytes) -> list[Any]:
    """The JSON of a stream with any line ends, by the definition of server-sent events."""
    lines = stream.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    found, data = [], []
    for line in lines:
        if not line and data:
            text = "\n".join(data)
            found += [] if text == "[DONE]" else [json.loads(text)]
            data = []
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
    return found


@given(contents=st.lists(st.lists(PIECES, max_size=5).map("".join), min_size=1, max_size=3))
def test_a_whole_answer_has_the_citations_and_footnotes_of_cite(
    service: Service, contents: list[str]
) -> None:
    body = json.dumps(completion(*contents, usage={"n": 1}, odd=[10**30, 0.1])).encode()

    def answered(footnotes: bool) -> Any:
        whole = WholeAnswer(body, Citing(service, "index", footnotes))
        return json.loads(asyncio.run(whole.with_citations()))

    plain, noted = answered(False), answered(True)
    for index, content in enumerate(contents):
        message = plain["choices"][index]["message"]
        assert message.pop("citations", []) == cite(service, content)
        text = noted["choices"][index]["message"]["content"]
        [result] = answers.citations(service.catalog["index"], CiteRequest(texts=[content]))
        if not result["footnotes"]:
            assert text == content
            continue
        cited, _, listed = text.rpartition("\n\n[//]: # (footnotes by quotetune, ")
        assert cited == result["cited"] and listed.split("\n")[1:] == result["footnotes"]
        assert without_footnotes(text) == content
    assert plain == json.loads(body)


def test_the_last_citations_come_right_before_the_chunk_that_ends_the_choice(service) -> None:
    pieces = [event(chunk(CORPUS[0])), event(chunk(None, 0, "stop")), DONE]
    chunks = data_of(b"".join(relayed(service, pieces)))
    assert [is_own(data) for data in chunks] == [False, True, False, False]
    assert chunks[2]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("seconds", [0, 0.2])
def test_a_settled_quote_is_sent_while_the_upstream_says_nothing_more(
    service: Service, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(streamed_citations, "SECONDS_BETWEEN_TRACES", seconds)

    async def run() -> list[bytes]:
        has_come = asyncio.Event()

        async def source() -> AsyncIterator[bytes]:
            # The second text comes before the next trace is due.
            yield event(chunk("So. "))
            await asyncio.sleep(0.01)
            yield event(chunk(CORPUS[0] + " And nothing else was heard of it."))
            await has_come.wait()
            yield event(chunk(None, 0, "stop")) + DONE

        citations = StreamedCitations(Citing(service, "index", False))
        relay = Relay(events_of(source(), 1 << 20), citations)
        sent = []
        async for piece in relay.sent():
            sent.append(piece)
            if b"citations" in piece:
                has_come.set()
        return sent

    own, passed = own_and_passed(asyncio.run(asyncio.wait_for(run(), 60)))
    assert passed.endswith(DONE)
    assert citations_of(own[:1], 0)[0]["quote"].lower() == CORPUS[0].lower()


def test_the_index_is_asked_not_more_often_than_the_bound(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert streamed_citations.SECONDS_BETWEEN_TRACES == 0  # the fixture's
    monkeypatch.setattr(streamed_citations, "SECONDS_BETWEEN_TRACES", 1 / 16)
    citations = StreamedCitations(Citing(service, "index", False))
    traced: list[float] = []

    async def run() -> None:
        for step in range(1024):
            now = step / 64
            citations.add(chunk("word ", step % 2))
            if citations.due_in(now) == 0:
                traced.append(now)
                await citations.settled(now)

    asyncio.run(run())
    assert traced == [step / 16 for step in range(256)]


def test_text_without_quotes_and_calls_of_tools_add_nothing(service: Service) -> None:
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": '{"caf\\u00e9": 1e0}'}}
    parts = [
        {"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None},
        {"index": 0, "delta": {}, "finish_reason": "tool_calls"},
        {"index": 1, "delta": {"content": "zzz"}, "finish_reason": "stop"},
    ]
    stream = b"".join(event({"choices": [part]}) for part in parts) + DONE
    assert b"".join(relayed(service, [stream])) == stream
    whole = json.dumps(completion(None, "")).replace(": ", " :  ").encode()
    answer = WholeAnswer(whole, Citing(service, "index", True))
    assert asyncio.run(answer.with_citations()) == whole


BAD_EVENTS = [
    b"data: {\n\n",
    b"data: [1]\n\n",
    b"data: \xff\n\n",
    b"data: " + b"[" * 5000 + b"\n\n",
]


@pytest.mark.parametrize("bad", BAD_EVENTS)
def test_an_event_that_is_no_json_ends_the_stream_with_an_error(service, bad: bytes) -> None:
    *passed, last = relayed(service, [event(chunk("abc")), bad, event(chunk("more"))])
    assert b"".join(passed) == event(chunk("abc"))
    [error] = data_of(last)
    assert error["error"]["code"] == 502 and "not a JSON object" in error["error"]["message"]


def test_an_event_that_is_too_long_is_cut_off(service: Service) -> None:
    pieces = [event(chunk("abc")), b"data: "] + [b"x" * 1000] * 10
    *_, last = relayed(service, pieces, most=5000)
    [error] = data_of(last)
    assert "more than 5000 bytes" in error["error"]["message"]
    with pytest.raises(Refusal):
        asyncio.run(all_events(b": " + b"y" * 6000 + b"\n\n", 5000))


async def all_events(stream: bytes, most: int) -> list[list[bytes]]:
    async def source() -> AsyncIterator[bytes]:
        yield stream

    return [one async for one in events_of(source(), most)]


ODD_CHUNKS: list[Any] = [
    {},
    {"choices": None},
    {"choices": [None, 5, [], {}]},
    {"choices": [{"index": "0", "delta": {"content": "abcabc"}}]},
    {"choices": [{"index": True, "delta": {"content": "abcabc"}, "finish_reason": "stop"}]},
    {"choices": [{"index": 0, "delta": "abcabc", "finish_reason": []}]},
    {"choices": [{"index": 0, "delta": {"content": ["abcabc"]}}]},
    {
        "choices": [
            {"index": [], "delta": {"content": "abc"}},
            chunk("abcabc", 0, "stop")["choices"][0],
        ]
    },
    {"choices": [{"index": -1, "delta": {"content": "<script>alert(1)</script>"}}]},
    {"error": {"message": "out of memory"}},
]


@pytest.mark.parametrize("odd", ODD_CHUNKS, ids=[str(number) for number in range(len(ODD_CHUNKS))])
@pytest.mark.parametrize("footnotes", [False, True])
def test_a_chunk_of_an_odd_shape_passes(service: Service, odd: Any, footnotes: bool) -> None:
    sent = b"".join(relayed(service, [event(odd), DONE], footnotes))
    assert event(odd) in sent or (footnotes and b'"index":[]' in sent)
    assert sent.endswith(DONE) and b"upstream_error" not in sent


@pytest.mark.parametrize(
    ("limits", "contents", "problem"),
    [
        ({"characters": 20}, ["abcabc "] * 9, "more than 20 characters"),
        ({}, ["abcabc ", "\ud83d", "\ude00"], "lone surrogate"),
    ],
)
def test_an_answer_that_cannot_be_cited_passes_and_says_why(
    service: Service, limits: dict[str, int], contents: list[str], problem: str
) -> None:
    limited = service_of(service.catalog["index"].path, **limits)
    stream = b"".join(event(chunk(content)) for content in contents)
    stream += event(chunk(None, 0, "stop")) + DONE
    own, passed = own_and_passed(relayed(limited, [stream]))
    assert passed == stream
    deltas = [data["choices"][0]["delta"] for data in own]
    told = [delta["citations_error"] for delta in deltas if "citations_error" in delta]
    assert len(told) == 1 and problem in told[0]
    whole = WholeAnswer(
        json.dumps(completion("".join(contents))).encode(), Citing(limited, "index", True)
    )
    [choice] = json.loads(asyncio.run(whole.with_citations()))["choices"]
    if "surrogate" not in problem:  # two halves, joined, are a character
        assert problem in choice["message"]["citations_error"]
        assert choice["message"]["content"] == "".join(contents)


def test_a_choice_that_has_ended_is_not_told_of_a_later_problem(service: Service) -> None:
    limited = service_of(service.catalog["index"].path, characters=20)
    parts = [chunk("abcabc", 0), chunk(None, 0, "stop"), chunk("abc " * 9, 1), chunk("a", 2)]
    own, _ = own_and_passed(relayed(limited, [event(part) for part in parts]))
    keys = [(data["choices"][0]["index"], *data["choices"][0]["delta"]) for data in own]
    assert keys == [(0, "citations"), (1, "citations_error"), (2, "citations_error")]


def test_choices_without_end_take_no_memory(service: Service) -> None:
    limited = service_of(service.catalog["index"].path, texts=3)
    citations = StreamedCitations(Citing(limited, "index", False))
    for number in range(1000):
        citations.add(chunk("abcabc", number))
    assert len(citations) == 4
    additions = asyncio.run(citations.settled(0))
    assert all("more than 3 choices" in one.delta["citations_error"] for one in additions)
    assert citations.due_in(1e9) is None


def test_an_index_that_fails_leaves_the_answer(tmp_path: Path) -> None:
    build_index(CORPUS, tmp_path / "index", n=3, structures="bloom")
    filtering = service_of(tmp_path / "index")
    stream = event(chunk("abcabc")) + event(chunk(None, 0, "stop")) + DONE
    own, passed = own_and_passed(relayed(filtering, [stream]))
    assert passed == stream
    assert "no suffix index" in own[0]["choices"][0]["delta"]["citations_error"] and len(own) == 1
    whole = WholeAnswer(json.dumps(completion("abcabc")).encode(), Citing(filtering, "index", True))
    [choice] = json.loads(asyncio.run(whole.with_citations()))["choices"]
    assert choice["message"]["content"] == "abcabc"
    assert "no suffix index" in choice["message"]["citations_error"]
