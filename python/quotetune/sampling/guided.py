"""The guide of a sampling: which corpus, which documents of it, and how strong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quotetune.config import SamplingConfig
from quotetune.errors import UsageError
from quotetune.sampling.backend import Request, Response

Documents = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class GuideSource:
    """What a sampling is guided towards.

    Attributes:
        index: The index of the corpus.
        documents: The documents for each prompt, by its id; None for the whole corpus. A prompt
            without documents is not guided.
    """

    index: Path
    documents: Mapping[str, Documents] | None = None

    def job(self) -> dict[str, Any]:
        """Return the part of a job that describes it."""
        return {"index": str(self.index), "documents": self.documents}

    @classmethod
    def of_job(cls, job: Mapping[str, Any]) -> "GuideSource":
        """Read what `job` returned, after a way through JSON."""
        documents = job["documents"]
        if documents is not None:
            documents = {
                name: tuple((source, id) for source, id in own) for name, own in documents.items()
            }
        return cls(Path(job["index"]), documents)


def check_source(sampling: SamplingConfig, source: GuideSource | None) -> None:
    """Refuse a guide without a corpus.

    Raises:
        UsageError: The settings have a guide, and there is no source.
    """
    if sampling.guide is not None and source is None:
        raise UsageError("sampling.guide: there is no index to guide towards: set it to null")


def by_strength(
    name: str, request: Request, sampling: SamplingConfig, source: GuideSource | None
) -> list[Request]:
    """Return the requests of a prompt: one for each strength of the guide.

    Args:
        name: The prompt's id.
        request: Its request without a guide.
        sampling: The settings.
        source: What the guide is of; None without a guide.
    """
    if sampling.guide is None or source is None:
        return [request]
    documents = None if source.documents is None else source.documents.get(name, ())
    return [
        Request(
            request.prompt_token_ids,
            request.seed + number * sampling.n,
            0.0 if documents == () else strength,
            documents or None,
        )
        for number, strength in enumerate(sampling.guide.strengths)
    ]


def joined(
    requests: Sequence[Sequence[Request]], responses: Sequence[list[Response]]
) -> list[list[Response]]:
    """Put the responses to the requests of each prompt together again."""
    left = iter(responses)
    return [[one for _ in own for one in next(left)] for own in requests]
