"""Prompts, and the Parquet files that a run keeps them in.

`quotetune.prompts.reading` reads a user's files of prompts. `quotetune.prompts.split` splits
prompts into rounds and held-out ones.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quotetune.errors import UsageError, reason_of

Message = dict[str, str]


@dataclass(frozen=True)
class Prompt:
    """The input of the model for one response, and what is known about it.

    Attributes:
        id: Its name, unique in a run; by default a hash of its content.
        text: A text to continue; None for a chat.
        messages: A chat to answer, with its system message; None for a text.
        reference: A good response, for ROUGE-L.
        topic: Name of a group of prompts.
        documents: The documents that belong to it, as (source, id).
        answers: Short gold answers, any of which is right.
        question: What is asked, as the input has it: without template, system message and passages.
        passages: The passages that the model sees in it, as they are there.
        extra: The further columns of the input.
    """

    id: str
    text: str | None = None
    messages: list[Message] | None = None
    reference: str | None = None
    topic: str | None = None
    documents: list[tuple[str, str]] | None = None
    answers: list[str] | None = None
    question: str | None = None
    passages: list[str] | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def last_message(self) -> str:
        """The text, or the content of the last message of the chat."""
        return (self.text or "") if self.messages is None else self.messages[-1]["content"]

    @property
    def asked(self) -> str:
        """The question; of a prompt that an earlier version wrote, its last message."""
        return self.last_message if self.question is None else self.question


def write_prompts(path: Path, prompts: Sequence[Prompt]) -> None:
    """Write prompts as Parquet; `extra` is a column of JSON, because its types differ by row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = pa.string()
    message = pa.struct([("role", text), ("content", text)])
    document = pa.struct([("source", text), ("id", text)])
    schema = pa.schema(
        [
            pa.field("id", text, nullable=False),
            pa.field("text", text),
            pa.field("messages", pa.list_(message)),
            pa.field("reference", text),
            pa.field("topic", text),
            pa.field("documents", pa.list_(document)),
            pa.field("answers", pa.list_(text)),
            pa.field("question", text),
            pa.field("passages", pa.list_(text)),
            pa.field("extra", text, nullable=False),
        ]
    )
    rows = [
        {
            **vars(prompt),
            "documents": prompt.documents
            and [{"source": source, "id": name} for source, name in prompt.documents],
            "extra": json.dumps(prompt.extra, ensure_ascii=False, default=str),
        }
        for prompt in prompts
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema), path)


def are_written(path: Path) -> bool:
    """Return whether `write_prompts` wrote a file.

    Raises:
        UsageError: It is named `.parquet`, but cannot be read as Parquet.
    """
    import pyarrow.parquet as pq

    if path.suffix != ".parquet":
        return False
    with parquet_errors(path):
        return {"messages", "extra"} <= set(pq.read_schema(path).names)


def load_prompts(path: Path) -> list[Prompt]:
    """Read prompts that `write_prompts` wrote."""
    import pyarrow.parquet as pq

    with parquet_errors(path):
        # `pq.read_table` would import pandas, which takes longer than most commands that get here.
        rows = pq.ParquetFile(path).read().to_pylist()
    prompts = []
    for row in rows:
        documents = row["documents"]
        if documents is not None:
            row["documents"] = [(document["source"], document["id"]) for document in documents]
        prompts.append(Prompt(**{**row, "extra": json.loads(row["extra"])}))
    return prompts


@contextmanager
def parquet_errors(path: Path) -> Iterator[None]:
    """Turn an error in reading a Parquet file into one line that names the file."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException) as error:
        reason = reason_of(error)
        raise UsageError(f"{path}: cannot be read as Parquet ({reason}): write it again") from error
