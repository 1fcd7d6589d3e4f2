"""Errors of sessions, sign-in and role gates."""

from graasp.http.errors import DomainError


class NotAMember(DomainError):
    code = "GMERR003"
    status = 403
    message = "NOT_A_MEMBER"
    origin = "graasp-plugin-member"


class NotValidatedMember(DomainError):
    code = "GMERR002"
    status = 403
    message = "NOT_VALIDATED_MEMBER"
    origin = "graasp-plugin-member"


class InsufficientPermission(DomainError):
    """None of several accepted roles."""

    code = "GERR1012"
    status = 403
    message = "INSUFFICIENT_PERMISSION"
