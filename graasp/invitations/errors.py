"""Errors of invitations."""

from graasp.http.errors import DomainError

_ORIGIN = "graasp-plugin-invitations"


class InvitationNotFound(DomainError):
    code = "GPINVERR003"
    status = 404
    message = "INVITATION_NOT_FOUND"
    origin = _ORIGIN


class MissingEmailColumn(DomainError):
    code = "GPINVERR005"
    status = 400
    message = "INVITATION_CSV_MISSING_EMAIL_COLUMN"
    origin = _ORIGIN


class MissingGroupColumn(DomainError):
    code = "GPINVERR006"
    status = 400
    message = "INVITATION_CSV_MISSING_GROUP_COLUMN"
    origin = _ORIGIN


class MissingEmailInRow(DomainError):
    code = "GPINVERR007"
    status = 400
    message = "INVITATION_CSV_MISSING_EMAIL_IN_ROW"
    origin = _ORIGIN


class MissingGroupInRow(DomainError):
    code = "GPINVERR008"
    status = 400
    message = "INVITATION_CSV_MISSING_GROUP_IN_ROW"
    origin = _ORIGIN


class NoFileProvided(DomainError):
    code = "GPINVERR011"
    status = 400
    message = "INVITATION_CSV_NO_FILE_PROVIDED"
    origin = _ORIGIN


class NoDataInFile(DomainError):
    """The file is empty, or has a header and nothing below."""

    code = "GPINVERR012"
    status = 400
    message = "INVITATION_CSV_NO_DATA_IN_FILE"
    origin = _ORIGIN


class StructureInNonFolder(DomainError):
    code = "GPINVERR013"
    status = 400
    message = "INVITATION_CANNOT_CREATE_STRUCTURE_IN_NON_FOLDER_ITEM"
    origin = _ORIGIN


class NoInvitationReceived(DomainError):
    code = "GPINVERR015"
    status = 400
    message = "NO_INVITATION_RECEIVED"
    origin = _ORIGIN
