# ruff: noqa: N818  named for what happened, as the API server words it
"""
What can go wrong between us and the API server, one class per reaction.

`OutcomeUnknown` is the important one: the write may or may not have happened, and only reading can tell. `Unavailable` means that the
request was certainly not carried out, or was a read.
"""


class ApiError(Exception):
    """The API server did not do what was asked. `status` is the HTTP status, 0 when there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class Gone(ApiError):
    """410: the resource version or continue token has expired; list again."""


class Conflict(ApiError):
    """409: the object is not as the write expected it. Says nothing about whether an earlier copy of the write succeeded."""


class NotFound(ApiError):
    """404: no such object, or no such resource type."""


class Forbidden(ApiError):
    """401 or 403: our identity may not do this."""


class Invalid(ApiError):
    """400, 413, 415 or 422: the request itself is refused, or an answer was larger than allowed."""


class TooManyRequests(ApiError):
    """429: not carried out; try again after `retry_after_s`."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message, 429)
        self.retry_after_s = retry_after_s


class Unavailable(ApiError):
    """No connection, or a read that failed; nothing was changed."""

    def __init__(self, message: str, status: int = 0, retry_after_s: float = 0.0) -> None:
        super().__init__(message, status)
        self.retry_after_s = retry_after_s


class NotLeading(Unavailable):
    """A write that was not sent, because this process may not write any more."""


class OutcomeUnknown(ApiError):
    """A write that was sent and not answered, or answered with 5xx: it may have happened, or may happen yet."""
