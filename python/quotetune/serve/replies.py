"""The shapes of answers, with examples, for /openapi.json. No answer is checked by them."""

from typing import Any

from pydantic import BaseModel, Field

_SOURCE = {"source": "fables", "id": "fox", "metadata": {"title": "The fox"}, "offset": 1}


class Problem(BaseModel):
    """Why a request is not answered, and what to do."""

    error: str = Field(examples=["no such index: choose wiki or law"])


class Snippet(BaseModel):
    """The text of a document around a quote."""

    before: str
    quote: str
    after: str


class NamedDocument(BaseModel):
    """A document that contains a quote; `offset` is the quote's first character in it."""

    source: str
    id: str
    metadata: dict[str, Any]
    offset: int
    snippet: Snippet | None = None


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


class Count(BaseModel):
    """The occurrences of a text, in the form of the infini-gram API."""

    count: int
    approx: bool
    token_ids: list[int]
    tokens: list[str]
    latency: float
