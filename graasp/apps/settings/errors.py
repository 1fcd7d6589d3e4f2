"""Errors of app settings."""

from graasp.http.errors import DomainError

_ORIGIN = "graasp-plugin-apps/app-setting"


class AppSettingNotFound(DomainError):
    code = "GAERR007"
    status = 404
    message = "APP_SETTING_NOT_FOUND"
    origin = _ORIGIN


class PreventAppSettingFileUpdate(DomainError):
    code = "GAERR009"
    status = 403
    message = "PREVENT_APP_SETTING_FILE_UPDATE"
    origin = _ORIGIN


class NotAppSettingFile(DomainError):
    code = "GAERR010"
    status = 400
    message = "App setting is not a file"
    origin = _ORIGIN
