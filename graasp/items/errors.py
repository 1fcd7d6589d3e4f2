"""Errors of the item tree."""

from graasp.http.errors import DomainError, FormattedError


class WrongItemType(FormattedError):
    """The argument is the item's actual type."""

    code = "GIERR001"
    status = 400
    message = "Item does not have the correct type"


class ItemNotFolder(DomainError):
    code = "GERR029"
    status = 400
    message = "Item is not a folder"


class HierarchyTooDeep(DomainError):
    code = "GERR009"
    status = 403
    message = "HIERARCHY_TOO_DEEP"


class TooManyChildren(DomainError):
    code = "GERR010"
    status = 403
    message = "TOO_MANY_CHILDREN"


class TooManyDescendants(DomainError):
    """The data is how many items it would be."""

    code = "GERR011"
    status = 403
    message = "TOO_MANY_DESCENDANTS"


class InvalidMoveTarget(DomainError):
    """The data is the destination's id; there is none for the root."""

    code = "GERR012"
    status = 400
    message = "INVALID_MOVE_TARGET"


class CannotReorderRootItem(DomainError):
    code = "GERR034"
    status = 400
    message = "Cannot reorder items at root"


class NothingToUpdateItem(DomainError):
    code = "GERR036"
    status = 400
    message = "NOTHING_TO_UPDATE_ITEM"


class FileExpected(DomainError):
    code = "GERR033"
    status = 400
    message = "Expected a file to be present in the request, found none"
