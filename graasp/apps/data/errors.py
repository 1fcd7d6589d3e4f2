"""Errors of app data."""

from graasp.http.errors import DomainError

_ORIGIN = "graasp-plugin-apps/app-data"


class AppDataNotFound(DomainError):
    code = "GAERR004"
    status = 404
    message = "APP_DATA_NOT_FOUND"
    origin = _ORIGIN


class AppDataNotAccessible(DomainError):
    code = "GAERR005"
    status = 403
    message = "APP_DATA_NOT_ACCESSIBLE"
    origin = _ORIGIN


class PreventAppDataFileUpdate(DomainError):
    code = "GAERR008"
    status = 403
    message = "PREVENT_APP_DATA_FILE_UPDATE"
    origin = _ORIGIN


class CannotModifyOtherMembers(DomainError):
    code = "GAERR009"
    status = 403
    message = "CANNOT_MODIFY_OTHER_MEMBERS"
    origin = _ORIGIN


class NotAppDataFile(DomainError):
    code = "GAERR010"
    status = 400
    message = "App data is not a file"
    origin = _ORIGIN
