"""Errors of actions."""

from graasp.http.errors import DomainError


class CannotPostAction(DomainError):
    code = "GIAERR003"
    status = 403
    message = "Cannot post action"
    origin = "graasp-plugin-item-actions"


class CannotModifyOtherMembers(DomainError):
    code = "GERR014"
    status = 403
    message = "CANNOT_MODIFY_OTHER_MEMBERS"


class CannotWriteFile(DomainError):
    code = "GPAERR001"
    status = 404
    message = "A file was not created properly for the requested archive"
    origin = "graasp-plugin-actions"
