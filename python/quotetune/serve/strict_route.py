"""What a path takes: methods, query parameters and keys of a body.

A parameter or key that it does not know is refused, because it may be a misspelt one.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from quotetune.serve.refusal import Refusal

# A name comes from the client, and can have megabytes.
_MOST_OF_NAME = 50


class StrictRoute(APIRoute):
    """A route that refuses query parameters that it does not know."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """Return what answers a request."""
        handle = super().get_route_handler()
        known = [parameter.alias for parameter in self.dependant.query_params]

        async def checked(request: Request) -> Response:
            for name in request.query_params if request.scope["query_string"] else ():
                if name not in known:
                    raise Refusal(422, unknown("parameter", name, known))
            return await handle(request)

        return checked


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Say that a name is unknown, and which ones there are.

    Example:
        >>> unknown("key", "txets", ["texts", "index"])
        'txets: unknown key: choose texts or index'
        >>> unknown("parameter", "a", [])
        'a: unknown parameter: leave it out'
    """
    shown = name if len(name) <= _MOST_OF_NAME else f"{name[:_MOST_OF_NAME]}…"
    *most, last = [*known] or [""]
    choice = f"{', '.join(most)} or {last}" if most else last
    return f"{shown}: unknown {kind}: {f'choose {choice}' if choice else 'leave it out'}"


def methods_at(scope: Scope) -> list[str]:
    """Return the methods that the path of a request takes; none if there is nothing at the path."""
    methods: set[str] = set()
    for route in scope["app"].routes:
        if route.matches(scope)[0] is not Match.NONE:
            methods |= route.methods
    return sorted(methods)


def known_keys(route: Any) -> list[str]:
    """Return the keys of the body that a route takes."""
    (body,) = route.dependant.body_params
    return [*body.field_info.annotation.model_fields]
