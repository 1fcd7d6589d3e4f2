"""Errors of exports."""

from graasp.http.errors import DomainError


class UnexpectedExportError(DomainError):
    code = "GPIZERR003"
    status = 500
    message = "UNEXPECTED_EXPORT_ERROR"
    origin = "graasp-plugin-item-zip"
