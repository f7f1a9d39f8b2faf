"""The shapes of the answers about runs, for /openapi.json."""

from typing import Any

from pydantic import BaseModel, Field


class RunState(BaseModel):
    """A run of the server; one that is not finished has no figures and no responses yet."""

    name: str = Field(examples=["demo"])
    finished: bool


class RunStates(BaseModel):
    """The runs of the server."""

    runs: list[RunState]


class RunRow(BaseModel):
    """A row of the run's results that has responses: a policy, or what policies are compared with.

    `key` is its name in the run's files.
    """

    key: str = Field(examples=["round-1"])
    label: str = Field(examples=["round 1"])
    policy: bool


class RunSection(BaseModel):
    """A section of the page about a run."""

    id: str
    heading: str


class RunDescription(BaseModel):
    """A finished run, with the figures of its report.

    `index` is the index of the server that it was measured with. `tuned` is the key of the policy
    that it selected. `cards` and `figures` are HTML as a tree: a list of texts and elements, where
    an element is a list of its name, its attributes, and its own texts and elements.
    """

    run: str
    title: str
    lead: str
    facts: list[str]
    notes: list[str]
    index: str | None
    prompts: int = Field(examples=[60])
    rows: list[RunRow]
    tuned: str = Field(examples=["round-1"])
    sections: list[RunSection]
    cards: list[Any]
    figures: list[Any]


class ListedPrompt(BaseModel):
    """A held-out prompt, with the mean QUIP of its responses by the base model and the tuned one.

    `number` is its place in the run. A long `text` is cut.
    """

    number: int
    id: str
    text: str = Field(examples=["What is ice?"])
    before: float | None
    after: float | None


class FoundPrompts(BaseModel):
    """A page of the prompts that a search finds; `found` counts all of them."""

    run: str
    found: int = Field(examples=[60])
    start: int
    prompts: list[ListedPrompt]


class RunResponse(BaseModel):
    """A response, with its measures; `quip` is null if it is too short."""

    text: str
    quip: float | None
    longest: int | None
    length: int
    cut: bool


class PromptResponses(BaseModel):
    """A prompt, and one response of each row by the row's key.

    `samples` is how many responses the rows have.
    """

    run: str
    number: int
    id: str
    text: str
    reference: str | None
    samples: int
    sample: int
    responses: dict[str, RunResponse | None]
