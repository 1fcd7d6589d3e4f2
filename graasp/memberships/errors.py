"""Errors of item access and of memberships."""

from graasp.http.errors import DomainError, FormattedError


class ItemNotFound(FormattedError):
    """The item does not exist or is recycled."""

    code = "GERR001"
    status = 404
    message = "ITEM_NOT_FOUND"


class MemberCannotAccess(DomainError):
    code = "GERR016"
    status = 403
    message = "MEMBER_CANNOT_ACCESS"


class UserCannotWriteItem(DomainError):
    code = "GERR003"
    status = 403
    message = "USER_CANNOT_WRITE_ITEM"


class UserCannotAdminItem(DomainError):
    code = "GERR004"
    status = 403
    message = "USER_CANNOT_ADMIN_ITEM"


class InvalidMembership(DomainError):
    """Not above what the account inherits."""

    code = "GERR005"
    status = 400
    message = "INVALID_MEMBERSHIP"


class ItemMembershipNotFound(DomainError):
    code = "GERR006"
    status = 404
    message = "ITEM_MEMBERSHIP_NOT_FOUND"


class ModifyExistingMembership(DomainError):
    code = "GERR007"
    status = 400
    message = "MODIFY_EXISTING"


class InvalidPermissionLevel(DomainError):
    """Below what the account inherits."""

    code = "GERR008"
    status = 400
    message = "INVALID_PERMISSION_LEVEL"


class CannotDeleteOnlyAdmin(DomainError):
    code = "GERR030"
    status = 403
    message = "Cannot delete the only admin on item"


class CannotModifyGuestMembership(DomainError):
    code = "GERR035"
    status = 400
    message = "CANNOT_MODIFY_GUEST_ITEM_MEMBERSHIP"
