"""What this server added to an answer does not come back to the model, and nothing else is lost."""

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from quotetune import Quote, QuoteSource
from quotetune.rendering.footnotes import CitedResponse, cited_response
from quotetune.serve.proxy.footnote_lists import closing_list, with_footnotes, without_footnotes
from quotetune.serve.proxy.history import for_upstream
from quotetune.serve.refusal import Refusal

TAG = "[//]: # (footnotes by quotetune, "
CONTENTS = st.lists(
    st.one_of(
        st.text("ab [^1q]:\n\r\"'", max_size=8),
        st.sampled_from([TAG, f"{TAG}5 characters, 0123456789abcdef)\n[^1]: a\n", "[^q1]", "\n\n"]),
        st.text(max_size=4).filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text)),
    ),
    max_size=8,
).map("".join)
NAMES = st.sampled_from(["a", "b c", "x\ny", "[^1]", TAG, "1. a", "\u2028", "\x85"])


@st.composite
def responses(draw: st.DrawFn) -> CitedResponse:
    """A response with a few quotes of any documents."""
    text = draw(CONTENTS)
    quotes = []
    start = 0
    while start < len(text) and draw(st.booleans()):
        end = draw(st.integers(start + 1, len(text)))
        documents = [QuoteSource(draw(NAMES), draw(NAMES), {"title": draw(NAMES)}, 0)]
        quotes.append(Quote(start, end, text[start:end], 1, documents))
        start = end
    return cited_response(text, quotes, specific_first=False)


@given(response=responses())
def test_marks_and_lists_come_off_and_leave_the_response(response: CitedResponse) -> None:
    for made in (with_footnotes(response), response.text + closing_list(response)):
        assert without_footnotes(made) == response.text
        assert (made == response.text) == (not response.citations)


@given(first=responses(), second=responses(), gap=st.sampled_from(["", " ", "\n", " Go on."]))
def test_a_response_that_was_continued_loses_all_its_lists(first, second, gap: str) -> None:
    assume(first.citations)
    made = with_footnotes(first) + gap + with_footnotes(second)
    # The continuation is on a line of its own, or the tag is not at the start of one.
    assume(not second.text.startswith("[//]") or gap == "\n")
    assert without_footnotes(made) == first.text + gap + second.text


@given(response=responses())
def test_clients_may_change_white_space(response: CitedResponse) -> None:
    text = response.text
    assume("\r" not in text)
    for made in (with_footnotes(response), text + closing_list(response)):
        assert without_footnotes(made.replace("\n", "\r\n")) == text.replace("\n", "\r\n")
        assert without_footnotes(made.strip()).strip() == text.strip()


@given(text=CONTENTS)
def test_a_text_that_only_looks_like_it_stays(text: str) -> None:
    assert without_footnotes(text) == text


def test_a_list_that_somebody_changed_stays() -> None:
    response = cited_response("Rust is a language.", [Quote(0, 9, "Rust is a", 1, [])])
    made = with_footnotes(response)
    assert without_footnotes(made) == "Rust is a language."
    for changed in (made.replace("once", "twice"), made[:-1], made.replace(", 47 ", ", 46 ")):
        assert changed != made and without_footnotes(changed) == changed
    edited = made.replace("Rust is", "Surely Rust is", 1)
    assert without_footnotes(edited) == "Surely Rust is a language."
    noted = made.replace("Rust is a[^1]", "Rust is a[^1][^2]", 1)
    assert without_footnotes(noted) == "Rust is a[^2] language."


OURS = {"number": 1, "start": 0, "end": 9, "quote": "a", "count": 1, "documents": []}
KEPT: list[Any] = [
    {"role": "user", "content": "a", "citations": [OURS]},
    {"role": "assistant", "content": "a", "citations": [{"url": "https://example.org"}]},
    {"role": "assistant", "content": "a", "citations": {"number": 1}},
    {"role": "assistant", "content": "a", "citations": [OURS, 5]},
    {"role": "assistant", "content": None, "tool_calls": [{"function": {"arguments": "{}"}}]},
    {"role": "assistant", "content": [{"type": "image_url"}, 5, None]},
    {"role": "assistant", "content": 7},
    "no message",
]


@pytest.mark.parametrize("messages", [KEPT, None, 5, {"role": "assistant"}, []])
def test_a_body_without_anything_of_ours_goes_upstream_byte_by_byte(messages: Any) -> None:
    body = json.dumps({"messages": messages, "x": 1.50}, indent=3).encode()
    assert for_upstream(body) is body


def test_our_keys_are_taken_off_messages_of_the_assistant() -> None:
    message = {"role": "assistant", "content": "a", "citations": [OURS]}
    error = {"role": "assistant", "content": "a", "citations_error": "too long"}
    empty = {"role": "assistant", "content": "a", "citations": []}
    body = json.dumps({"messages": [message, error, empty], "n": 2}).encode()
    clean = {"role": "assistant", "content": "a"}
    assert json.loads(for_upstream(body)) == {"messages": [clean] * 3, "n": 2}


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"a": \xff}', b"[" * 10_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal, match="not a JSON object"):
        for_upstream(body)


def test_a_lone_surrogate_in_the_history_is_no_failure() -> None:
    body = json.dumps({"messages": [{"role": "assistant", "content": f"\ud800\n{TAG}"}]}).encode()
    assert for_upstream(body) is body
    shown = with_footnotes(cited_response("a b", [Quote(0, 1, "a", 1, [])]))
    body = json.dumps({"messages": [{"role": "assistant", "content": shown + "\ud800"}]}).encode()
    assert json.loads(for_upstream(body))["messages"][0]["content"] == "a b\ud800"
