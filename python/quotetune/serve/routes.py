"""The routes of the service."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from quotetune.corpus.index import Index
from quotetune.serve import answers, replies
from quotetune.serve.requests import CiteRequest, ScoreRequest, TextsRequest, TraceRequest
from quotetune.serve.service import Service
from quotetune.serve.strict_route import StrictRoute

_PROBLEMS = {
    401: "There is no valid token.",
    403: "The header Host or Origin does not name this server.",
    404: "There is no such index or document.",
    413: "The request, or its answer, is too large.",
    415: "The content type is not JSON.",
    422: "The request is malformed, or the index cannot answer it.",
    429: "The client has sent too many requests.",
    503: "The server has too much work, or the answer took too long.",
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": replies.Problem, "description": what} for status, what in _PROBLEMS.items()
}


def routes(service: Service) -> APIRouter:
    """Return the routes of the service's own.

    Args:
        service: What they answer with.
    """
    router = APIRouter(responses=PROBLEMS, route_class=StrictRoute)

    async def of_texts(
        request: Request, body: TextsRequest, results: Callable[[Index], Any]
    ) -> Response:
        name = service.name(request, body.index)
        service.check_texts(request, body.texts)
        return await service.answer(name, lambda index: {"index": name, "results": results(index)})

    @router.post("/score", responses={200: {"model": replies.Scores}})
    async def score(request: Request, body: ScoreRequest) -> Response:
        """Score texts: the share of their n-grams that occur in the corpus."""
        return await of_texts(request, body, lambda index: answers.scores(index, body))

    @router.post("/trace", responses={200: {"model": replies.Traces}})
    async def trace(request: Request, body: TraceRequest) -> Response:
        """Find the quotes of texts, and the documents that contain them."""
        return await of_texts(request, body, lambda index: answers.traces(index, body))

    @router.post("/cite", responses={200: {"model": replies.Citations}})
    async def cite(request: Request, body: CiteRequest) -> Response:
        """Put footnotes after the quotes of responses."""
        return await of_texts(request, body, lambda index: answers.citations(index, body))

    @router.get("/documents", responses={200: {"model": replies.FoundDocument}})
    async def documents(
        request: Request,
        source: Annotated[str, Query(examples=["fables"])],
        id: Annotated[str, Query(examples=["fox"])],
        index: str | None = None,
        start: Annotated[int, Query(ge=0, le=1 << 40)] = 0,
        end: Annotated[int | None, Query(ge=0, le=1 << 40)] = None,
    ) -> Response:
        """Return a document, or its characters from start to end."""
        name = service.name(request, index)
        return await service.answer(
            name,
            lambda opened: {
                "index": name,
                **answers.document(opened, source, id, start, end),
            },
        )

    @router.get("/indexes", responses={200: {"model": replies.IndexDescriptions}})
    def indexes() -> dict[str, Any]:  # in a thread, because it may open an index
        """Describe the indexes of the server; the first is the default."""
        return {"indexes": [answers.description(*named) for named in service.catalog.items()]}

    @router.get("/healthz", responses={200: {"model": replies.Health}})
    async def healthz() -> dict[str, str]:
        """Say that the server answers; anyone may ask."""
        return {"status": "ok"}

    @router.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Count requests and times, for Prometheus."""
        return Response(service.metrics.exposition(), media_type="text/plain; version=0.0.4")

    return router
