"""The shapes of answers, with examples, for /openapi.json. No answer is checked by them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

_SOURCE = {"source": "fables", "id": "fox", "metadata": {"title": "The fox"}, "offset": 1}


class Problem(BaseModel):
    """Why a request is not answered, and what to do."""

    error: str = Field(examples=["no such index: choose wiki or law"])


class Snippet(BaseModel):
    """The text of a document around an occurrence of a quote, which begins at `offset`."""

    offset: int
    before: str
    quote: str
    after: str


class NamedDocument(BaseModel):
    """A document that contains a quote; `offset` is the quote's first character in it.

    `snippets` are those of the first occurrences, in order, if the request asks for them.
    """

    source: str
    id: str
    metadata: dict[str, Any]
    offset: int
    snippets: list[Snippet] | None = None


class FoundQuote(BaseModel):
    """A quote: characters `start` to `end` of the text, and its occurrences in the corpus."""

    start: int = Field(examples=[8])
    end: int = Field(examples=[47])
    text: str = Field(examples=["he quick brown fox jumps over the lazy "])
    count: int = Field(examples=[1])
    documents: list[NamedDocument] = Field(examples=[[_SOURCE]])


class Score(BaseModel):
    """The QUIP of a text: numerator / denominator, null for a text that is too short."""

    numerator: int = Field(examples=[15])
    denominator: int = Field(examples=[27])
    quip_25_beta: float | None = Field(examples=[15 / 27])
    too_short: bool
    longest_quote: int | None = Field(examples=[39])
    covered: list[tuple[int, int]] = Field(examples=[[(8, 47)]])


class Trace(BaseModel):
    """The quotes of a text."""

    quotes: list[FoundQuote]


class Footnote(BaseModel):
    """A quoted text, its places in the response, and its documents."""

    number: int
    spans: list[tuple[int, int]]
    marks: list[int]
    text: str
    count: int
    documents: list[NamedDocument]


class Cited(BaseModel):
    """A response with footnotes; `footnotes` are those that `quotetune cite` prints after it."""

    cited: str = Field(examples=["He saw the quick brown fox jumps over the lazy[^1] cat."])
    citations: list[Footnote]
    footnotes: list[str] = Field(
        examples=[
            ['[^1]: "…he quick brown fox jumps over the lazy" (once in the corpus): fables/fox']
        ]
    )


class Scores(BaseModel):
    """A score for each text."""

    index: str
    results: list[Score]


class Traces(BaseModel):
    """The quotes of each text."""

    index: str
    results: list[Trace]


class Citations(BaseModel):
    """Each response with footnotes."""

    index: str
    results: list[Cited]


class FoundDocument(BaseModel):
    """A document, or a part of its text that starts at character `start`."""

    index: str
    source: str = Field(examples=["fables"])
    id: str = Field(examples=["fox"])
    metadata: dict[str, Any]
    text: str = Field(examples=["The quick brown fox jumps over the lazy dog."])
    start: int
    characters: int = Field(examples=[44])


class IndexDescription(BaseModel):
    """An index of the server."""

    name: str = Field(examples=["wiki"])
    documents: int
    ngrams: int
    n: int = Field(examples=[25])
    normalization: str = Field(examples=["squash"])
    structures: list[str] = Field(examples=[["bloom", "suffix"]])
    fpr: float = Field(examples=[0.00093])


class IndexDescriptions(BaseModel):
    """The indexes of the server; the first is the default."""

    indexes: list[IndexDescription]


class Health(BaseModel):
    """The server answers."""

    status: str = Field(examples=["ok"])


class QuipReport(BaseModel):
    """The QUIP of a text, in the form of the data-portraits service."""

    too_short: bool
    numerator: int = Field(examples=[15])
    denominator: int = Field(examples=[27])
    quip_25_beta: float | None = Field(examples=[15 / 27])


class Portrait(BaseModel):
    """A text in the form of the data-portraits service.

    `chains` are the maximal runs of `segments` that occur in the corpus, and `chain_idxs` are
    their positions. `quote_latex` and `quote_text` are there if the request asks for them.
    """

    idx: int = Field(examples=[0])
    doc: str
    segments: list[str]
    is_member: list[bool]
    chains: list[list[str]]
    chain_idxs: list[list[int]]
    longest_chain: int = Field(examples=[15])
    expected_longest: float = Field(examples=[27 / 25])
    badness: float
    quip_report: QuipReport
    quote_latex: str | None = None
    quote_text: str | None = None


class SpanDocument(BaseModel):
    """A document that contains a span, with three lengths of text around it.

    An offset counts the characters of a text before the span.
    """

    model_config = ConfigDict(alias_generator=to_camel)

    document_index: int
    document_length: int
    display_length: int
    needle_offset: int
    metadata: dict[str, Any]
    token_ids: list[int]
    text: str
    blocked: bool
    display_length_long: int
    needle_offset_long: int
    text_long: str
    display_offset_snippet: int
    needle_offset_snippet: int
    text_snippet: str


class Span(BaseModel):
    """A span of the response: tokens `left` to `right` of `inputTokens`."""

    model_config = ConfigDict(alias_generator=to_camel)

    left: int
    right: int
    length: int
    count: int
    unigram_logprob_sum: float
    text: str
    token_ids: list[int]
    documents: list[SpanDocument]


class Attribution(BaseModel):
    """The spans of a response that occur in the corpus, in the form of AI2's service."""

    model_config = ConfigDict(alias_generator=to_camel)

    index: str
    spans: list[Span]
    input_tokens: list[str]


class Count(BaseModel):
    """The occurrences of a text, in the form of the infini-gram API."""

    count: int
    approx: bool
    token_ids: list[int]
    tokens: list[str]
    latency: float
