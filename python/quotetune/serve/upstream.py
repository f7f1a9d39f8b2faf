"""The server that answers chats: its address and its key, which are fixed at the start."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from quotetune.errors import UsageError

_VERSION = "/v1"


@dataclass(frozen=True)
class Upstream:
    """A server with an API like OpenAI's.

    Attributes:
        url: Its address, with or without `/v1` at the end.
        key: What it asks for as a bearer token; None for nothing.
        seconds: Time after which an upstream that sends nothing is given up.

    Raises:
        UsageError: The address is no such URL, or the time is not above 0.

    Example:
        >>> Upstream("http://127.0.0.1:8001/v1").at("/v1/models")
        'http://127.0.0.1:8001/v1/models'
        >>> Upstream("https://example.org/llm/").at("/v1/models")
        'https://example.org/llm/v1/models'
    """

    url: str
    key: str | None = field(default=None, repr=False)
    seconds: float = 300.0

    def __post_init__(self) -> None:
        if not _is_good(self.url):
            raise UsageError(
                f"--upstream {_without_user(self.url)}: not an address: write it like "
                "http://127.0.0.1:8001/v1, without a user, a query or a fragment"
            )
        if not self.seconds > 0:
            raise UsageError(f"--upstream-timeout is {self.seconds}: choose a number above 0")

    def at(self, path: str) -> str:
        """Return the URL of a path such as `/v1/models`."""
        return self.url.rstrip("/").removesuffix(_VERSION) + path


def _is_good(url: str) -> bool:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and not set(url) & set(" ?#\\@")
    return good and plain


def _without_user(url: str) -> str:
    """Return a URL without what may be a password."""
    return "..." + url[url.rindex("@") :] if "@" in url else url
