"""Errors of accounts."""

from uuid import UUID

from graasp.http.errors import DomainError, FormattedError


class MemberNotFound(FormattedError):
    code = "GERR013"
    status = 404
    message = "MEMBER_NOT_FOUND"

    def __init__(self, account_id: UUID) -> None:
        super().__init__(f"{{ id: '{account_id}' }}")


class GuestNameTaken(DomainError):
    code = "GERR409"
    status = 409
    message = "NAME_ALREADY_TAKEN"


class EmailAlreadyTaken(DomainError):
    code = "GMERR001"
    status = 409
    message = "EMAIL_ALREADY_TAKEN"
    origin = "graasp-plugin-member"
