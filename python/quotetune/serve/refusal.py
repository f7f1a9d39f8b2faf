"""An answer that says no: its status, and one sentence that says what to do."""

from starlette.responses import JSONResponse


class Refusal(Exception):  # noqa: N818 - it is an answer, not an error of the server
    """A request that is not answered as asked.

    Attributes:
        status: The HTTP status.
        message: What is wrong, and what to do.
        headers: Further headers of the answer.
    """

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers

    def response(self) -> JSONResponse:
        """Return the answer: the message under the key `error`.

        The infini-gram API answers so too, and its clients look for this key.

        Example:
            >>> Refusal(404, "no such index").response().body
            b'{"error":"no such index"}'
        """
        return JSONResponse({"error": self.message}, self.status, self.headers)


def busy(message: str) -> Refusal:
    """Return the refusal of a request that the client may send again a second later."""
    return Refusal(503, message, {"Retry-After": "1"})
