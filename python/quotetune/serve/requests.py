"""The bodies of requests. An unknown key is an error, because it may be a misspelt one."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from quotetune.rendering.marks import MarkStyle

_FOX = "He saw the quick brown fox jumps over the lazy cat."

DOCUMENTS = 10
MOST_DOCUMENTS = 100
MOST_SNIPPET_CHARS = 1000

_LEAST = "It is at least 8, or the index's n if that is less."
# Ways to rank the spans of an attribution.
BY_LENGTH, BY_RARITY = "length", "unigram_logprob_sum"

MaxDocuments = Annotated[
    int,
    Field(ge=0, le=MOST_DOCUMENTS, description="Documents to name per quote; the first ones."),
]


class TextsRequest(BaseModel):
    """Texts for an index."""

    # Strict: "exact": "no" is no boolean.
    model_config = ConfigDict(extra="forbid", strict=True)

    texts: list[str] = Field(description="The texts as given.", examples=[[_FOX]])
    index: str | None = Field(
        None, description="The name of an index. The default is the first one of the server."
    )


class ScoreRequest(TextsRequest):
    """Texts to score."""

    exact: bool = Field(False, description="Whether to ask the suffix index, not the filter.")


class TraceRequest(TextsRequest):
    """Texts to trace, and what is shown of their quotes."""

    min_chars: int | None = Field(
        None,
        ge=1,
        description=f"Length of the shortest quote. {_LEAST} The default is the index's n.",
    )
    max_documents: MaxDocuments = DOCUMENTS
    whole_words: bool = Field(
        False,
        description="Whether to cut the words off that a quote has only a part of. What is left is "
        "a quote if it is long enough, and has its own count and documents.",
    )
    max_count: int | None = Field(
        None, ge=1, description="Leave out quotes that occur more often than this in the corpus."
    )
    one_per_place: bool = Field(
        False, description="Whether to keep only the rarest one of quotes that overlap."
    )
    max_density: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Keep only the rarest quotes, at most this number per word of the text.",
    )
    rarest_first: bool = Field(
        False, description="Whether to list the rarest quotes first, not those in front."
    )
    snippet_chars: int = Field(
        0,
        ge=0,
        le=MOST_SNIPPET_CHARS,
        description="Characters to show before and after each occurrence in a named document; the "
        "first ten of each document.",
    )


class CiteRequest(TextsRequest):
    """Responses to put footnotes into."""

    min_chars: int | None = Field(
        None,
        ge=1,
        description=f"Length of the shortest quote. {_LEAST} The default is 40, with all n.",
    )
    max_documents: MaxDocuments = DOCUMENTS
    style: MarkStyle = Field("markdown", description="Marks like [^1], or like [1].")
    all: bool = Field(False, description="Whether to cite every quote, also where they overlap.")


class QuipRequest(BaseModel):
    """A request of the data-portraits service."""

    documents: list[str] = Field(description="The texts.", examples=[[_FOX]])
    format_quotes: bool = Field(False, description="Whether to add quote_text and quote_latex.")


class InfiniGramRequest(BaseModel):
    """A request of the infini-gram API, of which `count` of a text is answered."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"query_type": "count", "query": "fox"},
            "required": ["query"],
        }
    )

    # Values that are not described get an answer that says what to send instead.
    query_type: Annotated[str, WithJsonSchema({"const": "count"})] = "count"
    query: Annotated[str | None, WithJsonSchema({"type": "string"})] = None
    query_ids: Annotated[object, WithJsonSchema({"type": "null"})] = None
    index: str | None = None
    corpus: str | None = None


class AttributionRequest(BaseModel):
    """A request of AI2's service behind OLMoTrace. Lengths of context are in characters."""

    model_config = ConfigDict(alias_generator=to_camel)

    response: Annotated[str | list[int], WithJsonSchema({"type": "string"})] = Field(
        examples=[_FOX], description="The text; not token ids."
    )
    delimiters: list[str] = Field([], max_length=64, description="Texts that no span contains.")
    allow_spans_with_partial_words: bool = False
    minimum_span_length: int = Field(1, gt=0)
    maximum_frequency: int = Field(10, gt=0)
    maximum_span_density: float = Field(0.05, gt=0, le=1e6)
    span_ranking_method: Annotated[str, WithJsonSchema({"enum": [BY_LENGTH, BY_RARITY]})] = (
        BY_LENGTH
    )
    maximum_documents_per_span: int = Field(10, gt=0)
    maximum_context_length: int = Field(250, gt=0)
    maximum_context_length_long: int = Field(100, gt=0)
    maximum_context_length_snippet: int = Field(40, gt=0)
