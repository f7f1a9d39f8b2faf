"""The routes about runs of `quotetune train`. A request names a run, and never a path."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from quotetune.serve import run_answers, run_replies
from quotetune.serve.routes import PROBLEMS
from quotetune.serve.run_answers import MOST_PROMPTS, Order
from quotetune.serve.service import Service
from quotetune.serve.strict_route import StrictRoute

_PLACE = 1 << 40  # larger than any place in a run
_RUN_PROBLEMS = PROBLEMS | {409: {**PROBLEMS[422], "description": "The run is not finished."}}


def run_routes(service: Service) -> APIRouter:
    """Return the routes about runs.

    Args:
        service: What they answer with.
    """
    router = APIRouter(responses=_RUN_PROBLEMS, route_class=StrictRoute)

    @router.get("/runs", responses={200: {"model": run_replies.RunStates}})
    def runs() -> dict[str, Any]:  # in a thread, because it looks into directories
        """List the runs of the server."""
        return {"runs": run_answers.states(service.runs)}

    @router.get("/runs/{run}", responses={200: {"model": run_replies.RunDescription}})
    async def describe(request: Request, run: str) -> Response:
        """Describe a run: its rows, and the figures of its report."""
        service.check_run(request, run)

        def description() -> dict[str, Any]:
            opened = service.runs[run]
            index = service.index_hashes.find(opened.index_hash)
            in_work = service.runs.is_in_work(run)
            return {"run": run, **run_answers.description(opened, index, in_work)}

        return await service.answer_about(f"run {run}", description)

    @router.get("/runs/{run}/prompts", responses={200: {"model": run_replies.FoundPrompts}})
    async def prompts(
        request: Request,
        run: str,
        search: Annotated[str, Query(max_length=1000)] = "",
        order: Order = "split",
        start: Annotated[int, Query(ge=0, le=_PLACE)] = 0,
        count: Annotated[int, Query(ge=1, le=MOST_PROMPTS)] = 20,
    ) -> Response:
        """List the held-out prompts of a run that contain all words of a search."""
        service.check_run(request, run)
        return await service.answer_about(
            f"run {run}",
            lambda: {
                "run": run,
                **run_answers.prompts(service.runs[run], search, order, start, count),
            },
        )

    @router.get(
        "/runs/{run}/prompts/{number}",
        responses={200: {"model": run_replies.PromptResponses}},
    )
    async def responses(
        request: Request,
        run: str,
        number: Annotated[int, Path(ge=0, le=_PLACE)],
        sample: Annotated[int, Query(ge=0, le=_PLACE)] = 0,
    ) -> Response:
        """Give a held-out prompt and one response of each row to it."""
        service.check_run(request, run)
        return await service.answer_about(
            f"run {run}",
            lambda: {"run": run, **run_answers.responses(service.runs[run], number, sample)},
        )

    return router
