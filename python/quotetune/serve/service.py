"""What all routes share: the indexes, the threads, and the bounds of texts."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic_core import PydanticSerializationError, to_json
from starlette.requests import Request
from starlette.responses import Response

from quotetune.corpus.fields import finite
from quotetune.corpus.index import Index
from quotetune.errors import QuotetuneError, UsageError
from quotetune.runtime.jsonl import is_unicode
from quotetune.serve.catalog import Catalog
from quotetune.serve.refusal import Refusal, busy
from quotetune.serve.request_log import Metrics
from quotetune.serve.run_catalog import IndexHashes, RunCatalog
from quotetune.serve.settings import Settings
from quotetune.serve.shared import SharedCounts
from quotetune.serve.work import Work


class Service:
    """What a worker answers with.

    Args:
        settings: The settings of the server.
        counts: The counts that the workers share.
        metrics_directory: Where the workers gather their metrics; None for a single process.

    Raises:
        QuotetuneError: An index cannot be opened.
    """

    def __init__(
        self, settings: Settings, counts: SharedCounts, metrics_directory: Path | None = None
    ) -> None:
        self.settings = settings
        self.counts = counts
        self.catalog = Catalog(settings.indexes)
        self.index_hashes = IndexHashes(self.catalog)
        self.runs = RunCatalog(settings.runs)
        self.metrics = Metrics(counts, metrics_directory)
        self.work = Work(counts, settings.limits.work, settings.limits.seconds)

    def name(self, request: Request, name: str | None) -> str:
        """Return the name of an index, or that of the default one.

        Raises:
            Refusal: There is no such index.
        """
        names = self.catalog.names
        name = names[0] if name is None else name
        if name not in names:
            raise Refusal(404, f"no such index: choose {' or '.join(names)}")
        request.state.note["index"] = name
        return name

    def check_run(self, request: Request, name: str) -> None:
        """Refuse the name of a run that the server does not have."""
        if name not in self.runs.names:
            choice = " or ".join(self.runs.names)
            remedy = f"choose {choice}" if choice else "start the server with --run"
            raise Refusal(404, f"no such run: {remedy}")
        request.state.note["run"] = name

    def check_texts(self, request: Request, texts: Sequence[str]) -> None:
        """Refuse texts that are not Unicode, and more of them than a request may have."""
        limits = self.settings.limits
        characters = sum(map(len, texts))
        request.state.note |= {"texts": len(texts), "characters": characters}
        for number, text in enumerate(texts):
            if not is_unicode(text):
                raise Refusal(422, f"text {number} contains a lone surrogate: send valid Unicode")
        if len(texts) > limits.texts:
            raise Refusal(413, f"{len(texts)} texts: send at most {limits.texts} at a time")
        if characters > limits.characters:
            raise Refusal(
                413, f"{characters} characters: send at most {limits.characters} at a time"
            )

    async def answer(self, name: str, work: Callable[[Index], Any]) -> Response:
        """Answer with what a function makes of an index, in a thread.

        Args:
            name: The name of the index.
            work: Makes JSON values of it.
        """
        return await self.answer_about(f"index {name}", lambda: work(self.catalog[name]))

    async def answer_about(self, what: str, work: Callable[[], Any]) -> Response:
        """Answer with what a function makes, in a thread.

        Args:
            what: What the function reads, such as `index wiki`.
            work: Makes JSON values of it.
        """

        def encoded() -> bytes:
            with self.reading(what):
                return json_bytes(work())

        return Response(await self.work.do(encoded), media_type="application/json")

    @contextmanager
    def reading(self, what: str) -> Iterator[None]:
        """Turn the errors of what is read, such as `index wiki`, into refusals."""
        try:
            yield
        except UsageError as error:
            raise Refusal(422, str(error)) from error
        except QuotetuneError as error:
            # The message names a path of this machine, so it is not for clients.
            print(f"error: {what}: {error}", file=sys.stderr, flush=True)
            raise busy(f"the {what} cannot be read: look into the server's log") from error


def json_bytes(values: Any) -> bytes:
    r"""Write JSON. What JSON or UTF-8 cannot hold (NaN, a lone surrogate) can be in metadata.

    Example:
        >>> json_bytes({"a": "é"}).decode(), json_bytes(["\ud800", float("nan")])
        ('{"a":"é"}', b'["\\ud800", null]')
    """
    try:
        return to_json(values, inf_nan_mode="null")
    except (PydanticSerializationError, UnicodeError):
        return json.dumps(finite(values)).encode()
