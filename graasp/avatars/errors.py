"""Errors of avatars."""

from graasp.http.errors import DomainError


class AccountNotFound(DomainError):
    code = "GPAECCRR001"
    status = 404
    message = "ACCOUNT_NOT_FOUND"
    origin = "graasp-plugin-account"
