"""Errors of login schemas, guest log-in and enrolment."""

from typing import ClassVar

from graasp.http.errors import DomainError


class ItemLoginError(DomainError):
    origin: ClassVar[str] = "graasp-plugin-item-login"


class AlreadySignedIn(ItemLoginError):
    code = "GILERR006"
    status = 400
    message = "Member with valid session trying to (re)login"


class MissingCredentials(ItemLoginError):
    code = "GILERR008"
    status = 400
    message = "Missing credentials for set login schema"


class LoginSchemaNotFound(ItemLoginError):
    """There is none on the item or above, or it is disabled: nobody can tell which."""

    code = "GILERR009"
    status = 404
    message = "Item login schema not found for item"


class LoginSchemaInAncestor(ItemLoginError):
    code = "GILERR010"
    status = 403
    message = "Item login schema already item exists in an ancestor"


class RequestUnderLoginSchema(ItemLoginError):
    """Whoever wants in uses the login schema, and does not ask the admins."""

    code = "GILERR012"
    status = 409
    message = "CANNOT_CREATE_MEMBERSHIP_CAUSE_ITEM_LOGIN_SCHEMA_EXISTS"


class CannotEnrollWithoutLoginSchema(ItemLoginError):
    code = "GILERR013"
    status = 403
    message = "CANNOT_ENROLL_ITEM_WITHOUT_ITEM_LOGIN_SCHEMA"


class CannotRegisterOnFrozenLoginSchema(ItemLoginError):
    code = "GILERR014"
    status = 403
    message = "CANNOT_REGISTER_ON_FROZEN_ITEM_LOGIN_SCHEMA"


class CannotEnrollFrozenLoginSchema(ItemLoginError):
    code = "GILERR015"
    status = 403
    message = "CANNOT_ENROLL_FROZEN_ITEM_LOGIN_SCHEMA"
