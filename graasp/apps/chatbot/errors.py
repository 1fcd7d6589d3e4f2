"""Errors of the language model."""

from uuid import UUID

from graasp.http.errors import DomainError


class AnotherItem(DomainError):
    """The path's item is not the one that the token was made for."""

    code = "GERR1007"
    status = 403

    def __init__(self, token_item_id: UUID, item_id: UUID) -> None:
        message = f"The JWT item id '{token_item_id}' does not correspond with the accessed item {item_id}."
        super().__init__(message=message)


class NoCompletion(DomainError):
    """The service refused, failed, or is not configured; why is for the log alone."""

    code = "GERR1000"
    status = 500
    message = "The language model could not answer"
    origin = "OpenAI"


class UnknownStopReason(DomainError):
    code = "GERR1001"
    status = 500
    origin = "OpenAI"

    def __init__(self, reason: str | None) -> None:
        super().__init__(message=f'The stop reason "{reason}" is not a known OpenAI reason')


class IncompleteCompletion(DomainError):
    code = "GERR1002"
    status = 500
    message = "Incomplete model output due to token limitation"
    origin = "OpenAI"


class CompletionTimeout(DomainError):
    code = "GERR1003"
    status = 500
    message = "The response takes too long to respond"
    origin = "OpenAI"


class QuotaExceeded(DomainError):
    code = "GERR1004"
    status = 429
    message = "This token exceeded current quota, please check plan and billing details."
    origin = "OpenAI"
