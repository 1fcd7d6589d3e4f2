"""Errors of embedded links."""

from graasp.http.errors import DomainError


class InvalidUrl(DomainError):
    code = "GPIELERR002"
    status = 400
    message = "The URL is not valid."
    origin = "graasp-plugin-item-embedded-link"
