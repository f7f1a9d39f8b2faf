"""`quotetune serve`: an HTTP server in front of indexes."""

from pathlib import Path
from typing import Annotated

import typer


def serve(
    indexes: Annotated[
        list[str],
        typer.Argument(
            metavar="INDEX...",
            help="Indexes, or .json lists of indexes, each as PATH or NAME=PATH. The name of a "
            "PATH is its last part. The first one is asked by default.",
        ),
    ],
    run: Annotated[
        list[str],
        typer.Option(
            metavar="DIR",
            help="Run of `quotetune train` to show on the page, as DIR or NAME=DIR; repeatable.",
        ),
    ] = [],  # noqa: B006 - typer copies a default
    upstream: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Server with an API like OpenAI's whose chats get citations, as "
            "http://127.0.0.1:8001/v1.",
        ),
    ] = None,
    upstream_key_file: Annotated[
        Path | None, typer.Option(help="File with the key that the upstream asks for.")
    ] = None,
    upstream_timeout: Annotated[
        float, typer.Option(help="Seconds after which an upstream that sends nothing is given up.")
    ] = 300,
    host: Annotated[
        str, typer.Option(help="Address to listen on; another than 127.0.0.1 needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0: any that is free.")] = 8000,
    workers: Annotated[int, typer.Option(help="Processes that answer.")] = 1,
    auth_token_file: Annotated[
        Path | None,
        typer.Option(help="File with the token that clients must send: Authorization: Bearer."),
    ] = None,
    allow_host: Annotated[
        list[str],
        typer.Option(metavar="NAME", help="Name under which clients may ask, such as quotes.org."),
    ] = [],  # noqa: B006
    cors_origin: Annotated[
        list[str],
        typer.Option(metavar="ORIGIN", help="Site whose pages may ask, as https://example.org."),
    ] = [],  # noqa: B006
    trusted_proxy: Annotated[
        list[str],
        typer.Option(metavar="ADDRESS", help="Proxy whose X-Forwarded-For names the client."),
    ] = [],  # noqa: B006
    rate: Annotated[float, typer.Option(help="Requests per second of one client.")] = 100,
    max_body: Annotated[
        str, typer.Option(metavar="SIZE", help="Size of a request's body.")
    ] = "4MiB",
    max_texts: Annotated[int, typer.Option(help="Texts of one request.")] = 256,
    max_chars: Annotated[
        int, typer.Option(help="Characters of all texts of one request.")
    ] = 250_000,
    max_work: Annotated[
        int, typer.Option(help="Requests that are worked on at one time, by all workers.")
    ] = 64,
    timeout: Annotated[float, typer.Option(help="Seconds to answer a request.")] = 30,
    receive_timeout: Annotated[
        float, typer.Option(help="Seconds in which a client must have sent a request.")
    ] = 10,
) -> None:
    """Serve indexes over HTTP: score, trace, cite and documents.

    With --upstream, clients of OpenAI's API can chat with the model of another server, and the
    answers name the documents that they quote.

    It also answers as the data-portraits service, the infini-gram API and OLMoTrace's service do.
    GET /openapi.json describes all routes. Each request is a line of JSON on standard output,
    without its text. An index that is replaced or changed on disk is used from the next request on.
    SIGTERM and Ctrl-C let running requests finish.
    """
    from importlib.util import find_spec

    from quotetune.cli.options import in_bytes
    from quotetune.errors import UsageError

    packages = ["fastapi", "httptools", "prometheus_client", "uvicorn"]
    if upstream is not None:
        packages.append("httpx")
    elif upstream_key_file is not None:
        raise UsageError("--upstream-key-file without --upstream: give the address, too")
    for package in packages:
        if find_spec(package) is None:
            raise UsageError(f"{package} is not installed: pip install 'quotetune[serve]'")

    from quotetune.serve.server import serve as listen
    from quotetune.serve.settings import Limits, Settings, named_paths, read_key, read_token
    from quotetune.serve.upstream import Upstream

    listen(
        Settings(
            indexes=named_paths(indexes),
            runs=named_paths(run, "run"),
            host=host,
            port=port,
            workers=workers,
            token=None if auth_token_file is None else read_token(auth_token_file),
            hosts=tuple(name.lower() for name in allow_host),
            origins=tuple(cors_origin),
            proxies=tuple(trusted_proxy),
            limits=Limits(
                rate=rate,
                body_bytes=in_bytes(max_body) or 0,
                texts=max_texts,
                characters=max_chars,
                work=max_work,
                seconds=timeout,
                seconds_to_send=receive_timeout,
            ),
            upstream=None
            if upstream is None
            else Upstream(
                upstream,
                key=None if upstream_key_file is None else read_key(upstream_key_file),
                seconds=upstream_timeout,
            ),
        )
    )
