"""A server with an API like OpenAI's that streams the same answer to everything, at once.

`python -m benchmarks.instant_upstream` prints its port and answers until it is ended.
"""

import asyncio
import json
import re

_WORDS = 20
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def _answer() -> bytes:
    events = b""
    for word in range(_WORDS):
        end = "stop" if word == _WORDS - 1 else None
        choice = {"index": 0, "delta": {"content": f"word{word} "}, "finish_reason": end}
        event = {"id": "1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}
        data = b"data: " + json.dumps(event).encode() + b"\n\n"
        events += b"%x\r\n%b\r\n" % (len(data), data)
    head = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    return head + events + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


async def _connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    answer = _answer()
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            await reader.readexactly(int(length[1]) if length else 0)
            writer.write(answer)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _main() -> None:
    server = await asyncio.start_server(_connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
