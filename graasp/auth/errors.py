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


class MemberNotSignedUp(DomainError):
    code = "GERR018"
    status = 404
    message = "MEMBER_NOT_SIGNED_UP"


class MemberWithoutPassword(DomainError):
    code = "GERR019"
    status = 406
    message = "MEMBER_WITHOUT_PASSWORD"


class InvalidPassword(DomainError):
    code = "GERR025"
    status = 401
    message = "INVALID_PASSWORD"


class UnauthorizedMember(DomainError):
    """A token that no longer applies."""

    code = "GERR027"
    status = 401
    message = "Unauthorized member"


class BadCredentials(DomainError):
    code = "GERR037"
    status = 401
    message = "BAD_CREDENTIALS"


class PasswordConflict(DomainError):
    code = "GPPWDERR003"
    status = 409
    message = "PASSWORD_CONFLICT_ERROR"
    origin = "graasp-plugin-password"
