"""A server with an API like OpenAI's that gives the same answer to every chat, at once.

`python -m benchmarks.instant_upstream` prints its port and answers until it is ended.
"""

import asyncio
import json
import re
from typing import Any

_WORDS = [f"word{number} " for number in range(20)]
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_STREAMED = re.compile(rb'"stream": *true')


def _chat(kind: str, choice: dict[str, Any]) -> dict[str, Any]:
    return {"id": "1", "object": kind, "model": "m", "choices": [{"index": 0, **choice}]}


def _stream() -> bytes:
    events = b""
    for word in _WORDS:
        end = "stop" if word == _WORDS[-1] else None
        choice = {"delta": {"content": word}, "finish_reason": end}
        data = b"data: " + json.dumps(_chat("chat.completion.chunk", choice)).encode() + b"\n\n"
        events += b"%x\r\n%b\r\n" % (len(data), data)
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    return head + events + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


def _whole(answer: dict[str, Any]) -> bytes:
    body = json.dumps(answer).encode()
    head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


async def _connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    message = {"role": "assistant", "content": "".join(_WORDS)}
    stream = _stream()
    whole = _whole(_chat("chat.completion", {"message": message, "finish_reason": "stop"}))
    models = _whole({"object": "list", "data": [{"id": "m", "object": "model"}]})
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            body = await reader.readexactly(int(length[1]) if length else 0)
            if head.startswith(b"GET "):
                writer.write(models)
            else:
                writer.write(stream if _STREAMED.search(body) else whole)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _main() -> None:
    server = await asyncio.start_server(_connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
