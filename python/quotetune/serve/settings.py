"""What the server is told at its start: indexes, address, who may ask, and how much."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from quotetune.errors import UsageError, unread_because
from quotetune.serve.upstream import Upstream

# A name is a part of the path of POST /{index}/attribution.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# A token of fewer characters can be guessed.
_SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class Limits:
    """Bounds of what clients may ask. They hold for all workers together.

    Attributes:
        rate: Requests per second of one client.
        body_bytes: Bytes of a request's body.
        texts: Texts of one request.
        characters: Characters of all texts of one request.
        work: Requests that are worked on, or wait for a thread, at one time.
        seconds: Time to answer a request.
        seconds_to_send: Time in which a client must have sent its request.
    """

    rate: float = 100.0
    body_bytes: int = 4 << 20
    texts: int = 256
    characters: int = 250_000
    work: int = 64
    seconds: float = 30.0
    seconds_to_send: float = 10.0


@dataclass(frozen=True)
class Settings:
    """The settings of a server.

    Attributes:
        indexes: The path of each index by its name; the first is the default.
        runs: The directory of each run of `quotetune train` by its name.
        host: Address to listen on.
        port: Port to listen on; 0 for any that is free.
        workers: Processes that answer.
        token: What clients must send as a bearer token; None if anyone may ask.
        hosts: Names, in lower case, under which the server is known, besides `localhost`.
        origins: Origins of other pages that may ask, such as `https://example.org`.
        proxies: Addresses of proxies whose `X-Forwarded-For` is believed.
        limits: The bounds.
        upstream: The server whose model answers chats; None for no chats.
    """

    indexes: dict[str, str]
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    token: str | None = None
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    runs: dict[str, str] = field(default_factory=dict)
    upstream: Upstream | None = None

    def __post_init__(self) -> None:
        if self.token is None and not _is_loopback(self.host):
            raise UsageError(
                f"--host {self.host}: other machines could ask without a token: give "
                "--auth-token-file, or listen on 127.0.0.1"
            )
        if self.workers < 1:
            raise UsageError(f"--workers is {self.workers}: choose 1 or more")
        for name, value in asdict(self.limits).items():
            if not value > 0:
                raise UsageError(f"the limit {name} is {value}: choose a number above 0")
        for origin in self.origins:
            _check_origin(origin)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values, for a worker."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Settings":
        """Read what `to_json` returns."""
        lists = {name: tuple(values[name]) for name in ("hosts", "origins", "proxies")}
        upstream = values["upstream"] and Upstream(**values["upstream"])
        parts = {"limits": Limits(**values["limits"]), "upstream": upstream}
        return cls(**values | lists | parts)


def named_paths(arguments: Sequence[str], kind: str = "index") -> dict[str, str]:
    """Read the arguments that name indexes or runs: `PATH`, or `NAME=PATH`.

    Args:
        arguments: The arguments. The name of a `PATH` is the last part of it.
        kind: What they name, for messages.

    Returns:
        The paths by their names, in order.

    Raises:
        UsageError: Two of them have one name, or a name cannot be a part of a URL.

    Example:
        >>> named_paths(["data/wiki", "law=data/index"])
        {'wiki': 'data/wiki', 'law': 'data/index'}
    """
    paths: dict[str, str] = {}
    for argument in arguments:
        name, sign, path = argument.partition("=")
        if not sign or Path(argument).exists():
            name, path = Path(argument).absolute().name, argument
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{argument}: the name {name!r} has other characters than letters, digits, '.', "
                f"'_' and '-': give the {kind} as NAME=PATH"
            )
        if name in paths:
            raise UsageError(
                f"{argument}: another {kind} is named {name!r}: give the {kind} as NAME=PATH"
            )
        paths[name] = path
    return paths


def read_token(path: Path) -> str:
    """Read the token in a file.

    Raises:
        UsageError: The file cannot be read, or does not contain one token of 16 characters or more.
    """
    token = _one_word(path, "token")
    if len(token) < _SHORTEST_TOKEN:
        raise UsageError(
            f"{path}: not one token of {_SHORTEST_TOKEN} characters or more: write one, such as "
            "`openssl rand -hex 32` prints"
        )
    return token


def read_key(path: Path) -> str:
    """Read the key of an upstream in a file.

    Raises:
        UsageError: The file cannot be read, or does not contain one key.
    """
    key = _one_word(path, "key")
    if not key:
        raise UsageError(f"{path}: not one key: write the key that the upstream asks for")
    return key


def _one_word(path: Path, what: str) -> str:
    """Return the only word of a file, or the empty text if it has none or several."""
    try:
        word = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = unread_because(error)
        raise UsageError(f"{path}: cannot be read ({reason}): give a file with a {what}") from error
    return word if word.isprintable() and " " not in word else ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_origin(origin: str) -> None:
    parts = urlsplit(origin)
    if (
        parts.scheme not in ("http", "https")
        or origin != f"{parts.scheme}://{parts.netloc}".lower()
    ):
        raise UsageError(
            f"--cors-origin {origin}: not an origin: write it as browsers do, like "
            "https://example.org or http://localhost:3000"
        )
