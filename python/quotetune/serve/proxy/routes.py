"""The routes of chats, for clients of OpenAI's API."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from quotetune.serve.proxy.chat import CHATS, Chat, failure, json_body, json_response
from quotetune.serve.proxy.citing import Citing
from quotetune.serve.proxy.client import Client
from quotetune.serve.proxy.history import for_upstream
from quotetune.serve.replies import Problem
from quotetune.serve.routes import PROBLEMS
from quotetune.serve.service import Service
from quotetune.serve.strict_route import StrictRoute
from quotetune.serve.upstream import Upstream

_MODELS = "/v1/models"
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    502: {"model": Problem, "description": "The upstream cannot be reached, or answers badly."},
    504: {"model": Problem, "description": "The upstream is silent for too long."},
}
_CONTENT = {"application/json": {"schema": {"type": "object"}}}
_BODY = {"requestBody": {"required": True, "content": _CONTENT}}


def proxy_routes(service: Service, upstream: Upstream) -> APIRouter:
    """Return the routes of chats.

    Args:
        service: What the answers are cited with.
        upstream: The server that answers.
    """
    client = Client(upstream)
    router = APIRouter(responses=PROBLEMS | _PROBLEMS, route_class=StrictRoute)

    @router.post(CHATS, openapi_extra=_BODY, response_class=Response)
    async def chat(
        request: Request,
        index: str | None = None,
        footnotes: Annotated[
            bool, Query(description="Whether the text gets footnotes, too.")
        ] = False,
    ) -> Response:
        """Let the model of the upstream answer, and cite what its answer quotes.

        Each message, or delta of a streamed answer, gets `citations`: character range, quote, count
        and documents. They are those of `/cite`.
        """
        name = service.name(request, index)
        body = for_upstream(await request.body())
        return Chat(client, request, body, Citing(service, name, footnotes))

    @router.get(_MODELS, response_class=Response)
    async def models(request: Request) -> Response:
        """List the models of the upstream."""
        most = service.settings.limits.body_bytes
        headers = request.headers.raw
        with service.work.chat():
            async with client.ask("GET", _MODELS, headers) as answer:
                if answer.status != 200:
                    return await failure(answer, most)
                return json_response(200, await json_body(answer, most), answer.headers)

    return router
