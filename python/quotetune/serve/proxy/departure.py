"""A client that goes away ends what is done for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.types import Receive


async def until_departure(receive: Receive, work: Coroutine[Any, Any, None]) -> bool:
    """Do some work until the client goes away, and tell whether it was done.

    Args:
        receive: Gives the messages of the client, whose body has been read.
        work: The work. It is cancelled if the client goes away.
    """
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(_departure(receive))
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            return True
        return False
    finally:
        working.cancel()
        watching.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
