"""The ASGI application: routes behind a gate, and one form of all errors."""

from importlib.metadata import version

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from quotetune.serve.gate import Gate
from quotetune.serve.page import page_routes
from quotetune.serve.peer_routes import peer_routes
from quotetune.serve.refusal import Refusal
from quotetune.serve.request_log import RequestLog
from quotetune.serve.routes import routes
from quotetune.serve.run_routes import run_routes
from quotetune.serve.service import Service
from quotetune.serve.strict_route import known_keys, methods_at, unknown

_DESCRIPTION = "Finds how much of a text occurs verbatim in a corpus, and where."


def application(service: Service) -> FastAPI:
    """Return the application.

    The first middleware is the outermost. Refusals are logged like all answers, and a page of
    another site that may ask can read them.

    Args:
        service: What the routes answer with.
    """
    settings = service.settings
    middleware = [Middleware(RequestLog, metrics=service.metrics)]
    if settings.origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type"],
                expose_headers=["Retry-After"],
            )
        )
    middleware.append(Middleware(Gate, settings=settings, counts=service.counts))
    app = FastAPI(
        title="quotetune",
        version=version("quotetune"),
        description=_DESCRIPTION,
        middleware=middleware,
        # Their pages load scripts from other servers.
        docs_url=None,
        redoc_url=None,
        exception_handlers={
            Refusal: _refused,
            HTTPException: _refused_by_library,
            RequestValidationError: _malformed,
            Exception: _failed,
        },
    )
    app.include_router(page_routes())
    app.include_router(routes(service))
    if settings.upstream is not None:
        # Only then is httpx needed.
        from quotetune.serve.proxy.routes import proxy_routes

        app.include_router(proxy_routes(service, settings.upstream))
    app.include_router(peer_routes(service))
    app.include_router(run_routes(service))
    return app


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return error.response()


async def _refused_by_library(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status, headers = error.status_code, dict(error.headers or {})
    message = str(error.detail)
    if status == 400:  # the body is not even text
        status, message = 422, "the body is not JSON: fix it"
    elif status == 404:
        message = "there is nothing at this path: GET /openapi.json lists what there is"
    elif status == 405:
        message = "this path does not take this method: GET /openapi.json lists what it takes"
        # Two routes can share a path.
        headers["Allow"] = ", ".join(methods_at(request.scope))
    return Refusal(status, message, headers).response()


async def _malformed(request: Request, error: Exception) -> Response:
    """Say where a problem is. Of what the client sent, only an unknown key is repeated."""
    assert isinstance(error, RequestValidationError)
    problems = error.errors()
    first = problems[0]
    if first["type"] == "json_invalid":
        return Refusal(
            422, f"the body is not JSON (character {first['loc'][-1]}): fix it"
        ).response()
    # A key that is missing may be one that is misspelt.
    for problem in problems:
        if problem["type"] == "extra_forbidden":
            keys = known_keys(request.scope["route"])
            return Refusal(422, unknown("key", str(problem["loc"][-1]), keys)).response()
    where = [str(part) for part in first["loc"] if part != "body" or len(first["loc"]) == 1]
    what = first["msg"][:1].lower() + first["msg"][1:]
    return Refusal(422, f"{'.'.join(where)}: {what}").response()


async def _failed(_: Request, error: Exception) -> Response:
    return Refusal(500, f"unexpected {type(error).__name__}: look into the server's log").response()
