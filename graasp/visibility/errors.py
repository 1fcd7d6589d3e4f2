"""Errors of visibilities."""

from graasp.http.errors import DomainError


class ConflictingVisibility(DomainError):
    """The item or an ancestor has one of this type already."""

    code = "GITERR007"
    status = 403
    message = "Visibility already present in the hierarchy - itself or ancestors"
    origin = "graasp-plugin-item-visibilities"


class CannotModifyInheritedVisibility(DomainError):
    """An ancestor gives it: there it can be taken away, not here."""

    code = "GITERR008"
    status = 403
    message = "Cannot modify inherited Visibility"
    origin = "graasp-plugin-item-visibilities"
