"""A stream that ends as it should not: in the middle, or without saying that it ends."""

from collections.abc import Iterator

import pytest

from fake_upstream import DONE, STREAM, FakeUpstream, chunk, data_of, event, flat, head
from http_server import Server
from served_chats import CHAT, SAID, serving_chats


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, upstream: FakeUpstream) -> Iterator[Server]:
    with serving_chats(tmp_path_factory.mktemp("ends"), upstream) as server:
        yield server


CHUNKED = head("text/event-stream", transfer_encoding="chunked")
SAYS, STOP = event(chunk(SAID)), event(chunk(None, 0, "stop"))
# How a stream may end, with or without an end that HTTP knows, and what then comes after the text.
ENDS = {
    "closed": ([STREAM, SAYS], []),
    "closed, without an empty line": ([STREAM, SAYS.rstrip()], []),
    "the last chunk of HTTP": ([CHUNKED, b"%x\r\n%b\r\n0\r\n\r\n" % (len(SAYS), SAYS)], []),
    "only [DONE]": ([STREAM, SAYS, DONE], [DONE]),
    "only a finish_reason": ([STREAM, SAYS, STOP], [STOP]),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("query", ["", "?footnotes=true"])
def test_a_stream_without_a_proper_end_is_cited_and_gets_no_end_of_ours(
    server, upstream, end: str, query: str
) -> None:
    sent, last = ENDS[end]
    upstream.answers(*sent)
    answer = server.post(CHAT + query, {"stream": True})
    says, own, *ends = answer.body.rstrip().split(b"\n\n")
    assert answer.status == 200 and says == SAYS.rstrip()
    [result] = server.post("/cite", {"texts": [SAID]}).json["results"]
    delta = data_of(own)[0]["choices"][0]["delta"]
    assert delta["citations"] == flat(result["citations"]) and ("content" in delta) == bool(query)
    assert ends == [one.rstrip() for one in last]


BREAKS = {
    "fewer bytes than promised": [head("text/event-stream", content_length="9999"), SAYS],
    "no last chunk of HTTP": [CHUNKED, b"%x\r\n%b\r\n" % (len(SAYS), SAYS)],
    "half an event": [STREAM, SAYS, b'data: {"choi'],
}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_stream_that_breaks_off_ends_with_an_error(server, upstream, broken: str) -> None:
    upstream.answers(*BREAKS[broken])
    body = server.post(CHAT, {"stream": True}).body
    *_, error = data_of(body)
    assert body.startswith(SAYS) and error["error"]["code"] == 502 and DONE not in body
