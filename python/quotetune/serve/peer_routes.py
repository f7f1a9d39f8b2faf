"""The routes of other services, so that their clients need only another address."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from quotetune.serve import peers, replies
from quotetune.serve.attribution import attribution
from quotetune.serve.requests import AttributionRequest, InfiniGramRequest, QuipRequest
from quotetune.serve.routes import PROBLEMS
from quotetune.serve.service import Service


def peer_routes(service: Service) -> APIRouter:
    """Return the routes of other services.

    Args:
        service: What they answer with.
    """
    router = APIRouter(responses=PROBLEMS)

    @router.post("/quip", responses={200: {"model": list[replies.Portrait]}})
    async def quip(request: Request, body: QuipRequest, index: str | None = None) -> Response:
        """Score texts as the data-portraits service does."""
        name = service.name(request, index)
        service.check_texts(request, body.documents)
        return await service.answer(name, lambda opened: peers.quip(opened, body))

    @router.post("/", responses={200: {"model": replies.Count}})
    async def infini_gram(request: Request, body: InfiniGramRequest) -> Response:
        """Count a text as the infini-gram API does.

        An index that is not of this server is the default one: the names of their indexes are in
        every client.
        """
        named = body.index or body.corpus
        name = service.name(request, named if named in service.catalog.names else None)
        service.check_texts(request, [body.query or ""])
        return await service.answer(name, lambda opened: peers.count(opened, body))

    @router.post("/{index}/attribution", responses={200: {"model": replies.Attribution}})
    async def attribute(request: Request, index: str, body: AttributionRequest) -> Response:
        """Find the spans of a response as AI2's service behind OLMoTrace does."""
        name = service.name(request, index)
        text = body.response
        service.check_texts(request, [text] if isinstance(text, str) else [])
        return await service.answer(name, lambda opened: attribution(name, opened, body))

    return router
