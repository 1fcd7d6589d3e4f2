"""Errors of short links."""

from graasp.http.errors import DomainError, FormattedError


class ShortLinkNotFound(DomainError):
    code = "GERR1009"
    status = 404
    message = "SHORT_LINK_NOT_FOUND"
    origin = "shortLink"


class ShortLinkAlreadyExists(DomainError):
    """The alias is taken."""

    code = "GERR1010"
    status = 409
    message = "SHORT_LINK_ALREADY_EXISTS"
    origin = "shortLink"


class ShortLinkLimitExceed(DomainError):
    """The item has a link on this platform."""

    code = "GERR1011"
    status = 409
    message = "SHORT_LINK_LIMIT_EXCEED"
    origin = "shortLink"


class PublishedItemNotFound(FormattedError):
    """The library shows only what everybody can read."""

    code = "GPPIERR001"
    status = 404
    message = "Published Item Entry not found"
