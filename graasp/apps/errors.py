"""Errors of apps and of the tokens they call with."""

from graasp.http.errors import DomainError


class InvalidAppOrigin(DomainError):
    """No registered app has this key, or its publisher does not serve it from there."""

    code = "GAERR002"
    status = 403
    message = "INVALID_APP_ORIGIN"
    origin = "graasp-plugin-apps"


class TokenItemIdMismatch(DomainError):
    """The path's item is not the one that the token was made for."""

    code = "GAERR003"
    status = 401
    message = "TOKEN_ITEM_ID_MISMATCH"
    origin = "graasp-plugin-apps"
