"""The keys of a config's `sampling:` block."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveInt, field_validator, model_validator

from quotetune.config.block import Block, as_json

Strength = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class RetrievedConfig(Block):
    """The documents that BM25 finds for each prompt."""

    retrieved: PositiveInt
    """Number of documents per prompt."""


class GuideConfig(Block):
    """A bonus on the next tokens that continue a quote of the corpus, or a rule for them.

    For a token after which the response ends with m characters of the corpus it is
    strength * (min(m, max_chars) - min_chars)+ / (max_chars - min_chars), on the logit.
    """

    left_out_if_null = ("mode", "marks")

    mode: Literal["verbatim", "never"] | None = None
    """`verbatim`: between marks, only text of one document comes out, n characters or more, and the
    bonus applies everywhere. `never`: no n-gram of the corpus comes out, and there is no bonus.
    Both take the next token among `candidates`, or among more if none of these passes."""

    marks: str | None = None
    """The two characters before and after a verbatim quote, such as `“”`. An empty text makes the
    whole response one quote. `null` is two straight quotation marks."""

    strength: Strength | Annotated[list[Strength], Field(min_length=1)] = 4.0
    """Largest bonus. With a list, `n` responses are drawn with each, and `guide_strength` of a
    sample says which it was. 0 draws without a bonus; the rule of a mode holds."""

    candidates: PositiveInt = 40
    """Number of most probable tokens that may get a bonus."""

    min_chars: PositiveInt = 8
    """Length in characters up to which a match gets no bonus."""

    max_chars: PositiveInt = 32
    """Length in characters from which on a match gets the whole bonus."""

    documents: Literal["corpus", "prompt"] | RetrievedConfig = "corpus"
    """Documents that are quoted. `prompt`: those of the prompt's own `documents`; without any it is
    not guided. `{retrieved: 3}`: the three that BM25 finds for the prompt."""

    end: Literal["plain", "document", "sentence"] = "sentence"
    """Bonus of the end-of-text token: that of the match at the response's end, if a document or a
    sentence of the corpus ends there, too. `plain`: none, so that responses become longer."""

    @model_validator(mode="after")
    def _lengths_are_in_order(self) -> Self:
        if self.min_chars >= self.max_chars:
            raise ValueError(
                f"min_chars is {self.min_chars} and max_chars {self.max_chars}: raise max_chars"
            )
        return self

    @model_validator(mode="after")
    def _modes_have_what_they_need(self) -> Self:
        if self.marks is not None and self.mode != "verbatim":
            raise ValueError("marks are given, which only mode: verbatim writes: set it, too")
        if self.marks is not None and len(self.marks) not in (0, 2):
            raise ValueError(
                f"marks is {self.marks!r}: give two characters, or none for a whole response"
            )
        if self.mode == "never" and isinstance(self.strength, list):
            raise ValueError("mode never has no bonus, so strengths differ in nothing: remove them")
        if self.mode == "never" and self.documents != "corpus":
            raise ValueError(
                "mode never keeps the n-grams of the whole index out: set documents to corpus"
            )
        return self

    @property
    def strengths(self) -> list[float]:
        """The strengths, in the order of the samples."""
        return self.strength if isinstance(self.strength, list) else [self.strength]


# Keys that say where it is sampled, and not what.
PLACES = ("replicas", "executor", "ray_address")


class SamplingConfig(Block):
    """Sampling of responses. The defaults are those of Quote-Tuning's released settings."""

    left_out_if_null = ("guide",)
    left_out_by_default = ("seeded",)

    backend: Literal["auto", "vllm", "transformers"] = "auto"
    """Library that generates the text; `auto` takes vLLM if it is installed, else transformers."""

    n: PositiveInt = 32
    """Responses per prompt."""

    temperature: float = Field(default=1.0, ge=0.0)
    """Divisor of the logits; 0 is greedy decoding, which has one response per prompt."""

    top_p: float = Field(default=0.95, gt=0.0, le=1.0)
    """Probability of the smallest set of most probable tokens from which each token is drawn."""

    top_k: int = Field(default=0, ge=0)
    """Number of most probable tokens from which each token is drawn; 0 is all of them."""

    max_tokens: PositiveInt = 1024
    """Tokens after which a response is cut; its `finish_reason` is then `length`."""

    stop: list[str] = []
    """Strings that end a response; they are not part of it."""

    seeded: bool = True
    """Whether each response has a seed of its own, so that it does not depend on which others are
    drawn. `false` lets vLLM draw all from one stream, which is less work on a GPU. The same run
    then gives other responses of the same distribution, and the samples have no `seed`. The
    evaluation is seeded unless `evaluation.sampling` says otherwise. transformers always seeds."""

    chunk_prompts: PositiveInt = 64
    """Prompts per generate call and per part file. A crash loses at most one part."""

    engine: dict[str, Any] = {}
    """Further arguments of `vllm.LLM`, such as `tensor_parallel_size` or `max_model_len`."""

    replicas: PositiveInt | Literal["auto"] = Field(default=1, exclude=True)
    """Number of copies of the model that sample side by side, each on the GPUs that its `engine`
    asks for; fewer if there are not enough GPUs. `auto` takes all GPUs. Without GPUs, it is one
    copy per machine. It is not part of what a stage was made from, so the same run goes on with
    another number. The evaluation, a judge and the measures with a language model use it, too. The
    first two may have another number in their `sampling`."""

    executor: Literal["local", "ray"] = Field(default="local", exclude=True)
    """Where the replicas run: on this machine, or on the nodes of a Ray cluster, which must share
    the file system with the run, its models and its index."""

    ray_address: str | None = Field(default=None, exclude=True)
    """Address of the cluster's head, as in `10.0.0.1:6379`, or `auto` for the cluster of this
    machine. `null` takes that of the variable `RAY_ADDRESS`; without one, Ray starts on this
    machine alone."""

    guide: GuideConfig | None = None
    """Guide towards the text of the corpus while sampling; `null` samples without one. The
    evaluation has its own, below `evaluation.sampling`."""

    @property
    def places(self) -> dict[str, Any]:
        """The keys that say where it is sampled. No dump has them."""
        return {name: getattr(self, name) for name in PLACES}

    @field_validator("engine")
    @classmethod
    def _engine_is_json(cls, value: dict[str, Any]) -> dict[str, Any]:
        arguments: dict[str, Any] = as_json(value, "")
        return arguments

    @property
    def drawn(self) -> int:
        """The number of responses per prompt, of all strengths of the guide."""
        return self.n * (1 if self.guide is None else len(self.guide.strengths))

    @model_validator(mode="after")
    def _greedy_decoding_has_one_response(self) -> Self:
        if self.temperature == 0 and self.n > 1:
            raise ValueError(
                f"n is {self.n}, but at temperature 0 all responses to a prompt are equal: set"
                " temperature above 0, or n to 1 if no pairs are made of the responses"
            )
        return self
