"""Errors of app actions."""

from graasp.http.errors import DomainError


class AppActionNotAccessible(DomainError):
    """Those of another account, asked for by somebody who is no admin of the item."""

    code = "GAERR006"
    status = 403
    message = "APP_ACTION_NOT_ACCESSIBLE"
    origin = "graasp-plugin-apps/app-action"
