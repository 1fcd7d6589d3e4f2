"""The two families of errors on the wire.

Domain errors carry `{name, code, message, statusCode, data?, origin}`. Formatted errors append their argument
to the message and carry neither data nor origin. How each becomes an answer: `graasp.http.error_answers`.
"""

from typing import Any, ClassVar

_ABSENT: Any = object()


class DomainError(Exception):
    """A rule said no. Subclasses set `code`, `status` and `message`; `data` is given when raised."""

    code: ClassVar[str]
    status: ClassVar[int]
    message: str
    origin: ClassVar[str] = "core"
    # Of a failure that is not this code's: what to tell the operator, who needs no traceback then.
    reason: str | None = None

    def __init__(self, data: Any = _ABSENT, *, message: str | None = None) -> None:
        if message is not None:
            self.message = message
        super().__init__(self.message)
        self.data = data

    @property
    def name(self) -> str:
        return self.message

    def body(self) -> dict[str, Any]:
        body = {"name": self.name, "code": self.code, "message": self.message, "statusCode": self.status}
        if self.data is not _ABSENT:
            body["data"] = self.data
        return body | {"origin": self.origin}


class FormattedError(Exception):
    """A framework-style error: its argument, when there is one, follows the message after a space."""

    code: ClassVar[str]
    status: ClassVar[int]
    message: str
    name: ClassVar[str] = "FastifyError"

    def __init__(self, argument: object = _ABSENT) -> None:
        if argument is not _ABSENT:
            self.message = f"{self.message} {argument}"
        super().__init__(self.message)

    def body(self) -> dict[str, Any]:
        return {"message": self.message, "name": self.name, "code": self.code, "statusCode": self.status}


class BadRequest(FormattedError):
    """Input that no schema describes; `message` reads like the validator's."""

    code = "FST_ERR_VALIDATION"
    status = 400
    name = "Error"

    def __init__(self, message: str) -> None:
        self.message = message
        super().__init__()


class Unauthorized(Exception):
    """No usable session or token: 401 with the plain text `Unauthorized`."""


class UnexpectedError(DomainError):
    code = "GERR999"
    status = 500
    message = "UNEXPECTED_ERROR"
    origin = "unknown"


class TooManyRequests(DomainError):
    """Asked too often; `retry_after` is in seconds."""

    code = "GERR429"
    status = 429
    message = "TOO_MANY_REQUESTS"

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = max(1, retry_after)


class ServiceUnavailable(DomainError):
    """A part this request needs is down for the moment; `retry_after` is in seconds."""

    code = "GERR503"
    status = 503
    message = "SERVICE_UNAVAILABLE"

    def __init__(self, retry_after: int = 2) -> None:
        super().__init__()
        self.retry_after = retry_after


class BodyTooLarge(FormattedError):
    code = "FST_ERR_CTP_BODY_TOO_LARGE"
    status = 413
    message = "Request body is too large"


class UnsupportedMediaType(FormattedError):
    code = "FST_ERR_CTP_INVALID_MEDIA_TYPE"
    status = 415
    message = "Unsupported Media Type:"


class EmptyJsonBody(FormattedError):
    code = "FST_ERR_CTP_EMPTY_JSON_BODY"
    status = 400
    message = "Body cannot be empty when content-type is set to 'application/json'"


class InvalidJsonBody(FormattedError):
    code = "FST_ERR_CTP_INVALID_JSON_BODY"
    status = 400
    message = "Body is not valid JSON but content-type is set to 'application/json'"


class NotMultipart(FormattedError):
    code = "FST_INVALID_MULTIPART_CONTENT_TYPE"
    status = 406
    message = "the request is not multipart"


class RequestFileTooLarge(FormattedError):
    code = "FST_REQ_FILE_TOO_LARGE"
    status = 413
    message = "request file too large"


class TooManyFiles(FormattedError):
    code = "FST_FILES_LIMIT"
    status = 413
    message = "reach files limit"


class TooManyFields(FormattedError):
    code = "FST_FIELDS_LIMIT"
    status = 413
    message = "reach fields limit"
