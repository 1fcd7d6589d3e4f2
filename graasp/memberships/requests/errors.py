"""Errors of membership requests."""

from graasp.http.errors import DomainError


class MembershipAlreadyExists(DomainError):
    """Nothing to ask for: the account can read the item by a membership."""

    code = "GMRERR001"
    status = 400
    message = "MEMBERSHIP_ALREADY_EXISTS"
    origin = "graasp-plugin-member"


class MembershipRequestAlreadyExists(DomainError):
    code = "GMRERR002"
    status = 400
    message = "MEMBERSHIP_REQUEST_ALREADY_EXISTS"
    origin = "graasp-plugin-member"


class MembershipRequestNotFound(DomainError):
    code = "GMRERR003"
    status = 404
    message = "MEMBERSHIP_REQUEST_NOT_FOUND"
    origin = "graasp-plugin-member"
