"""Errors of profiles."""

from graasp.http.errors import DomainError


class MemberProfileIsEmpty(DomainError):
    """Nothing that was sent belongs to a profile."""

    code = "GMPERR003"
    status = 400
    message = "All properties of the member profile are empty"
    origin = "graasp-member-profile"


class MemberProfileAlreadyExists(DomainError):
    code = "GMPERR004"
    status = 409
    message = "MEMBER_PROFILE_ALREADY_EXISTS"
    origin = "graasp-member-profile"
