"""infini-gram's engine behind FastAPI and uvicorn.

`python -m benchmarks.infini_gram_service INDEX` prints its port.
`POST /trace` takes `{"texts": [...]}` and answers with the spans of each text.
"""

import socket
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.settings import INFINI_GRAM
from benchmarks.suffixes import Span, tracer


class Texts(BaseModel):
    """The texts of a request."""

    texts: list[str]


def app(index: Path) -> FastAPI:
    """Return the service of an index."""
    trace = tracer(INFINI_GRAM, index, index)
    service = FastAPI()

    @service.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    # FastAPI runs it in a thread, because it is not async.
    @service.post("/trace")
    def traced(request: Texts) -> dict[str, list[list[Span]]]:
        return {"results": [trace(text) for text in request.texts]}

    return service


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    served = uvicorn.Config(app(Path(sys.argv[1])), log_level="warning")
    uvicorn.Server(served).run(sockets=[listener])
