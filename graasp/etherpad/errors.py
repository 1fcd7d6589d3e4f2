"""Errors of pads."""

from graasp.http.errors import DomainError


class EtherpadServerError(DomainError):
    code = "GPEPERR001"
    status = 500
    message = "Internal Etherpad server error"
    origin = "graasp-plugin-etherpad"

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class PadIsGone(EtherpadServerError):
    """The pad server knows no pad of that id."""


class ItemMissingExtra(DomainError):
    code = "GPEPERR003"
    status = 500
    message = "Item missing etherpad extra"
    origin = "graasp-plugin-etherpad"
