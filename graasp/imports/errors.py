"""Errors of imports."""

from graasp.http.errors import DomainError


class InvalidArchiveFile(DomainError):
    """The data is the content type, or the reason."""

    code = "GPIZERR001"
    status = 400
    message = "INVALID_ARCHIVE_FILE"
    origin = "graasp-plugin-item-zip"


class GraaspExportFileError(DomainError):
    """The manifest of a Graasp archive is wrong or incomplete; the data is the reason."""

    code = "GPIZERR005"
    status = 400
    message = "GRAASP_EXPORT_FILE_ERROR"
    origin = "graasp-plugin-item-zip"
